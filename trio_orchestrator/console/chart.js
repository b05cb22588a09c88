/** The timeline's drawing: a row a camera, a bar a visit, a line where an object went from one camera to the next. */

import { colourOf } from "./colours.js";
import { arrange, svg } from "./dom.js";
import { clock, duration } from "./format.js";
import { fractionOf, ticks } from "./time-scale.js";
import { handovers } from "./visits.js";

const AXIS = 26;
const ROW_GAP = 10;
const NARROWEST = 3;

/**
 * @typedef {import("./visits.js").Visit} Visit
 * @typedef {import("./time-scale.js").Span} Span
 * @typedef {{objectId: number, visits: Visit[]}} Line
 * @typedef {{objectId: number, visit: Visit, element: SVGElement, x: number, y: number}} Bar
 */

export class Chart {
  /** @param {SVGSVGElement} root */
  constructor(root) {
    this.root = root;
    this.width = 0;
    this.gutter = 130;
    /** The bars that can be seen, oldest first. @type {Bar[]} */
    this.bars = [];
    /** @type {Map<string, any>} */
    this.elements = new Map();
    this.grid = svg("g", { class: "grid-lines", "aria-hidden": "true" });
    this.lines = svg("g", { class: "handovers", "aria-hidden": "true" });
    this.boxes = svg("g", { class: "bars" });
    this.names = svg("g", { class: "names", "aria-hidden": "true" });
    this.clip = svg("rect", { x: 0, y: 0 });
    root.append(
      svg("defs", {}, svg("clipPath", { id: "plot" }, this.clip)),
      this.grid,
      svg("g", { "clip-path": "url(#plot)" }, this.lines, this.boxes),
      this.names,
    );
  }

  /** How much of the plot a pixel of the page is, and where it begins. @param {number} clientX */
  fractionAt(clientX) {
    const { left } = this.root.getBoundingClientRect();
    return (clientX - left - this.gutter) / this.plot;
  }

  /** The width of the part that shows time. */
  get plot() {
    return Math.max(50, this.width - this.gutter - 8);
  }

  /**
   * @param {Line[]} lines @param {string[]} cameraIds the rows, from above
   * @param {Span} span @param {number} now
   */
  draw(lines, cameraIds, span, now) {
    this.gutter = this.width < 560 ? 84 : 150;
    const lane = lines.length > 6 ? 10 : lines.length > 2 ? 15 : 20;
    const row = lines.length * lane + ROW_GAP;
    const height = AXIS + Math.max(1, cameraIds.length) * row + 4;
    this.root.setAttribute("viewBox", `0 0 ${this.width} ${height}`);
    this.root.style.blockSize = `${height}px`;
    for (const [name, value] of Object.entries({ x: this.gutter, width: this.plot, height })) this.clip.setAttribute(name, String(value));
    const x = (/** @type {number} */ at) => this.gutter + fractionOf(span, at) * this.plot;
    const top = (/** @type {string} */ cameraId, /** @type {number} */ index) => AXIS + cameraIds.indexOf(cameraId) * row + ROW_GAP / 2 + index * lane;
    this.drawGrid(cameraIds, span, now, x, row, height);
    this.drawHandovers(lines, span, now, x, (cameraId, index) => top(cameraId, index) + lane / 2);
    this.drawBars(lines, span, now, x, top, lane);
  }

  /**
   * @private
   * @param {string[]} cameraIds @param {Span} span @param {number} now @param {(at: number) => number} x
   * @param {number} row @param {number} height
   */
  drawGrid(cameraIds, span, now, x, row, height) {
    const parts = cameraIds.map((_, index) =>
      svg("rect", { class: index % 2 ? "row odd" : "row", x: 0, y: AXIS + index * row, width: this.width, height: row }),
    );
    for (const { at, label } of ticks(span, 80 / this.plot)) {
      const left = x(at).toFixed(1);
      parts.push(svg("line", { x1: left, x2: left, y1: AXIS, y2: height }));
      if (x(at) < this.width - 34) parts.push(svg("text", { x: left, y: 16, "text-anchor": "middle" }, label));
    }
    if (now >= span.from && now <= span.to) {
      const left = x(now).toFixed(1);
      parts.push(svg("line", { class: "now", x1: left, x2: left, y1: AXIS - 6, y2: height }));
    }
    this.grid.replaceChildren(...parts);
    const fits = Math.floor((this.gutter - 16) / 7);
    this.names.replaceChildren(
      ...cameraIds.map((cameraId, index) =>
        svg(
          "text",
          { x: 10, y: AXIS + index * row + row / 2 + 4 },
          cameraId.length > fits ? `${cameraId.slice(0, fits - 1)}…` : cameraId,
          svg("title", {}, cameraId),
        ),
      ),
    );
  }

