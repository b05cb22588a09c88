/** Past objects: searched on the server, a page at a time. */

import { ApiError } from "./api.js";
import { colourOf } from "./colours.js";
import { h, icon, say } from "./dom.js";
import { duration, moment } from "./format.js";
import { isPicture } from "./images.js";
import { PastSearch } from "./past-search.js";

const REASONS = new Map([
  ["client", "Stopped"],
  ["timeout", "Time was over"],
  ["erased", "Erased"],
]);

/**
 * How an object ended, in words.
 * @param {string | null} reason @param {string | null} by
 */
export const ending = (reason, by) => `${REASONS.get(reason ?? "") ?? "Ended"}${by ? ` by ${by}` : ""}`;

export class PastList {
  /**
   * @param {HTMLElement} parent
   * @param {import("./api.js").Api} api
   * @param {import("./actions.js").Actions} actions
   */
  constructor(parent, api, actions) {
    this.api = api;
    this.actions = actions;
    this.search = new PastSearch(api);
    this.id = h("input", { type: "search", inputmode: "numeric", pattern: "[0-9]*", placeholder: "12", id: "past-id" });
    this.camera = h("input", { type: "search", list: "camera-names", placeholder: "any", id: "past-camera" });
    this.from = h("input", { type: "datetime-local", id: "past-from" });
    this.to = h("input", { type: "datetime-local", id: "past-to" });
    this.cameras = h("datalist", { id: "camera-names" });
    this.rows = h("tbody", {});
    this.note = h("p", { class: "table-note", role: "status" });
    this.more = h("button", { type: "button", hidden: true, on: { click: () => this.show(this.search.more(), false) } }, "Show more");
    const field = (/** @type {string} */ label, /** @type {any} */ input) => h("label", { for: input.id }, h("span", {}, label), input);
    this.form = h(
      "form",
      { class: "toolbar", role: "search", "aria-label": "Past objects", on: { submit: (/** @type {Event} */ event) => this.submitted(event) } },
      field("Object", this.id),
      field("Started on", this.camera),
      field("From", this.from),
      field("To", this.to),
      h("button", { type: "submit" }, "Search"),
      this.cameras,
    );
    const heads = ["Object", "Started", "On", "By", "Tracked for", "Ended", ""].map((name) => h("th", { scope: "col" }, name));
    const table = h("table", {}, h("thead", {}, h("tr", {}, ...heads)), this.rows);
    parent.append(h("h2", {}, "Past"), this.form, h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Past objects" }, table), this.note, this.more);
  }

  /** Names to choose from. @param {Iterable<string>} cameraIds */
  offer(cameraIds) {
    const names = [...cameraIds];
    if (names.length === this.cameras.children.length) return;
    this.cameras.replaceChildren(...names.map((name) => h("option", { value: name })));
  }

  /** Show what was searched for last from the beginning. */
  refresh() {
    return this.show(this.search.again(), true);
  }

  /** Show none, as if nobody had searched. */
  clear() {
    this.search.forget();
    this.form.reset();
    this.rows.replaceChildren();
    say(this.note, "");
    this.more.hidden = true;
  }

  /** Take an object away. @param {number} objectId */
  drop(objectId) {
    this.rows.querySelector(`[data-object="${objectId}"]`)?.remove();
  }

  /** @private @param {Event} event */
  submitted(event) {
    event.preventDefault();
    const question = {
      id: this.id.value.trim(),
      cameraId: this.camera.value,
      from: Date.parse(this.from.value),
      to: Date.parse(this.to.value),
    };
    this.show(this.search.search(question), true);
  }

  /**
   * @private
   * @param {Promise<import("./api.js").Past[] | null>} answer null where it is of no use any more
   * @param {boolean} fromTheBeginning
   */
  async show(answer, fromTheBeginning) {
    this.more.disabled = true;
    try {
      const objects = await answer;
      if (!objects) return;
      const rows = objects.map((object) => this.row(object));
      if (fromTheBeginning) this.rows.replaceChildren(...rows);
      else this.rows.append(...rows);
      const none = this.search.isNarrow ? "No past object is like that." : "No past objects yet.";
      say(this.note, this.rows.children.length ? "" : none);
    } catch (error) {
      say(this.note, error instanceof ApiError ? error.message : String(error));
    }
    this.more.hidden = !this.search.hasMore;
    this.more.disabled = false;
  }

  /** @private @param {import("./api.js").Past} object */
  row(object) {
    const { objectId } = object;
    const now = Date.now();
    const button = (/** @type {any} */ name, /** @type {string} */ text, /** @type {(event: Event) => void} */ does) =>
      h("button", { type: "button", class: "plain", title: text, "aria-label": `${text} of object ${objectId}`, on: { click: does } }, icon(name));
    const chip = h("span", { class: "chip" }, `#${objectId}`);
    chip.style.setProperty("--identity", colourOf(objectId));
    return h(
      "tr",
      { "data-object": objectId },
      h("th", { scope: "row" }, chip),
      h("td", {}, moment(object.startedAt, now)),
      h("td", {}, object.cameraId),
      h("td", {}, object.startedBy || "–"),
      h("td", {}, duration(object.stoppedAt - object.startedAt)),
      h("td", {}, ending(object.stopReason, object.stoppedBy)),
      h(
        "td",
        { class: "row-actions" },
        object.hasImage ? button("image", "Show the cut-out", (event) => this.showImage(objectId, event)) : null,
        button("timeline", "Timeline", () => this.actions.show(objectId)),
        button("erase", "Erase what is kept", () => this.actions.erase(objectId)),
      ),
    );
  }

  /** @private @param {number} objectId @param {Event} event */
  async showImage(objectId, event) {
    const cell = /** @type {Element} */ (event.currentTarget).closest("tr")?.firstElementChild;
    const blob = await this.api.image(objectId).catch(() => null);
    cell?.querySelector("img, .no-image")?.remove();
    cell?.append(blob && isPicture(blob) ? picture(objectId, blob) : h("span", { class: "no-image" }, "no image"));
  }
}

/** An image that is there as long as its element is, and cannot be had by its address. @param {number} objectId @param {Blob} blob */
function picture(objectId, blob) {
  const src = URL.createObjectURL(blob);
  const shown = () => URL.revokeObjectURL(src);
  return h("img", { src, alt: `Cut-out of object ${objectId}`, on: { load: shown, error: shown } });
}
