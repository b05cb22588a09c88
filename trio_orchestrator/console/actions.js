/** What an operator can have done: each says how it went. */

import { ApiError } from "./api.js";
import { Refused } from "./connection.js";
import { confirmErasing } from "./dialogs.js";
import { dataUrl, objection } from "./images.js";

const WHY = new Map([
  ["unknown_camera", "the camera is not connected"],
  ["unknown_object", "it is not tracked any more"],
  ["storage_unavailable", "the server cannot store anything now; try again in a moment"],
  ["limit_reached", "as many objects are tracked as the server takes"],
  ["too_large", "the image is larger than the server takes"],
  ["disconnected", "the connection broke; look whether it happened"],
]);

export class Actions {
  /**
   * @param {import("./connection.js").Connection} connection
   * @param {import("./api.js").Api} api
   * @param {import("./notices.js").Notices} notices
   * @param {{show: (objectId: number) => void, isLive: (objectId: number) => boolean, erased: (objectId: number) => void}} page
   */
  constructor(connection, api, notices, page) {
    this.connection = connection;
    this.api = api;
    this.notices = notices;
    this.page = page;
  }

  /** Let the operator look at an object. @param {number} objectId */
  show(objectId) {
    this.page.show(objectId);
  }

  /**
   * Track what is in a box.
   * @param {string} cameraId
   * @param {string} frameIdJson the frame it was clicked in, in the camera's own words
   * @param {unknown} boxId as the camera gave it; undefined where it did not
   */
  async track(cameraId, frameIdJson, boxId) {
    const why = unnamed(frameIdJson, boxId);
    if (why) return this.notices.error(`Nothing is tracked from ${cameraId}: ${why}.`);
    const members = { type: '"start"', cameraId: JSON.stringify(cameraId), frameId: frameIdJson, boxId: JSON.stringify(boxId) };
    await this.start(cameraId, members);
  }

  /** Track what an image shows. @param {string} cameraId @param {File} file */
  async trackImage(cameraId, file) {
    const why = objection(file);
    if (why) return this.notices.error(why);
    const image = JSON.stringify(await dataUrl(file));
    await this.start(cameraId, { type: '"start"', cameraId: JSON.stringify(cameraId), image });
  }

  /** @param {number} objectId */
  async stop(objectId) {
    try {
      await this.connection.request({ type: '"stop"', objectId: String(objectId) });
      this.notices.info(`Object ${objectId} is no longer tracked.`);
    } catch (error) {
      this.failed(`Object ${objectId} was not stopped`, error);
    }
  }

  /** Erase an object, once the operator has confirmed it. @param {number} objectId */
  async erase(objectId) {
    if (!(await confirmErasing(document.body, objectId, this.page.isLive(objectId)))) return;
    try {
      await this.api.erase(objectId);
      this.notices.info(`Object ${objectId} was erased.`);
      this.page.erased(objectId);
    } catch (error) {
      this.failed(`Object ${objectId} was not erased`, error);
    }
  }

  /** Say why something was not done. @param {string} what @param {unknown} error */
  failed(what, error) {
    const why = error instanceof Refused ? (WHY.get(error.code) ?? error.message) : error instanceof ApiError ? error.message : String(error);
    this.notices.error(`${what}: ${why.replace(/\.$/, "")}.`);
  }

  /** @private @param {string} cameraId @param {{[member: string]: string}} members */
  async start(cameraId, members) {
    try {
      const objectId = await this.connection.request(members);
      this.notices.info(`Tracking object ${objectId}, started on ${cameraId}.`);
    } catch (error) {
      this.failed(`Nothing is tracked from ${cameraId}`, error);
    }
  }
}

/**
 * Why a box cannot be named to the server; empty where it can. Cameras may put anything into boxes and for the ids of
 * frames, but a start takes numbers and strings only.
 * @param {string} frameIdJson @param {unknown} boxId
 */
function unnamed(frameIdJson, boxId) {
  const isName = (/** @type {unknown} */ id) => typeof id === "number" || typeof id === "string";
  if (boxId === undefined) return "the camera gave this box no id";
  if (!isName(boxId)) return "the id of this box is neither a number nor a text";
  return isName(JSON.parse(frameIdJson)) ? "" : "the id of this frame is neither a number nor a text";
}
