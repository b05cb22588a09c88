/** One camera on the wall: its stage, and what is known of it around it. */

import { arrange, h, icon, mark, say } from "./dom.js";
import { colourOf } from "./colours.js";
import { describe, draw } from "./drawing.js";
import { clock, counted } from "./format.js";

/** Milliseconds without a frame after which what is shown may no longer be so. */
const STALE_AFTER = 2000;

export class Tile {
  /**
   * @param {string} cameraId
   * @param {import("./frames.js").CameraFrames} frames
   * @param {{choose: () => void}} does `choose`: open the file chooser
   */
  constructor(cameraId, frames, does) {
    this.cameraId = cameraId;
    this.frames = frames;
    this.visible = false;
    this.dirty = true;
    this.chosenId = /** @type {number | string | null} */ (null);
    this.pointed = -1;
    this.asked = /** @type {number | string | null} */ (null);
    this.online = false;
    this.stale = false;
    this.lastCount = frames.received;
    this.width = this.height = 0;
    this.scale = 1;
    this.objects = /** @type {ReadonlyMap<number, any>} */ (new Map());

    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.context = this.canvas.getContext("2d");
    this.note = h("p", { class: "stage-note" });
    this.rate = h("span", { class: "rate" });
    this.chips = h("span", { class: "chips" });
    this.dot = h("span", { class: "dot", "aria-hidden": "true" });
    const upload = h(
      "button",
      { type: "button", class: "plain upload", tabindex: "-1", title: "Start from an image (I)", "aria-label": `Start from an image on ${cameraId}`, on: { click: does.choose } },
      icon("image"),
    );
    this.stage = h("div", { class: "stage" }, this.canvas, this.note, h("p", { class: "drop-note" }, "Drop to search from here"));
    this.element = h(
      "article",
      { class: "tile", tabindex: "-1", "data-camera": cameraId, "aria-roledescription": "camera" },
      h("header", {}, this.dot, h("h3", { title: cameraId }, cameraId), this.chips, this.rate, upload),
      this.stage,
    );
  }

  /** @param {import("./state.js").Camera} camera @param {ReadonlyMap<number, import("./state.js").Tracked>} objects @param {number} now */
  update(camera, objects, now) {
    if (this.online && !camera.online) this.frames.clear();
    this.online = camera.online;
    this.objects = objects;
    this.dirty = true;
    mark(this.element, "data-online", String(camera.online));
    say(this.note, camera.online ? "" : offline(camera));
    const here = [...objects.values()].filter((object) => object.seenOn.has(this.cameraId));
    arrange(this.chips, here.map((object) => this.chip(object.objectId)));
    this.describe(here.length, now);
  }

  /** Once a second: frames a second, and whether any come. @param {number} seconds since the last time @param {number} now */
  tick(seconds, now) {
    const rate = Math.max(0, this.frames.received - this.lastCount) / seconds;
    this.lastCount = this.frames.received;
    say(this.rate, this.online && this.visible ? `${rate >= 9.95 ? Math.round(rate) : rate.toFixed(1)} fps` : "");
    const stale = this.online && now - this.frames.receivedAt > STALE_AFTER;
    if (stale !== this.stale) [this.stale, this.dirty] = [stale, true];
    if (this.online) say(this.note, !this.visible || !stale ? "" : this.frames.text ? "No frames are coming" : "Waiting for frames");
  }

  /** The stage has another size. @param {number} width @param {number} height CSS pixels */
  resize(width, height) {
    const scale = Math.min(2, devicePixelRatio);
    [this.width, this.height, this.scale] = [width, height, scale];
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.dirty = true;
  }

  /** Draw what is new. @returns {boolean} whether anything was */
  render() {
    const fresh = this.frames.refresh();
    if (!(fresh || this.dirty) || !this.width) return false;
    this.dirty = false;
    draw(this.context, this.frames, {
      width: this.width,
      height: this.height,
      scale: this.scale,
      chosen: this.chosenId === null ? -1 : this.frames.indexOf(this.chosenId),
      pointed: this.pointed,
      asked: this.asked,
      stale: this.stale,
      objects: this.objects,
    });
    return true;
  }

  /**
   * The box at a point of the page; -1 where there is none.
   * @param {number} clientX @param {number} clientY @param {number} reach pixels that one may miss it by
   */
  boxAt(clientX, clientY, reach) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return this.frames.at((clientX - left) / this.width, (clientY - top) / this.height, reach / this.width);
  }

  /** What is said of a box to those who do not see it. @param {number} index */
  sayBox(index) {
    const objectId = this.frames.objectIds[index];
    const what = describe(this.frames, index);
    const tracked = this.objects.has(objectId) ? `, tracked as object ${objectId}. S to stop` : ". Enter to track";
    return `Box ${index + 1} of ${this.frames.count}: ${what}${tracked}`;
  }

  /** @private @param {number} objectId */
  chip(objectId) {
    const known = [...this.chips.children].find((chip) => chip.textContent === `#${objectId}`);
    if (known) return known;
    const chip = h("span", { class: "chip" }, `#${objectId}`);
    chip.style.setProperty("--identity", colourOf(objectId));
    return chip;
  }

  /** @private @param {number} tracked @param {number} _now */
  describe(tracked, _now) {
    const state = this.online ? "online" : "offline";
    const seen = tracked ? `, ${counted(tracked, "tracked object")} here` : "";
    mark(this.element, "aria-label", `Camera ${this.cameraId}, ${state}${seen}. Enter to choose a box.`);
  }
}

/** @param {import("./state.js").Camera} camera */
function offline(camera) {
  return Number.isNaN(camera.since) ? "Offline" : `Offline since ${clock(camera.since)}`;
}
