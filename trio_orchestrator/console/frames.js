/**
 * The newest frame of each camera, kept as it came and read only when it is to be drawn.
 *
 * Of 64 cameras at 30 frames a second most frames are never looked at: they only replace the one before. What is read
 * goes into flat arrays that are used again and again.
 */

const CAMERA_AT = '{"type":"boundingBoxes","cameraId":'.length;
// No string holds an unescaped quote, so this is the first member behind the camera's id and nothing within it.
const FRAME_ID = ',"frameId":';
/** Points of a trail, and frames after which one whose box is gone is forgotten. */
export const TRAIL = 32;
const FORGOTTEN_AFTER = 20;
/** In fractions of the frame. */
const JUMP = 0.2;

/**
 * Where a box was: `TRAIL` points, x and y in fractions of the frame, the newest at `head - 1`.
 * @typedef {{points: Float32Array, head: number, length: number, frame: number}} Trail
 */

/** What one camera shows. */
export class CameraFrames {
  constructor() {
    /** The newest frame as it came; empty where there is none. */
    this.text = "";
    /** How many came, and which of them was read. */
    this.received = 0;
    this.read = 0;
    this.receivedAt = -Infinity;
    this.count = 0;
    /** x1, y1, x2, y2 of each box, in fractions of the frame. */
    this.rects = new Float32Array(4 * 32);
    this.certainties = new Float32Array(32);
    this.objectIds = new Float64Array(32);
    /** Numbers or strings, as far as cameras keep to it; undefined where there is none. @type {any[]} */
    this.boxIds = [];
    /** @type {string[]} */
    this.kinds = [];
    /** @type {Map<number | string, Trail>} */
    this.trails = new Map();
  }

  /** Read the newest frame, if it has not been read. @returns {boolean} whether there was one */
  refresh() {
    if (this.read === this.received) return false;
    if (this.received - this.read > 3 * FORGOTTEN_AFTER) this.trails.clear();
    this.read = this.received;
    this.count = 0;
    /** @type {any} */
    let boxes;
    try {
      boxes = JSON.parse(this.text).boxes;
    } catch {
      return true;
    }
    for (const box of Array.isArray(boxes) ? boxes : Object.values(boxes ?? {})) this.take(box);
    for (const [boxId, trail] of this.trails) if (this.read - trail.frame > FORGOTTEN_AFTER) this.trails.delete(boxId);
    return true;
  }

  /** Forget what it shows. */
  clear() {
    this.text = "";
    this.received = this.read = this.count = 0;
    this.receivedAt = -Infinity;
    this.trails.clear();
  }

  /** The id of the newest frame in the camera's own words: `12.0` stays `12.0`. */
  frameIdJson() {
    const from = this.text.indexOf(FRAME_ID) + FRAME_ID.length;
    const number = /^\s*(-?[0-9][0-9.eE+-]*)\s*,/.exec(this.text.slice(from, from + 64));
    return number ? number[1] : JSON.stringify(JSON.parse(this.text).frameId);
  }

  /** The box with that id in what was read; -1 where there is none. @param {number | string} boxId */
  indexOf(boxId) {
    for (let index = 0; index < this.count; index++) if (this.boxIds[index] === boxId) return index;
    return -1;
  }

  /**
   * The smallest box around a point; -1 where there is none.
   * @param {number} x @param {number} y in fractions of the frame
   * @param {number} [reach] how far off it may be
   */
  at(x, y, reach = 0) {
    let found = -1;
    let smallest = Infinity;
    for (let index = 0, i = 0; index < this.count; index++, i += 4) {
      const [x1, y1, x2, y2] = this.rects.subarray(i, i + 4);
      if (x < x1 - reach || x > x2 + reach || y < y1 - reach || y > y2 + reach) continue;
      const area = (x2 - x1) * (y2 - y1);
      if (area < smallest) [found, smallest] = [index, area];
    }
    return found;
  }

  /** @private @param {any} box */
  take(box) {
    const rect = box?.rect;
    if (!Array.isArray(rect) || rect.length !== 4 || !rect.every(Number.isFinite)) return;
    if (this.count === this.objectIds.length) this.grow();
    const index = this.count++;
    for (let side = 0; side < 4; side++) this.rects[4 * index + side] = Math.min(1, Math.max(0, rect[side]));
    this.objectIds[index] = Number.isInteger(box.objectId) ? box.objectId : 0;
    this.certainties[index] = Number.isFinite(box.certainty) ? box.certainty : NaN;
    this.boxIds[index] = box.boxId ?? undefined;
    this.kinds[index] = typeof box.objectType === "string" ? box.objectType : "";
    this.trace(box.boxId, (this.rects[4 * index] + this.rects[4 * index + 2]) / 2, this.rects[4 * index + 3]);
  }

  /** @private @param {number | string} boxId @param {number} x @param {number} y */
  trace(boxId, x, y) {
    let trail = this.trails.get(boxId);
    if (trail && this.jumped(trail, x, y)) trail = undefined;
    if (!trail) this.trails.set(boxId, (trail = { points: new Float32Array(2 * TRAIL), head: 0, length: 0, frame: 0 }));
    trail.points[2 * trail.head] = x;
    trail.points[2 * trail.head + 1] = y;
    trail.head = (trail.head + 1) % TRAIL;
    trail.length = Math.min(TRAIL, trail.length + 1);
    trail.frame = this.read;
  }

  /** Whether nobody walks that far from one frame to the next: it is somebody else, or the film began anew. @private @param {Trail} trail @param {number} x @param {number} y */
  jumped(trail, x, y) {
    const last = 2 * ((trail.head + TRAIL - 1) % TRAIL);
    return Math.hypot(x - trail.points[last], y - trail.points[last + 1]) > JUMP;
  }

  /** @private */
  grow() {
    const length = 2 * this.objectIds.length;
    const longer = (/** @type {any} */ array, /** @type {number} */ size) => {
      const copy = new array.constructor(size);
      copy.set(array);
      return copy;
    };
    this.rects = longer(this.rects, 4 * length);
    this.certainties = longer(this.certainties, length);
    this.objectIds = longer(this.objectIds, length);
  }
}

/** The newest frames of all cameras. */
export class Frames {
  constructor() {
    /** @type {Map<string, CameraFrames>} */
    this.cameras = new Map();
    /** By the camera's id as it stands in messages, so that most need not be read to know whose they are. */
    this.byJson = new Map();
  }

  /** A `boundingBoxes` came. @param {string} text @param {number} at milliseconds */
  take(text, at) {
    const json = text.slice(CAMERA_AT, text.indexOf(FRAME_ID, CAMERA_AT));
    let camera = this.byJson.get(json);
    if (!camera) this.byJson.set(json, (camera = this.of(JSON.parse(json))));
    camera.text = text;
    camera.received += 1;
    camera.receivedAt = at;
  }

  /** Forget what all of them show. */
  clear() {
    for (const camera of this.cameras.values()) camera.clear();
  }

  /** @param {string} cameraId @returns {CameraFrames} */
  of(cameraId) {
    let camera = this.cameras.get(cameraId);
    if (!camera) this.cameras.set(cameraId, (camera = new CameraFrames()));
    return camera;
  }
}
