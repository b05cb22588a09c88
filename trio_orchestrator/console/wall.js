/**
 * The wall: a tile a camera, drawn in one loop.
 *
 * Only tiles that can be seen are drawn, and only their cameras' boxes are asked for.
 */

import { Choosing } from "./choosing.js";
import { arrange, h, icon, mark, say } from "./dom.js";
import { byName, counted } from "./format.js";
import { Stored } from "./stored.js";
import { Tile } from "./tile.js";

const SIZES = [
  ["s", "Small"],
  ["m", "Medium"],
  ["l", "Large"],
];

export class Wall {
  /**
   * @param {HTMLElement} parent
   * @param {import("./frames.js").Frames} frames
   * @param {import("./actions.js").Actions} actions
   * @param {(text: string) => void} announce read out to those who do not see
   * @param {(cameraIds: string[] | null) => void} subscribe
   */
  constructor(parent, frames, actions, announce, subscribe) {
    this.frames = frames;
    this.subscribe = subscribe;
    this.shown = false;
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    /** @type {import("./state.js").State | null} */
    this.state = null;
    this.tickedAt = performance.now();

    this.search = h("input", { type: "search", placeholder: "Find a camera", "aria-label": "Find a camera", on: { input: () => this.refresh() } });
    this.only = h("input", { type: "checkbox", on: { change: () => this.refresh() } });
    this.sizes = SIZES.map(([size, name]) =>
      h("button", { type: "button", "data-size": size, "aria-label": `${name} tiles`, title: `${name} tiles`, on: { click: () => this.resize(size) } }, size.toUpperCase()),
    );
    this.summary = h("p", { class: "summary" });
    this.grid = h("div", { class: "grid", role: "group", "aria-label": "Cameras" });
    this.empty = h("div", { class: "empty" });
    parent.append(
      h(
        "div",
        { class: "toolbar" },
        this.search,
        h("label", { class: "check" }, this.only, "Only with tracked objects"),
        this.summary,
        h("div", { class: "segments", role: "group", "aria-label": "Size of tiles" }, ...this.sizes),
      ),
      this.empty,
      this.grid,
    );
    this.choosing = new Choosing(this, actions, announce);
    this.visibility = new IntersectionObserver((entries) => this.seen(entries), { rootMargin: "120px" });
    this.measure = new ResizeObserver((entries) => this.measured(entries));
    this.size = new Stored(() => localStorage, "orchestrator.tiles");
    this.resize(this.size.read() ?? "m");
    document.addEventListener("visibilitychange", () => this.wake());
    setInterval(() => this.tick(), 1000);
  }

  /** Whether this is the view that is looked at. @param {boolean} shown */
  show(shown) {
    this.shown = shown;
    this.wake();
  }

  /** @param {import("./state.js").State} state */
  update(state) {
    this.state = state;
    this.refresh();
  }

  /** The tiles that are on the wall, in their order. @returns {Tile[]} */
  inOrder() {
    return [...this.grid.children].map((element) => /** @type {Tile} */ (this.tiles.get(element.getAttribute("data-camera") ?? "")));
  }

  /** @private */
  refresh() {
    if (!this.state) return;
    const { cameras, objects } = this.state;
    const now = Date.now();
    for (const [cameraId, camera] of cameras) {
      const tile = this.tiles.get(cameraId) ?? this.add(cameraId);
      tile.update(camera, objects, now);
    }
    const words = this.search.value.trim().toLowerCase();
    const wanted = [...cameras.keys()].sort(byName).filter((cameraId) => {
      if (!cameraId.toLowerCase().includes(words)) return false;
      return !this.only.checked || [...objects.values()].some((object) => object.seenOn.has(cameraId));
    });
    arrange(this.grid, wanted.map((cameraId) => /** @type {Tile} */ (this.tiles.get(cameraId)).element));
    this.choosing.keepStop();
    const online = [...cameras.values()].filter((camera) => camera.online).length;
    say(this.summary, cameras.size ? `${online} of ${counted(cameras.size, "camera")} online` : "");
    this.explain(cameras.size, wanted.length);
  }

  /** Why nothing is to be seen. @private @param {number} known @param {number} wanted */
  explain(known, wanted) {
    this.empty.hidden = wanted > 0;
    const [title, text] = known
      ? ["No camera like that", "Change what is searched for, or show cameras without tracked objects as well."]
      : ["No cameras yet", "They appear here as soon as their processors connect."];
    if (!wanted && this.empty.firstElementChild?.textContent !== title) {
      this.empty.replaceChildren(h("h2", {}, title), h("p", {}, text));
    }
  }

  /** @private @param {string} cameraId */
  add(cameraId) {
    const tile = new Tile(cameraId, this.frames.of(cameraId), { choose: () => this.choosing.chooseFile(tile) });
    this.tiles.set(cameraId, tile);
    this.visibility.observe(tile.element);
    this.measure.observe(tile.stage);
    return tile;
  }

  /** @private @param {IntersectionObserverEntry[]} entries */
  seen(entries) {
    for (const entry of entries) {
      const tile = this.tiles.get(entry.target.getAttribute("data-camera") ?? "");
      if (tile) [tile.visible, tile.dirty] = [entry.isIntersecting, true];
    }
    this.want();
  }

  /** @private @param {ResizeObserverEntry[]} entries */
  measured(entries) {
    for (const entry of entries) {
      const tile = this.tiles.get(entry.target.closest("[data-camera]")?.getAttribute("data-camera") ?? "");
      tile?.resize(entry.contentRect.width, entry.contentRect.height);
    }
  }

  /** Ask for the boxes that are looked at, and for no others. @private */
  want() {
    const active = this.shown && !document.hidden;
    const visible = [...this.tiles.values()].filter((tile) => active && tile.visible && tile.element.isConnected);
    const all = active && visible.length === this.tiles.size;
    this.subscribe(all ? null : visible.map((tile) => tile.cameraId).sort());
  }

  /** @private */
  wake() {
    this.want();
    if (this.shown && !document.hidden && !this.running) {
      this.running = true;
      requestAnimationFrame(() => this.loop());
    }
  }

  /** @private */
  loop() {
    if (!this.shown || document.hidden) {
      this.running = false;
      return;
    }
    for (const tile of this.tiles.values()) if (tile.visible) tile.render();
    requestAnimationFrame(() => this.loop());
  }

  /** @private */
  tick() {
    const now = performance.now();
    const seconds = (now - this.tickedAt) / 1000;
    this.tickedAt = now;
    for (const tile of this.tiles.values()) tile.tick(seconds, now);
  }

  /** @private @param {string} size */
  resize(size) {
    mark(this.grid, "data-size", size);
    for (const button of this.sizes) mark(button, "aria-pressed", String(button.dataset.size === size));
    this.size.write(size);
  }
}
