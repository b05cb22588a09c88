/** The visits of the objects that are looked at: fetched once, and gone on with by what is heard live. */

import { instant } from "./format.js";
import { follow, join, resume } from "./visits.js";

/** @typedef {import("./visits.js").Visit} Visit */

/** So many objects can be compared; more bars would be too thin to see. */
export const MOST_CHOSEN = 12;
/** So many objects' live visits are kept; those of the oldest that nobody looks at go. */
const MOST_HEARD = 500;
const NOWHERE = new Set();

export class Chronicle {
  /**
   * @param {(objectId: number) => Promise<Visit[] | null>} fetchVisits null where there is no such object, or not any more
   * @param {() => void} changed
   */
  constructor(fetchVisits, changed) {
    this.fetchVisits = fetchVisits;
    this.changed = changed;
    /** @type {Map<number, readonly Visit[]>} */
    this.heard = new Map();
    /** The chosen objects, and what the archive has of them. @type {Map<number, {visits: Visit[], error: string, asked: boolean}>} */
    this.chosen = new Map();
    /** @type {ReadonlyMap<number, import("./state.js").Tracked>} */
    this.objects = new Map();
  }

  /** A `tracking` message came. @param {any} message @param {ReadonlyMap<number, import("./state.js").Tracked>} objects as they are now */
  hear(message, objects) {
    this.objects = objects;
    const { objectId } = message;
    this.heard.set(objectId, follow(this.heard.get(objectId) ?? [], message, instant(message.at)));
    this.trim();
    this.changed();
  }

  /**
   * A snapshot came: what was missed is in the archive.
   * @param {ReadonlyMap<number, import("./state.js").Tracked>} objects
   * @param {number} heard when anything was heard before, milliseconds @param {number} at likewise
   * @param {boolean} missed whether the connection was another one before
   */
  resume(objects, heard, at, missed) {
    this.objects = objects;
    for (const objectId of new Set([...this.heard.keys(), ...objects.keys()])) {
      const seenOn = new Set(objects.get(objectId)?.seenOn.keys() ?? []);
      this.heard.set(objectId, resume(this.heard.get(objectId) ?? [], seenOn, heard, at));
    }
    if (missed) for (const objectId of this.chosen.keys()) this.fetch(objectId);
    this.changed();
  }

  /**
   * Look at exactly these objects.
   * @param {number[]} objectIds
   * @param {boolean} [anew] whether to ask again also for those that are looked at already
   */
  choose(objectIds, anew = false) {
    const wanted = new Set(objectIds.slice(-MOST_CHOSEN));
    for (const objectId of this.chosen.keys()) if (!wanted.has(objectId)) this.chosen.delete(objectId);
    for (const objectId of wanted) {
      const isNew = !this.chosen.has(objectId);
      if (isNew) this.chosen.set(objectId, unasked());
      if (isNew || anew) this.fetch(objectId);
    }
    this.changed();
  }

  /** Nothing is left of it. @param {number} objectId */
  forget(objectId) {
    this.heard.delete(objectId);
    this.chosen.delete(objectId);
    this.changed();
  }

  /** Nothing is to be kept but which objects are looked at. */
  forgetAll() {
    this.heard.clear();
    this.objects = new Map();
    for (const objectId of this.chosen.keys()) this.chosen.set(objectId, unasked());
    this.changed();
  }

  /** The visits of a chosen object, oldest first. @param {number} objectId @returns {Visit[]} */
  visitsOf(objectId) {
    const seenOn = this.objects.get(objectId)?.seenOn;
    return join(this.chosen.get(objectId)?.visits ?? [], this.heard.get(objectId) ?? [], new Set(seenOn?.keys() ?? NOWHERE));
  }

  /** @private @param {number} objectId */
  async fetch(objectId) {
    const entry = this.chosen.get(objectId);
    if (!entry) return;
    /** @type {Visit[] | null} */
    let visits = null;
    let error = "";
    try {
      visits = await this.fetchVisits(objectId);
    } catch (fault) {
      error = fault instanceof Error ? fault.message : String(fault);
      visits = entry.visits; // what was there before is better than nothing
    }
    if (visits === null && !this.objects.has(objectId)) this.heard.delete(objectId);
    // Into the one that was asked for: another may be in its place, and not be meant to know this.
    Object.assign(entry, { visits: visits ?? [], error, asked: true });
    this.changed();
  }

  /** @private */
  trim() {
    if (this.heard.size <= MOST_HEARD) return;
    for (const objectId of this.heard.keys()) {
      if (!this.objects.has(objectId) && !this.chosen.has(objectId)) {
        this.heard.delete(objectId);
        return;
      }
    }
  }
}

/** What is known of a chosen object at first. */
function unasked() {
  return { visits: /** @type {Visit[]} */ ([]), error: "", asked: false };
}
