/** Whom to track: boxes are clicked, reached with the keys, or an image is dropped on a camera. */

import { nearest, isArrow } from "./directions.js";
import { h, mark } from "./dom.js";
import { ACCEPTED } from "./images.js";

/** A finger is less exact than a mouse, in pixels. */
const REACH = { mouse: 4, pen: 8, touch: 16 };
/** A press that moved farther than this was no click. */
const STILL = 10;

export class Choosing {
  /**
   * @param {import("./wall.js").Wall} wall
   * @param {import("./actions.js").Actions} actions
   * @param {(text: string) => void} announce
   */
  constructor(wall, actions, announce) {
    this.wall = wall;
    this.actions = actions;
    this.announce = announce;
    /** The tile whose boxes are gone through with the keys. @type {import("./tile.js").Tile | null} */
    this.inside = null;
    /** What was under the pointer when it went down: boxes move on until it comes up. @type {any} */
    this.pressed = null;
    /** @type {import("./tile.js").Tile | null} */
    this.choosingFor = null;
    this.file = h("input", { type: "file", accept: ACCEPTED, hidden: true, "aria-hidden": "true", tabindex: "-1", on: { change: () => this.fileChosen() } });
    const { grid } = wall;
    grid.after(this.file);
    grid.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => this.press(event));
    grid.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.point(event));
    grid.addEventListener("pointerleave", () => this.pointAt(null, -1));
    grid.addEventListener("click", (/** @type {MouseEvent} */ event) => this.click(event));
    grid.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.key(event));
    grid.addEventListener("focusout", (/** @type {FocusEvent} */ event) => this.left(event));
    for (const kind of ["dragover", "dragleave", "drop"]) grid.addEventListener(kind, (/** @type {DragEvent} */ event) => this.drag(event));
  }

  /** One tile can be reached with Tab, the others with arrows from there. */
  keepStop() {
    const tiles = this.wall.inOrder();
    if (!tiles.some((tile) => tile.element.tabIndex === 0) && tiles[0]) tiles[0].element.tabIndex = 0;
  }

  /** @param {import("./tile.js").Tile} tile */
  chooseFile(tile) {
    this.choosingFor = tile;
    this.file.value = "";
    this.file.click();
  }

  /** @private */
  fileChosen() {
    const file = this.file.files?.[0];
    if (file && this.choosingFor) this.actions.trackImage(this.choosingFor.cameraId, file);
  }

  /** @private @param {Event} event @returns {import("./tile.js").Tile | undefined} */
  tileOf(event) {
    const element = event.target instanceof Element ? event.target.closest(".tile") : null;
    return this.wall.tiles.get(element?.getAttribute("data-camera") ?? "");
  }

  /** @private @param {PointerEvent} event */
  press(event) {
    const tile = this.tileOf(event);
    this.pressed = null;
    if (!tile || event.button !== 0 || !tile.stage.contains(/** @type {Node} */ (event.target))) return;
    const reach = REACH[/** @type {keyof typeof REACH} */ (event.pointerType)] ?? REACH.mouse;
    const index = tile.boxAt(event.clientX, event.clientY, reach);
    if (index >= 0) this.pressed = { tile, x: event.clientX, y: event.clientY, ...this.picked(tile, index) };
  }

  /** @private @param {MouseEvent} event */
  click(event) {
    const pressed = this.pressed;
    this.pressed = null;
    if (!pressed || Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > STILL) return;
    this.track(pressed.tile, pressed);
  }

  /** The box as it is now: the next frame takes its place. @private @param {import("./tile.js").Tile} tile @param {number} index */
  picked(tile, index) {
    const { frames } = tile;
    return { frameIdJson: frames.frameIdJson(), boxId: frames.boxIds[index], objectId: frames.objectIds[index] };
  }

  /** @private @param {import("./tile.js").Tile} tile @param {{frameIdJson: string, boxId: any, objectId: number}} box */
  async track(tile, box) {
    if (tile.objects.has(box.objectId)) {
      this.actions.show(box.objectId);
      return;
    }
    if (tile.asked !== null) return;
    [tile.asked, tile.dirty] = [box.boxId ?? null, true];
    await this.actions.track(tile.cameraId, box.frameIdJson, box.boxId);
    [tile.asked, tile.dirty] = [null, true];
  }

  /** @private @param {PointerEvent} event */
  point(event) {
    const tile = this.tileOf(event);
    this.pointAt(tile ?? null, tile && event.pointerType === "mouse" ? tile.boxAt(event.clientX, event.clientY, REACH.mouse) : -1);
  }

  /** @private @param {import("./tile.js").Tile | null} tile @param {number} index */
  pointAt(tile, index) {
    for (const each of this.wall.tiles.values()) {
      const pointed = each === tile ? index : -1;
      if (each.pointed !== pointed) [each.pointed, each.dirty] = [pointed, true];
    }
    if (tile) mark(tile.stage, "data-pointed", index >= 0 ? "" : null);
  }

  /** @private @param {KeyboardEvent} event */
  key(event) {
    const tile = this.tileOf(event);
    if (!tile || event.target !== tile.element || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.act(tile, event.key)) event.preventDefault();
  }

  /** @private @param {import("./tile.js").Tile} tile @param {string} key @returns {boolean} whether the key means something */
  act(tile, key) {
    const index = tile.chosenId === null ? -1 : tile.frames.indexOf(tile.chosenId);
    if (isArrow(key)) return this.inside === tile ? this.toBox(tile, index, key) : this.toTile(tile, key);
    switch (key) {
      case "Enter":
      case " ":
        if (this.inside !== tile) this.enter(tile);
        else if (index >= 0) this.track(tile, this.picked(tile, index));
        return true;
      case "s":
      case "S":
        return this.stop(tile, index);
      case "i":
      case "I":
        this.chooseFile(tile);
        return true;
      case "Escape":
        if (this.inside === tile) this.leave();
        return true;
      default:
        return false;
    }
  }

  /** @private @param {import("./tile.js").Tile} tile @param {number} index */
  stop(tile, index) {
    const objectId = index >= 0 ? tile.frames.objectIds[index] : 0;
    if (!tile.objects.has(objectId)) this.announce("Choose a tracked box first.");
    else this.actions.stop(objectId);
    return true;
  }

  /** @private @param {import("./tile.js").Tile} tile @param {string} key */
  toTile(tile, key) {
    const tiles = this.wall.inOrder();
    const centres = tiles.map((each) => centre(each.element.getBoundingClientRect()));
    const next = tiles[nearest(centre(tile.element.getBoundingClientRect()), centres, key)];
    if (next) {
      tile.element.tabIndex = -1;
      next.element.tabIndex = 0;
      next.element.focus();
    }
    return true;
  }

  /** @private @param {import("./tile.js").Tile} tile */
  enter(tile) {
    if (!tile.frames.count) return this.announce("There are no boxes on this camera.");
    this.inside = tile;
    mark(tile.element, "data-inside", "");
    this.choose(tile, 0);
  }

  /** @private */
  leave() {
    const tile = this.inside;
    this.inside = null;
    if (!tile) return;
    [tile.chosenId, tile.dirty] = [null, true];
    mark(tile.element, "data-inside", null);
  }

  /** @private @param {FocusEvent} event */
  left(event) {
    if (this.inside && event.target === this.inside.element) this.leave();
  }

  /** @private @param {import("./tile.js").Tile} tile @param {number} index @param {string} key */
  toBox(tile, index, key) {
    const { frames } = tile;
    const centres = [];
    for (let i = 0; i < 4 * frames.count; i += 4) {
      const [x1, y1, x2, y2] = frames.rects.subarray(i, i + 4);
      centres.push({ x: ((x1 + x2) / 2) * tile.width, y: ((y1 + y2) / 2) * tile.height });
    }
    const from = index >= 0 ? centres[index] : { x: 0, y: 0 };
    const next = index < 0 && frames.count ? 0 : nearest(from, centres, key);
    if (next >= 0) this.choose(tile, next);
    return true;
  }

  /** @private @param {import("./tile.js").Tile} tile @param {number} index */
  choose(tile, index) {
    [tile.chosenId, tile.dirty] = [tile.frames.boxIds[index], true];
    this.announce(tile.sayBox(index));
  }

  /** @private @param {DragEvent} event */
  drag(event) {
    const tile = this.tileOf(event);
    if (!tile || !event.dataTransfer) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = tile.online ? "copy" : "none";
    mark(tile.element, "data-drop", event.type === "dragover" && tile.online ? "" : null);
    const file = event.type === "drop" ? event.dataTransfer.files[0] : null;
    if (file) this.actions.trackImage(tile.cameraId, file);
  }
}

/** @param {DOMRect} rect */
function centre(rect) {
  return { x: rect.x + rect.width / 2, y: rect.y + rect.height / 2 };
}
