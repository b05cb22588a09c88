/** Where an arrow key leads: to the nearest thing that lies in its direction. */

/** @typedef {{x: number, y: number}} Point */

const STEPS = new Map([
  ["ArrowLeft", { x: -1, y: 0 }],
  ["ArrowRight", { x: 1, y: 0 }],
  ["ArrowUp", { x: 0, y: -1 }],
  ["ArrowDown", { x: 0, y: 1 }],
]);

/** How much farther off something seems for each step that it lies beside the direction. */
const ASIDE = 3;

/** Whether `key` is an arrow. @param {string} key */
export const isArrow = (key) => STEPS.has(key);

/**
 * The index of the point that `key` leads to from `from`; -1 where there is none.
 * @param {Point} from
 * @param {readonly Point[]} points
 * @param {string} key
 */
export function nearest(from, points, key) {
  const step = STEPS.get(key);
  let found = -1;
  let least = Infinity;
  if (!step) return found;
  points.forEach((point, index) => {
    const along = (point.x - from.x) * step.x + (point.y - from.y) * step.y;
    const aside = Math.abs((point.x - from.x) * step.y) + Math.abs((point.y - from.y) * step.x);
    const distance = along + ASIDE * aside;
    if (along > 1e-6 && distance < least) [found, least] = [index, distance];
  });
  return found;
}
