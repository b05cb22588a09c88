/** The timeline: which objects are looked at, which stretch of time, and the visits that are in it. */

import { Chart } from "./chart.js";
import { MOST_CHOSEN } from "./chronicle.js";
import { colourOf } from "./colours.js";
import { arrange, h, icon, mark, say, svg } from "./dom.js";
import { clock, duration, moment, percent } from "./format.js";
import { fit, goOn, liveSpan, zoom } from "./time-scale.js";
import { TimelineInput } from "./timeline-input.js";

const FIRST_SPAN = 5 * 60_000;
const LEAST_SPAN = 60_000;
const ROWS = 200;

export class Timeline {
  /**
   * @param {HTMLElement} parent
   * @param {import("./chronicle.js").Chronicle} chronicle
   * @param {(objectIds: number[]) => void} choose
   * @param {(objectId: number) => void} download
   * @param {() => number} now of the server, milliseconds
   * @param {(text: string) => void} announce
   */
  constructor(parent, chronicle, choose, download, now, announce) {
    this.chronicle = chronicle;
    this.choose = choose;
    this.download = download;
    this.now = now;
    this.announce = announce;
    this.shown = false;
    this.stale = true;
    this.hasOpen = false;
    this.scheduled = false;
    /** Whether the operator chose the stretch of time; before, it holds all visits. */
    this.moved = false;
    this.span = liveSpan(now(), FIRST_SPAN);
    this.chips = h("div", { class: "picks", role: "group", "aria-label": "Objects on the timeline" });
    this.add = h("input", { id: "timeline-add", inputmode: "numeric", placeholder: "Id", "aria-label": "Id of an object to add" });
    const tool = (/** @type {any} */ name, /** @type {string} */ text, /** @type {() => void} */ does) =>
      h("button", { type: "button", class: "icon-button", title: text, "aria-label": text, on: { click: does } }, icon(name));
    this.live = h("button", { type: "button", class: "live-button", on: { click: () => this.move(liveSpan(now(), this.span.to - this.span.from)) } }, h("span", { class: "dot", "aria-hidden": "true" }), "Live");
    this.files = h("div", { class: "files", role: "group", "aria-label": "Visits as files" });
    this.svg = svg("svg", { class: "chart", tabindex: "0", role: "group", "aria-label": "Visits. Enter goes through them, arrows move in time, plus and minus zoom." });
    this.chart = new Chart(this.svg);
    this.tip = h("div", { class: "tip", hidden: true });
    this.empty = h("div", { class: "empty" }, h("h2", {}, "Choose an object"), h("p", {}, "Those that are tracked now are above; any other can be added by its id."));
    this.frame = h("div", { class: "chart-frame" }, this.svg, this.tip);
    this.rows = h("tbody", {});
    this.note = h("p", { class: "table-note", role: "status" });
    const heads = ["Object", "Camera", "From", "To", "Duration", "Sightings", "Best certainty"].map((name) => h("th", { scope: "col" }, name));
    this.table = h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Visits" }, h("table", {}, h("thead", {}, h("tr", {}, ...heads)), this.rows));
    parent.append(
      h(
        "div",
        { class: "toolbar" },
        this.chips,
        h("form", { class: "add", on: { submit: (/** @type {Event} */ event) => this.added(event) } }, this.add, h("button", { type: "submit" }, "Add")),
        h(
          "div",
          { class: "tools" },
          tool("minus", "Farther", () => this.move(zoom(this.span, 1.6, 0.5, now()))),
          tool("plus", "Closer", () => this.move(zoom(this.span, 0.625, 0.5, now()))),
          h("button", { type: "button", title: "All visits (Home)", on: { click: () => this.refit() } }, "Fit"),
          this.live,
        ),
      ),
      this.empty,
      this.frame,
      h("div", { class: "toolbar" }, this.note, this.files),
      this.table,
    );
    new TimelineInput(this);
    new ResizeObserver(([entry]) => {
      this.chart.width = entry.contentRect.width;
      this.refresh();
    }).observe(this.frame);
    setInterval(() => this.shown && !document.hidden && (this.span.live || this.hasOpen) && this.refresh(), 500);
  }

  /** Whether this is the view that is looked at. @param {boolean} shown */
  show(shown) {
    this.shown = shown;
    if (!shown) this.clear();
    this.refresh();
  }

  /** Let nothing of anybody be on the page, until it is shown again. */
  clear() {
    this.chart.draw([], [], this.span, this.now());
    for (const part of [this.rows, this.chips, this.files, this.tip]) part.replaceChildren();
    this.tip.hidden = true;
    say(this.note, "");
  }

  /** Something is another than before. */
  refresh() {
    this.stale = true;
    if (this.shown && !this.scheduled) {
      this.scheduled = true;
      requestAnimationFrame(() => {
        this.scheduled = false;
        if (this.shown) this.render();
      });
    }
  }

  /** Look at another stretch of time. @param {import("./time-scale.js").Span} span */
  move(span) {
    this.moved = true;
    this.span = span;
    this.refresh();
  }