  /**
   * @private
   * @param {Line[]} lines @param {Span} span @param {number} now @param {(at: number) => number} x
   * @param {(cameraId: string, index: number) => number} y
   */
  drawHandovers(lines, span, now, x, y) {
    const parts = [];
    for (const [index, { objectId, visits }] of lines.entries()) {
      for (const { left, entered } of handovers(visits)) {
        const leaves = Math.min(left.to ?? now, entered.from);
        if (entered.from < span.from || leaves > span.to) continue;
        const [x1, y1, x2, y2] = [x(leaves), y(left.cameraId, index), x(entered.from), y(entered.cameraId, index)];
        const bend = Math.max(6, Math.min(40, (x2 - x1) / 2));
        const path = svg("path", { d: `M${x1.toFixed(1)} ${y1}C${(x1 + bend).toFixed(1)} ${y1} ${(x2 - bend).toFixed(1)} ${y2} ${x2.toFixed(1)} ${y2}` });
        const dot = svg("circle", { cx: x2.toFixed(1), cy: y2, r: 3.5 });
        const group = svg("g", {}, path, dot);
        group.style.setProperty("--identity", colourOf(objectId));
        parts.push(group);
      }
    }
    this.lines.replaceChildren(...parts);
  }

  /**
   * @private
   * @param {Line[]} lines @param {Span} span @param {number} now @param {(at: number) => number} x
   * @param {(cameraId: string, index: number) => number} top @param {number} lane
   */
  drawBars(lines, span, now, x, top, lane) {
    /** @type {Bar[]} */
    const bars = [];
    for (const [index, { objectId, visits }] of lines.entries()) {
      let [drawnTo, drawnOn] = [-Infinity, ""];
      for (const visit of visits) {
        const end = visit.to ?? now;
        if (end < span.from || visit.from > span.to) continue;
        const [left, right] = [Math.max(x(visit.from), this.gutter - 4), Math.min(x(end), this.width)];
        // Where many fall on one pixel, one stands for them.
        if (right < drawnTo + 1 && drawnOn === visit.cameraId) continue;
        [drawnTo, drawnOn] = [Math.max(right, left + NARROWEST), visit.cameraId];
        const y = top(visit.cameraId, index);
        const element = this.bar(objectId, visit, left, y + 1, Math.max(NARROWEST, right - left), lane - 2, now);
        bars.push({ objectId, visit, element, x: (left + right) / 2, y });
      }
    }
    this.bars = bars.sort((a, b) => a.visit.from - b.visit.from);
    const shown = new Set(this.bars.map((bar) => bar.element));
    for (const [key, element] of this.elements) if (!shown.has(element)) this.elements.delete(key);
    arrange(this.boxes, this.bars.map((bar) => bar.element));
  }

  /**
   * @private
   * @param {number} objectId @param {Visit} visit @param {number} x @param {number} y @param {number} width
   * @param {number} height @param {number} now
   */
  bar(objectId, visit, x, y, width, height, now) {
    const key = `${objectId} ${visit.cameraId} ${visit.from}`;
    let element = this.elements.get(key);
    if (!element) {
      element = svg("g", { class: "bar", tabindex: "-1", role: "img" }, svg("rect", { rx: 3 }), svg("text", {}));
      element.style.setProperty("--identity", colourOf(objectId));
      this.elements.set(key, element);
    }
    const [rect, text] = element.children;
    const place = { x: x.toFixed(1), y, width: width.toFixed(1), height };
    for (const [name, value] of Object.entries(place)) rect.setAttribute(name, String(value));
    text.setAttribute("x", (x + 5).toFixed(1));
    text.setAttribute("y", String(y + height / 2 + 4));
    text.textContent = width > 34 && height >= 11 ? `#${objectId}` : "";
    element.classList.toggle("open", visit.to === null);
    element.setAttribute("aria-label", describeVisit(objectId, visit, now));
    return element;
  }
}

/** A visit in words. @param {number} objectId @param {Visit} visit @param {number} now */
export function describeVisit(objectId, visit, now) {
  const end = visit.to === null ? "until now" : `to ${clock(visit.to)}`;
  return `Object ${objectId} on ${visit.cameraId}, ${clock(visit.from)} ${end}, ${duration((visit.to ?? now) - visit.from)}`;
}
