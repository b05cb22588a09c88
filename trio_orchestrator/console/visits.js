/**
 * Visits: when an object was on which camera. What the archive has of them joins what is heard live.
 *
 * The archive is a second behind and is asked now and then; live changes come at once. Both tell of the same visits, by
 * the same sightings, so what is at the same time is one visit. Which pauses end one is the server's to say: of what the
 * same source tells apart nothing is joined.
 */

/**
 * @typedef {object} Visit
 * @property {string} cameraId
 * @property {number} from milliseconds
 * @property {number | null} to null while it goes on
 * @property {number | null} heard when the archive was asked and it still went on; null where it did not, or was not
 * @property {boolean} begunBefore whether it had begun before `from`, unheard
 * @property {number | null} sightings null where only heard live
 * @property {number | null} bestCertainty likewise, and where no box had one
 */

/** The archive and the messages may round the same instant differently, by so many milliseconds. */
const ROUNDING = 1;
/** By so many the archive may be behind, and this page's clock beside the server's. */
const BEHIND = 1500;

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
  if (state === "seen") return visits.some(isOpen) ? visits : [...visits, begun(cameraId, at, false)];
  if (state === "stopped") return visits.map((visit) => (isOpen(visit) ? ended(visit, at) : visit));
  if (state !== "lost") return visits;
  // Where its beginning was not heard, its end is all there is to tell; the archive has the rest.
  if (!visits.some(isOpen)) return [...visits, ended(begun(cameraId, at, true), at)];
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
  return [...known, ...[...seenOn].filter((cameraId) => !open.has(cameraId)).map((cameraId) => begun(cameraId, at, true))];
}

/**
 * One list of two, oldest first. Whether a visit goes on is known best by those who hear of it live.
 * @param {readonly Visit[]} archived
 * @param {readonly Visit[]} live
 * @param {ReadonlySet<string>} seenOn the cameras that the object is on
 * @returns {Visit[]}
 */
export function join(archived, live, seenOn) {
  /** @type {Visit[]} */
  const all = [];
  for (const cameraId of new Set([...archived, ...live].map((visit) => visit.cameraId))) {
    const here = (/** @type {Visit} */ visit) => visit.cameraId === cameraId;
    const visits = joined(sorted(archived.filter(here)), sorted(live.filter(here)));
    const last = visits.length - 1;
    const over = (/** @type {number} */ index) => index < last || !seenOn.has(cameraId);
    visits.forEach((visit, index) => {
      all.push(visit.to === null && over(index) ? ended(visit, visit.heard ?? visit.from) : visit);
    });
  }
  return sorted(all);
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

/** @param {readonly Visit[]} visits */
function sorted(visits) {
  return visits.toSorted((a, b) => a.from - b.from);
}

/** @param {string} cameraId @param {number} at @param {boolean} begunBefore @returns {Visit} */
function begun(cameraId, at, begunBefore) {
  return { cameraId, from: at, to: null, heard: null, begunBefore, sightings: null, bestCertainty: null };
}

/** @param {Visit} visit @param {number} at @returns {Visit} */
function ended(visit, at) {
  // Where the beginning was not heard, the end that is told may lie before what stands for it.
  const from = visit.begunBefore ? Math.min(visit.from, at) : visit.from;
  return { ...visit, from, to: Math.max(at, from) };
}

/**
 * The visits to one camera.
 * @param {readonly Visit[]} archived oldest first @param {readonly Visit[]} live likewise
 * @returns {Visit[]} oldest first
 */
function joined(archived, live) {
  const both = archived.map((visit) => ({ visit, isHeard: false }));
  const others = [];
  for (const visit of live) {
    const same = both.filter((each) => isSame(each.visit, visit, each.isHeard));
    // Over a break of the connection one may be all that was heard of several: it is the last of them that goes on.
    const last = same.at(-1);
    if (last) [last.visit, last.isHeard] = [united(last.visit, visit), true];
    else others.push(visit);
  }
  return sorted([...both.map((each) => each.visit), ...others]);
}

/**
 * Whether the archive and a live message tell of the same visit, as far as that can be known yet.
 * @param {Visit} archived @param {Visit} live @param {boolean} isHeard whether another live one is `archived`, too
 */
function isSame(archived, live, isHeard) {
  const late = live.begunBefore && !isHeard ? BEHIND : ROUNDING;
  return live.from <= (archived.to ?? Infinity) + late && archived.from <= (live.to ?? Infinity) + ROUNDING;
}

/** One visit of two. @param {Visit} archived @param {Visit} live @returns {Visit} */
function united(archived, live) {
  // An open one may only be so because whoever told of it has not heard of the end yet.
  return { ...archived, to: archived.to === null || live.to === null ? live.to : Math.max(archived.to, live.to) };
}
