/**
 * What is asked over HTTP: the past. The token goes in a header, never in an address.
 *
 * The server notes who looks an object up, so nothing here asks for one that the operator did not.
 */

import { instant } from "./format.js";

/**
 * @typedef {object} Past
 * @property {number} objectId
 * @property {boolean} live
 * @property {string} cameraId where it was started
 * @property {number} startedAt milliseconds
 * @property {string} startedBy empty where nobody is known
 * @property {number} stoppedAt milliseconds; NaN while it is live
 * @property {string} stopReason empty while it is live
 * @property {string} stoppedBy
 * @property {boolean} hasImage
 *
 * @typedef {object} Wanted
 * @property {boolean} [live]
 * @property {string} [cameraId] where it was started
 * @property {number} [from] tracked at this instant or later, milliseconds
 * @property {number} [to] tracked before this one
 * @property {string} [cursor]
 * @property {number} [limit]
 */

/** The server did not answer as was wished. */
export class ApiError extends Error {
  /** @param {number} status 0 where nobody answered @param {string} message for people */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Api {
  /**
   * @param {() => string | null} token
   * @param {(...given: Parameters<typeof fetch>) => Promise<Response>} [ask]
   */
  constructor(token, ask = (...given) => fetch(...given)) {
    this.token = token;
    this.ask = ask;
  }

  /** A page of objects, newest first. @param {Wanted} wanted @returns {Promise<{objects: Past[], cursor: string | null}>} */
  async objects(wanted) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(wanted)) {
      if (value === undefined || value === "" || Number.isNaN(value)) continue;
      query.set(name, name === "from" || name === "to" ? new Date(Number(value)).toISOString() : String(value));
    }
    const page = await (await this.get(`objects?${query}`)).json();
    return { objects: page.objects.map(past), cursor: page.cursor };
  }

  /** One object; null where there is none. @param {number} objectId @returns {Promise<Past | null>} */
  async object(objectId) {
    const answer = await this.found(`objects/${objectId}`);
    return answer && past(await answer.json());
  }

  /** Its image; null where none is kept. @param {number} objectId @returns {Promise<Blob | null>} */
  async image(objectId) {
    const answer = await this.found(`objects/${objectId}/image`);
    return answer && answer.blob();
  }

  /** Its visits, those that ended first in front; null where it is unknown or erased. @param {number} objectId @returns {Promise<import("./visits.js").Visit[] | null>} */
  async visits(objectId) {
    const answer = await this.found(`objects/${objectId}/visits`);
    const now = Date.now();
    return answer ? (await answer.json()).map((/** @type {any} */ told) => visit(told, now)) : null;
  }

  /** Its visits as a file. @param {number} objectId @returns {Promise<Blob>} */
  async visitsCsv(objectId) {
    return (await this.get(`objects/${objectId}/visits`, { Accept: "text/csv" })).blob();
  }

  /** Let nothing be left of it. @param {number} objectId */
  async erase(objectId) {
    await this.get(`objects/${objectId}`, {}, "DELETE");
  }

  /** By how many milliseconds the server's clock is ahead of this one's; 0 where that is no more than it can tell. */
  async clockAhead() {
    const before = Date.now();
    const answer = await this.get("healthz");
    const middle = (before + Date.now()) / 2;
    const ahead = Date.parse(answer.headers.get("Date") ?? "") + 500 - middle;
    return Math.abs(ahead) > 1500 ? ahead : 0;
  }

  /** @private @param {string} path @returns {Promise<Response | null>} */
  async found(path) {
    try {
      return await this.get(path);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  /**
   * @private
   * @param {string} path
   * @param {Record<string, string>} [headers]
   * @param {string} [method]
   */
  async get(path, headers = {}, method = "GET") {
    const token = this.token();
    let answer;
    try {
      answer = await this.ask(path, {
        method,
        headers: token === null ? headers : { ...headers, Authorization: `Bearer ${token}` },
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
      });
    } catch {
      throw new ApiError(0, "The server cannot be reached.");
    }
    if (!answer.ok) throw new ApiError(answer.status, await reason(answer));
    return answer;
  }
}

/** @param {Response} answer */
async function reason(answer) {
  try {
    return String((await answer.json()).message);
  } catch {
    return `The server answered with status ${answer.status}.`;
  }
}

/** @param {any} told @returns {Past} */
function past(told) {
  return {
    objectId: told.objectId,
    live: told.live,
    cameraId: told.cameraId,
    startedAt: instant(told.startedAt),
    startedBy: who(told.startedBy),
    stoppedAt: instant(told.stoppedAt),
    stopReason: told.stopReason ?? "",
    stoppedBy: who(told.stoppedBy),
    hasImage: told.hasImage,
  };
}

/** @param {any} told @param {number} now */
function visit(told, now) {
  return {
    cameraId: told.cameraId,
    from: instant(told.from),
    to: told.to === null ? null : instant(told.to),
    heard: told.to === null ? now : null,
    begunBefore: false,
    sightings: told.sightings,
    bestCertainty: told.bestCertainty,
  };
}

/** @param {any} told */
function who(told) {
  return told?.name ?? told?.subject ?? told?.address ?? "";
}
