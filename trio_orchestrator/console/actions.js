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
   * @param {string} boxIdJson likewise
   */
  async track(cameraId, frameIdJson, boxIdJson) {
    const members = { type: '"start"', cameraId: JSON.stringify(cameraId), frameId: frameIdJson, boxId: boxIdJson };
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
