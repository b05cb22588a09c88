/** Live objects as cards: beside the wall in few words, on their own page in all. */

import { colourOf } from "./colours.js";
import { arrange, h, icon, mark, say } from "./dom.js";
import { byName, clock, duration, moment } from "./format.js";

const STATES = { started: "Starting", features: "Searching", seen: "Seen", lost: "Lost", failed: "No answer" };

/**
 * Where an object is, in words.
 * @param {import("./state.js").Tracked} object
 */
export function whereabouts(object) {
  const cameras = [...object.seenOn.keys()].sort(byName);
  if (cameras.length) return `On ${cameras.join(", ")}`;
  switch (object.state) {
    case "started":
      return `Asked ${object.cameraId}`;
    case "features":
      return "Every camera looks for it";
    case "lost":
      return `Last on ${object.cameraId}`;
    case "failed":
      return object.reason === "camera_offline" ? `${object.cameraId} is offline` : `${object.cameraId} has not answered`;
    default:
      return object.cameraId;
  }
}

/**
 * Since when that is so, milliseconds; NaN where it was not heard.
 * @param {import("./state.js").Tracked} object
 */
export function since(object) {
  const known = [...object.seenOn.values()].filter((at) => !Number.isNaN(at));
  return known.length ? Math.min(...known) : object.changedAt;
}

export class LiveList {
  /**
   * @param {HTMLElement} parent
   * @param {import("./actions.js").Actions} actions
   * @param {import("./images.js").Pictures} pictures
   * @param {() => number} now of the server, milliseconds
   * @param {boolean} brief
   */
  constructor(parent, actions, pictures, now, brief) {
    this.actions = actions;
    this.pictures = pictures;
    this.now = now;
    this.brief = brief;
    /** @type {Map<number, Card>} */
    this.cards = new Map();
    this.list = h("div", { class: brief ? "cards brief" : "cards", role: "list", "aria-label": "Tracked now" });
    this.empty = h(
      "div",
      { class: "empty" },
      h("h2", {}, "Nobody is tracked"),
      h("p", {}, "Click on a box on the wall, or drop an image on a camera."),
    );
    parent.append(this.empty, this.list);
    setInterval(() => this.tick(), 1000);
  }

  /** @param {import("./state.js").State} state */
  update(state) {
    for (const objectId of this.cards.keys()) if (!state.objects.has(objectId)) this.cards.delete(objectId);
    const objects = [...state.objects.values()].sort((a, b) => b.objectId - a.objectId);
    for (const object of objects) {
      let card = this.cards.get(object.objectId);
      if (!card) this.cards.set(object.objectId, (card = new Card(object.objectId, this)));
      card.update(object);
    }
    arrange(this.list, objects.map((object) => /** @type {Card} */ (this.cards.get(object.objectId)).element));
    this.empty.hidden = objects.length > 0;
  }

  /** @private */
  tick() {
    if (this.list.isConnected && !document.hidden) for (const card of this.cards.values()) card.tick();
  }
}

class Card {
  /** @param {number} objectId @param {LiveList} list */
  constructor(objectId, list) {
    this.objectId = objectId;
    this.list = list;
    /** @type {import("./state.js").Tracked | null} */
    this.object = null;
    this.pictured = false;
    const { actions, brief } = list;
    this.picture = h("div", { class: "picture" }, icon("objects"));
    this.pill = h("span", { class: "pill" });
    this.where = h("p", { class: "where" });
    this.since = h("p", { class: "since" });
    this.start = h("p", { class: "started" });
    this.bar = h("span", {});
    this.meter = h("span", { class: "meter", "aria-hidden": "true" }, this.bar);
    this.left = h("span", { class: "left" });
    this.time = h("div", { class: "time" }, brief ? null : this.meter, this.left);
    const button = (/** @type {any} */ name, /** @type {string} */ text, /** @type {() => void} */ does, kind = "") =>
      h("button", { type: "button", class: kind, "aria-label": `${text} (object ${objectId})`, title: text, on: { click: does } }, icon(name), h("span", {}, text));
    this.element = h(
      "article",
      { class: "card", role: "listitem", tabindex: "0", "data-object": objectId, on: { keydown: (/** @type {KeyboardEvent} */ event) => this.key(event) } },
      this.picture,
      h(
        "div",
        { class: "facts" },
        h("header", {}, h("span", { class: "chip" }, `#${objectId}`), this.pill),
        this.where,
        this.since,
        brief ? null : this.start,
        this.time,
      ),
      h(
        "div",
        { class: "actions" },
        button("stop", "Stop", () => actions.stop(objectId), "stop"),
        button("timeline", "Timeline", () => actions.show(objectId)),
        brief ? null : button("erase", "Erase", () => actions.erase(objectId), "erase"),
      ),
    );
    this.element.style.setProperty("--identity", colourOf(objectId));
  }

  /** @param {import("./state.js").Tracked} object */
  update(object) {
    this.object = object;
    mark(this.element, "data-state", object.state);
    say(this.pill, STATES[/** @type {keyof typeof STATES} */ (object.state)] ?? object.state);
    say(this.where, whereabouts(object));
    const by = object.by ? ` by ${object.by}` : "";
    say(this.start, `Started ${moment(object.startedAt, this.list.now())}${by}`);
    mark(this.element, "aria-label", `Object ${object.objectId}, ${this.pill.textContent}. ${this.where.textContent}`);
    const url = this.pictured ? null : this.list.pictures.of(this.objectId);
    if (url) this.show(url);
    this.tick();
  }

  /** What changes by itself. */
  tick() {
    const object = this.object;
    if (!object) return;
    const now = this.list.now();
    const at = since(object);
    say(this.since, Number.isNaN(at) ? "" : `since ${clock(at)} · ${duration(now - at)}`);
    const ends = !Number.isNaN(object.expiresAt);
    this.time.hidden = !ends && this.list.brief;
    this.meter.hidden = !ends;
    if (!ends) return say(this.left, "Until it is stopped");
    const part = (object.expiresAt - now) / Math.max(1, object.expiresAt - object.startedAt);
    this.bar.style.inlineSize = `${(100 * Math.min(1, Math.max(0, part))).toFixed(1)}%`;
    say(this.left, `${duration(object.expiresAt - now)} left`);
  }

  /** @private @param {string} url */
  show(url) {
    this.pictured = true;
    this.picture.replaceChildren(h("img", { src: url, alt: `Cut-out of object ${this.objectId}` }));
  }

  /** @private @param {KeyboardEvent} event */
  key(event) {
    if (event.target !== this.element || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === "s") this.list.actions.stop(this.objectId);
    else if (key === "t" || key === "enter") this.list.actions.show(this.objectId);
    else return;
    event.preventDefault();
  }
}
