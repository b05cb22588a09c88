/** Moving over the timeline: wheel, drag and keys, and what is said of the visit that is pointed at. */

import { describeVisit } from "./chart.js";
import { h } from "./dom.js";
import { clock, duration, moment, percent } from "./format.js";
import { liveSpan, pan, zoom } from "./time-scale.js";

export class TimelineInput {
  /** @param {import("./timeline.js").Timeline} timeline */
  constructor(timeline) {
    this.timeline = timeline;
    this.chart = timeline.chart;
    /** The bar that is gone through with the keys; -1 for none. */
    this.reading = -1;
    /** @type {{x: number, span: import("./time-scale.js").Span} | null} */
    this.dragged = null;
    const root = timeline.svg;
    root.addEventListener("wheel", (/** @type {WheelEvent} */ event) => this.wheel(event), { passive: false });
    root.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      this.dragged = { x: event.clientX, span: timeline.span };
      root.setPointerCapture(event.pointerId);
    });
    root.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.moved(event));
    for (const kind of ["pointerup", "pointercancel"]) root.addEventListener(kind, () => (this.dragged = null));
    root.addEventListener("pointerleave", () => this.hide());
    root.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.key(event));
    root.addEventListener("focusin", (/** @type {FocusEvent} */ event) => this.focused(event));
    root.addEventListener("focusout", () => this.hide());
  }

  /** Up and down is closer and farther, sideways (or with Shift) is earlier and later. @private @param {WheelEvent} event */
  wheel(event) {
    const { timeline, chart } = this;
    event.preventDefault();
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      return timeline.move(pan(timeline.span, sideways / chart.plot, timeline.now()));
    }
    const factor = Math.exp(Math.max(-1, Math.min(1, event.deltaY / 300)));
    timeline.move(zoom(timeline.span, factor, chart.fractionAt(event.clientX), timeline.now()));
  }

  /** @private @param {PointerEvent} event */
  moved(event) {
    const { timeline, chart } = this;
    if (this.dragged) {
      const by = (this.dragged.x - event.clientX) / chart.plot;
      if (Math.abs(by) > 0.002) timeline.move(pan(this.dragged.span, by, timeline.now()));
    }
    const element = event.target instanceof Element ? event.target.closest(".bar") : null;
    const bar = chart.bars.find((each) => each.element === element);
    if (bar && !this.dragged) this.tell(bar, event.clientX);
    else this.hide();
  }

  /** @private @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { timeline } = this;
    const { span } = timeline;
    const now = timeline.now();
    const reads = this.reading >= 0;
    switch (event.key) {
      case "ArrowLeft":
      case "ArrowRight": {
        const step = event.key === "ArrowLeft" ? -1 : 1;
        if (reads) this.read(this.reading + step);
        else timeline.move(pan(span, 0.15 * step, now));
        break;
      }
      case "+":
      case "=":
        timeline.move(zoom(span, 0.625, 0.5, now));
        break;
      case "-":
        timeline.move(zoom(span, 1.6, 0.5, now));
        break;
      case "Home":
        timeline.refit();
        break;
      case "End":
        timeline.move(liveSpan(now, span.to - span.from));
        break;
      case "Enter":
        this.read(this.chart.bars.length - 1);
        break;
      case "Escape":
        if (!reads) return;
        timeline.svg.focus();
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  /** @private @param {number} index */
  read(index) {
    const { bars } = this.chart;
    if (!bars.length) return this.timeline.announce("There are no visits in this stretch of time.");
    const at = Math.max(0, Math.min(bars.length - 1, index));
    bars[at].element.focus({ preventScroll: true });
    this.reading = at;
  }

  /** @private @param {FocusEvent} event */
  focused(event) {
    this.reading = this.chart.bars.findIndex((bar) => bar.element === event.target);
    const bar = this.chart.bars[this.reading];
    if (!bar) return;
    const rect = bar.element.getBoundingClientRect();
    this.tell(bar, (rect.left + rect.right) / 2);
    this.timeline.announce(describeVisit(bar.objectId, bar.visit, this.timeline.now()));
  }

  /** @private @param {import("./chart.js").Bar} bar @param {number} clientX */
  tell(bar, clientX) {
    const { tip, frame } = this.timeline;
    const now = this.timeline.now();
    const { visit } = bar;
    const end = visit.to === null ? "now" : clock(visit.to);
    const facts = [`${moment(visit.from, now)} – ${end}`, duration((visit.to ?? now) - visit.from)];
    const seen = visit.sightings === null ? "" : `${visit.sightings.toLocaleString("en")} sightings`;
    const best = visit.bestCertainty === null ? "" : `best ${percent(visit.bestCertainty)}`;
    const details = [seen, best].filter(Boolean).join(" · ");
    tip.replaceChildren(h("strong", {}, `#${bar.objectId} on ${visit.cameraId}`), h("span", {}, facts.join(" · ")), h("span", {}, details));
    tip.hidden = false;
    const box = frame.getBoundingClientRect();
    const left = Math.max(4, Math.min(box.width - tip.offsetWidth - 4, clientX - box.left - tip.offsetWidth / 2));
    tip.style.insetInlineStart = `${left}px`;
    tip.style.insetBlockStart = `${bar.y + 30}px`;
  }

  /** @private */
  hide() {
    this.timeline.tip.hidden = true;
    this.reading = -1;
  }
}
