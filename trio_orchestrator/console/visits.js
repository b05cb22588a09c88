/**
 * Visits: when an object was on which camera. What the archive has of them joins what is heard live.
 *
 * The archive is a second behind and is asked now and then; live changes come at once. Both tell of the same visits, so
 * what touches is one visit.
 */

/**
 * @typedef {object} Visit
 * @property {string} cameraId
 * @property {number} from milliseconds
 * @property {number | null} to null while it goes on
 * @property {number | null} heard when the archive was asked and it still went on; null where it did not, or was not
 * @property {number | null} sightings null where only heard live
 * @property {number | null} bestCertainty likewise, and where no box had one
 */

/** Two that are no further apart than this are one, milliseconds; half the shortest gap that the server makes of it. */
const TOUCHING = 1500;

/**
 * The live visits after a `tracking`, `seen`, `lost` or `stopped`; the same ones where it is another.
 * @param {readonly Visit[]} visits
 * @param {{state: string, cameraId?: string}} change
 * @param {number} at milliseconds
 * @returns {readonly Visit[]}
 */
export function follow(visits, change, at) {
  const { state, cameraId = "" } = change;
  const isOpen = (/** @type {Visit} */ visit) => visit.to === null && (state === "stopped" || visit.cameraId === cameraId);
  if (state === "seen") return visits.some(isOpen) ? visits : [...visits, begun(cameraId, at)];
  if (state === "stopped") return visits.map((visit) => (isOpen(visit) ? ended(visit, at) : visit));
  if (state !== "lost") return visits;
  // Where its beginning was not heard, its end is all there is to tell; the archive has the rest.
  if (!visits.some(isOpen)) return [...visits, ended(begun(cameraId, at), at)];
  return visits.map((visit) => (isOpen(visit) ? ended(visit, at) : visit));
}

/**
 * The live visits after a snapshot: those that it does not know are over since nobody told us any more.
 * @param {readonly Visit[]} visits
 * @param {ReadonlySet<string>} seenOn the cameras that the object is on
 * @param {number} heard when something was last heard, milliseconds
 * @param {number} at when the snapshot came, likewise
 * @returns {readonly Visit[]}
 */
export function resume(visits, seenOn, heard, at) {
  const known = visits.map((visit) => (visit.to === null && !seenOn.has(visit.cameraId) ? ended(visit, heard) : visit));
  const open = new Set(known.filter((visit) => visit.to === null).map((visit) => visit.cameraId));
  return [...known, ...[...seenOn].filter((cameraId) => !open.has(cameraId)).map((cameraId) => begun(cameraId, at))];
}

/**
 * One list of two, oldest first. Whether a visit goes on is known best by those who hear of it live.
 * @param {readonly Visit[]} archived
 * @param {readonly Visit[]} live
 * @param {ReadonlySet<string>} seenOn the cameras that the object is on
 * @returns {Visit[]}
 */
export function join(archived, live, seenOn) {
  /** @type {Map<string, Visit[]>} */
  const byCamera = new Map();
  for (const visit of [...archived, ...live].sort((a, b) => a.from - b.from)) {
    const before = byCamera.get(visit.cameraId) ?? [];
    const last = before.at(-1);
    if (last && visit.from <= (last.to ?? Infinity) + TOUCHING) before[before.length - 1] = united(last, visit);
    else before.push(visit);
    byCamera.set(visit.cameraId, before);
  }
  for (const [cameraId, visits] of byCamera) {
    const last = visits.length - 1;
    const over = (/** @type {number} */ index) => index < last || !seenOn.has(cameraId);
    visits.forEach((visit, index) => {
      if (visit.to === null && over(index)) visits[index] = ended(visit, visit.heard ?? visit.from);
    });
  }
  return [...byCamera.values()].flat().sort((a, b) => a.from - b.from);
}

/**
 * Where an object went from one camera to another: pairs of visits in the order of their beginnings.
 * @param {readonly Visit[]} visits oldest first
 * @returns {{left: Visit, entered: Visit}[]}
 */
export function handovers(visits) {
  const pairs = [];
  for (let index = 1; index < visits.length; index++) {
    const [left, entered] = [visits[index - 1], visits[index]];
    if (left.cameraId !== entered.cameraId) pairs.push({ left, entered });
  }
  return pairs;
}

/** @param {string} cameraId @param {number} at @returns {Visit} */
function begun(cameraId, at) {
  return { cameraId, from: at, to: null, heard: null, sightings: null, bestCertainty: null };
}

/** @param {Visit} visit @param {number} at @returns {Visit} */
function ended(visit, at) {
  return { ...visit, to: Math.max(at, visit.from) };
}

/**
 * One visit of two that touch, the first of which begins no later.
 * @param {Visit} a @param {Visit} b @returns {Visit}
 */
function united(a, b) {
  const bothOpen = a.to === null && b.to === null;
  return {
    cameraId: a.cameraId,
    from: a.from,
    // An open one may only be so because whoever told of it has not heard of the end yet.
    to: bothOpen ? null : a.to === null ? b.to : b.to === null ? null : Math.max(a.to, b.to),
    heard: Math.max(a.heard ?? 0, b.heard ?? 0) || null,
    sightings: a.sightings ?? b.sightings,
    bestCertainty: a.bestCertainty ?? b.bestCertainty,
  };
}