  /** Look at all visits of the chosen objects, and go on doing so. */
  refit() {
    this.moved = false;
    this.refresh();
  }

  /** @private */
  fit() {
    const visits = [...this.chronicle.chosen.keys()].flatMap((objectId) => this.chronicle.visitsOf(objectId));
    const now = this.now();
    if (!visits.length) {
      this.span = liveSpan(now, FIRST_SPAN);
      return;
    }
    const ends = visits.map((visit) => visit.to ?? now);
    const end = Math.max(...ends);
    this.span = fit(Math.min(end - LEAST_SPAN, ...visits.map((visit) => visit.from)), end, now);
  }

  /** @private */
  render() {
    const now = this.now();
    this.span = goOn(this.span, now);
    if (!this.moved && this.stale) this.fit();
    const objectIds = [...this.chronicle.chosen.keys()];
    const lines = objectIds.map((objectId) => ({ objectId, visits: this.chronicle.visitsOf(objectId) }));
    const all = lines.flatMap(({ objectId, visits }) => visits.map((visit) => ({ objectId, visit })));
    all.sort((a, b) => a.visit.from - b.visit.from);
    this.hasOpen = all.some(({ visit }) => visit.to === null);
    this.renderChips(objectIds);
    mark(this.live, "aria-pressed", String(this.span.live));
    this.empty.hidden = objectIds.length > 0;
    this.frame.hidden = this.table.hidden = !objectIds.length;
    this.chart.draw(lines, [...new Set(all.map(({ visit }) => visit.cameraId))], this.span, now);
    if (this.stale || this.hasOpen) this.renderTable(all, now);
    this.stale = false;
    this.say(lines);
  }

  /** @private @param {{objectId: number, visits: any[]}[]} lines */
  say(lines) {
    const errors = [...this.chronicle.chosen.values()].map((entry) => entry.error).filter(Boolean);
    const unseen = lines.filter(({ objectId, visits }) => !visits.length && this.chronicle.chosen.get(objectId)?.asked);
    const never = unseen.length ? `Not seen on any camera: ${unseen.map(({ objectId }) => `#${objectId}`).join(", ")}.` : "";
    say(this.note, errors.length ? `What is kept cannot be read: ${errors[0]}` : never);
  }

  /** Those that are chosen, and those that could be. @private @param {number[]} chosen */
  renderChips(chosen) {
    const objectIds = [...new Set([...chosen, ...[...this.chronicle.objects.keys()].reverse()])].slice(0, 2 * MOST_CHOSEN);
    arrange(this.chips, objectIds.map((objectId) => {
      const chip = kept(this.chips, objectId) ?? this.button(objectId, `#${objectId}`, "pick", () => this.toggle(objectId));
      mark(chip, "aria-pressed", String(chosen.includes(objectId)));
      return chip;
    }));
    arrange(this.files, chosen.map((objectId) =>
      kept(this.files, objectId) ?? this.button(objectId, `#${objectId} as CSV`, "file", () => this.download(objectId)),
    ));
  }

  /** @private @param {number} objectId @param {string} text @param {string} kind @param {() => void} does */
  button(objectId, text, kind, does) {
    const button = h("button", { type: "button", class: kind, "data-object": objectId, on: { click: does } }, text);
    button.style.setProperty("--identity", colourOf(objectId));
    return button;
  }

  /** @private @param {{objectId: number, visit: import("./visits.js").Visit}[]} all @param {number} now */
  renderTable(all, now) {
    const rows = all.slice(-ROWS).reverse().map(({ objectId, visit }) => {
      const chip = h("span", { class: "chip" }, `#${objectId}`);
      chip.style.setProperty("--identity", colourOf(objectId));
      const to = visit.to === null ? "now" : clock(visit.to);
      const cells = [visit.cameraId, moment(visit.from, now), to, duration((visit.to ?? now) - visit.from), visit.sightings === null ? "–" : `${visit.sightings}${visit.to === null ? "+" : ""}`];
      const best = visit.bestCertainty === null ? "–" : percent(visit.bestCertainty);
      return h("tr", {}, h("th", { scope: "row" }, chip), ...[...cells, best].map((text) => h("td", {}, text)));
    });
    this.rows.replaceChildren(...rows);
  }

  /** @private @param {number} objectId */
  toggle(objectId) {
    const chosen = [...this.chronicle.chosen.keys()];
    this.choose(chosen.includes(objectId) ? chosen.filter((each) => each !== objectId) : [...chosen, objectId]);
  }

  /** @private @param {Event} event */
  added(event) {
    event.preventDefault();
    const text = this.add.value.trim().replace(/^#/, "");
    if (!/^[1-9][0-9]{0,15}$/.test(text)) return this.announce("An object's id is a whole number.");
    this.choose([...new Set([...this.chronicle.chosen.keys(), Number(text)])]);
    this.add.value = "";
  }
}

/** @param {Element} parent @param {number} objectId @returns {Element | undefined} */
function kept(parent, objectId) {
  return [...parent.children].find((child) => child.getAttribute("data-object") === String(objectId));
}
