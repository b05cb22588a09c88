/** What is around the views: which one is shown (the address says it), and the keys that work everywhere. */

import { showHelp } from "./dialogs.js";
import { h, icon, mark, say, takesText } from "./dom.js";
import { Stored } from "./stored.js";

/** @type {["wall" | "objects" | "timeline", string][]} */
const VIEWS = [
  ["wall", "Wall"],
  ["objects", "Objects"],
  ["timeline", "Timeline"],
];

/** @typedef {{[view: string]: (shown: boolean, objectIds: number[]) => void}} Shows */

export class Frame {
  /** @param {Shows} shows told whenever a view comes or goes */
  constructor(shows) {
    this.shows = shows;
    this.view = "";
    /** @type {number[]} */
    this.objectIds = [];
    this.singleKeys = new Stored(() => localStorage, "orchestrator.single-keys");
    this.preferences = { singleKeys: this.singleKeys.read() !== "no" };
    this.badge = h("span", { class: "badge", hidden: true });
    this.links = new Map(VIEWS.map(([view, name]) => [view, h("a", { href: `#${view}` }, icon(view), h("span", {}, name))]));
    this.links.get("objects").append(this.badge);
    document.getElementById("views")?.append(...this.links.values());
    document.getElementById("mark")?.append(icon("mark"));
    this.help = h("button", { type: "button", class: "icon-button", "aria-label": "Keys", title: "Keys (?)", on: { click: () => this.showHelp() } }, "?");
  }

  /** Show what the address says, and go on doing so. */
  start() {
    addEventListener("hashchange", () => this.follow());
    document.addEventListener("keydown", (event) => this.key(event));
    document.querySelector(".skip")?.addEventListener("click", (event) => {
      event.preventDefault();
      document.getElementById("main")?.focus();
    });
    this.follow();
  }

  /** @param {string} view @param {number[]} [objectIds] those that the timeline is to show */
  go(view, objectIds = this.objectIds) {
    const wanted = view === "timeline" ? timelineOf(objectIds) : `#${view}`;
    if (view === "timeline") this.objectIds = objectIds;
    if (location.hash === wanted) this.follow();
    else location.hash = wanted;
  }

  /** Let the timeline, and its address, be without these objects. @param {number[]} objectIds */
  forget(objectIds) {
    this.objectIds = this.objectIds.filter((objectId) => !objectIds.includes(objectId));
    const isShown = this.view === "timeline";
    // Not another step to go back by, as that would lead to them.
    if (isShown) history.replaceState(null, "", timelineOf(this.objectIds));
    mark(this.links.get("timeline"), "href", timelineOf(this.objectIds));
    this.shows.timeline(isShown, this.objectIds);
  }

  /** How many objects are tracked. @param {number} live */
  count(live) {
    say(this.badge, live);
    mark(this.badge, "aria-label", `${live} tracked`);
    this.badge.hidden = live === 0;
  }

  /** @private */
  follow() {
    const [name, ids = ""] = location.hash.slice(1).split("/");
    const view = VIEWS.find(([each]) => each === name)?.[0] ?? "wall";
    if (view === "timeline") this.objectIds = [...new Set(ids.split(",").map(Number).filter((id) => Number.isSafeInteger(id) && id > 0))];
    mark(this.links.get("timeline"), "href", timelineOf(this.objectIds));
    if (view !== this.view) document.getElementById("main")?.scrollTo(0, 0);
    this.view = view;
    for (const [each, title] of VIEWS) {
      const section = /** @type {HTMLElement} */ (document.getElementById(each));
      section.hidden = each !== view;
      mark(this.links.get(each), "aria-current", each === view ? "page" : null);
      if (each === view) document.title = `${title} · Orchestrator`;
      this.shows[each](each === view, this.objectIds);
    }
  }

  /** @private @param {KeyboardEvent} event */
  key(event) {
    if (!this.preferences.singleKeys || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (takesText(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "?") this.showHelp();
    else if (event.key === "/") this.focusSearch();
    else if (/^[1-3]$/.test(event.key)) this.go(VIEWS[Number(event.key) - 1][0]);
    else return;
    event.preventDefault();
  }

  /** @private */
  focusSearch() {
    const input = document.querySelector(`#${this.view} input:not([type="checkbox"], [type="file"])`);
    if (input instanceof HTMLElement) input.focus();
  }

  /** @private */
  showHelp() {
    showHelp(document.body, this.preferences, () => this.singleKeys.write(this.preferences.singleKeys ? "yes" : "no"));
  }
}

/** The address of the timeline. @param {number[]} objectIds */
function timelineOf(objectIds) {
  return objectIds.length ? `#timeline/${objectIds.join(",")}` : "#timeline";
}
