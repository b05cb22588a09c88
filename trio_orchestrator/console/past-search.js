/**
 * A search among past objects, a page at a time.
 *
 * A cursor is good for the question that it was given for: whoever asks for the next page gets that of what is shown,
 * whatever else was typed or asked in vain since.
 */

const PAGE = 50;

/**
 * @typedef {import("./api.js").Past} Past
 *
 * @typedef {object} Question
 * @property {string} id of one object; empty for any
 * @property {string} cameraId where it was started; empty for any
 * @property {number} from tracked at this instant or later, milliseconds; NaN for any
 * @property {number} to tracked before this one, likewise
 */

/** @type {Question} */
const ANY = { id: "", cameraId: "", from: NaN, to: NaN };

export class PastSearch {
  /** @param {Pick<import("./api.js").Api, "object" | "objects">} api */
  constructor(api) {
    this.api = api;
    /** What was searched for last. */
    this.question = ANY;
    /** The next page of what is shown; null where there is none. @type {{question: Question, cursor: string} | null} */
    this.next = null;
    /** Counts what was asked: an answer to an older question is of no use. */
    this.asked = 0;
  }

  get hasMore() {
    return this.next !== null;
  }

  /** Whether only some of the past objects are searched for. */
  get isNarrow() {
    const { id, cameraId, from, to } = this.question;
    return id !== "" || cameraId !== "" || !Number.isNaN(from) || !Number.isNaN(to);
  }

  /** Search for something else. @param {Question} question @returns {Promise<Past[] | null>} the first page, as `again` */
  search(question) {
    this.question = question;
    return this.again();
  }

  /**
   * Search for the same from the beginning.
   * @returns {Promise<Past[] | null>} the first page; null where something else was asked meanwhile
   */
  again() {
    return this.ask(this.question, null);
  }

  /** @returns {Promise<Past[] | null>} the next page, as `again` */
  more() {
    return this.next ? this.ask(this.next.question, this.next.cursor) : Promise.resolve(null);
  }

  /** Nothing is to be kept of it, and whatever is still to be answered is of no use. */
  forget() {
    this.question = ANY;
    this.next = null;
    this.asked += 1;
  }

  /** @private @param {Question} question @param {string | null} cursor @returns {Promise<Past[] | null>} */
  async ask(question, cursor) {
    const asked = ++this.asked;
    try {
      const page = await this.page(question, cursor);
      if (asked !== this.asked) return null;
      this.next = page.cursor === null ? null : { question, cursor: page.cursor };
      return page.objects;
    } catch (error) {
      if (asked !== this.asked) return null;
      throw error;
    }
  }

  /** @private @param {Question} question @param {string | null} cursor @returns {Promise<{objects: Past[], cursor: string | null}>} */
  async page({ id, ...wanted }, cursor) {
    if (id === "") return this.api.objects({ live: false, ...wanted, cursor: cursor ?? undefined, limit: PAGE });
    const found = /^[0-9]{1,18}$/.test(id) ? await this.api.object(Number(id)) : null;
    return { objects: found && !found.live ? [found] : [], cursor: null };
  }
}
