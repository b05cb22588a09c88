/** Short news for the operator: shown for a while, and read out to those who listen. */

import { h, icon, say } from "./dom.js";

const SHOWN_FOR = { info: 6_000, warn: 12_000, error: 12_000 };
const MOST = 4;

export class Notices {
  /** @param {HTMLElement} parent an `aria-live` region */
  constructor(parent) {
    this.parent = parent;
    /** @type {Map<string, {count: number, counter: HTMLElement, element: HTMLElement, timer: any}>} */
    this.shown = new Map();
  }

  /** @param {string} text */
  info(text) {
    this.show("info", text);
  }

  /** Something is not as it should be, and goes on. @param {string} text */
  warn(text) {
    this.show("warn", text);
  }

  /** Something was not done. @param {string} text */
  error(text) {
    this.show("error", text);
  }

  /** Show none of them any longer. */
  clear() {
    for (const text of [...this.shown.keys()]) this.hide(text);
  }

  /** @private @param {keyof typeof SHOWN_FOR} kind @param {string} text */
  show(kind, text) {
    const again = this.shown.get(text);
    if (again) {
      again.count += 1;
      say(again.counter, `${again.count} times`);
      clearTimeout(again.timer);
      again.timer = setTimeout(() => this.hide(text), SHOWN_FOR[kind]);
      return;
    }
    const counter = h("span", { class: "notice-count" });
    const close = h("button", { type: "button", class: "plain", "aria-label": "Dismiss", on: { click: () => this.hide(text) } }, icon("close"));
    const element = h("div", { class: `notice ${kind}` }, h("span", {}, text), counter, close);
    this.parent.append(element);
    this.shown.set(text, { count: 1, counter, element, timer: setTimeout(() => this.hide(text), SHOWN_FOR[kind]) });
    if (this.shown.size > MOST) this.hide(/** @type {string} */ (this.shown.keys().next().value));
  }

  /** @private @param {string} text */
  hide(text) {
    const shown = this.shown.get(text);
    if (!shown) return;
    clearTimeout(shown.timer);
    shown.element.remove();
    this.shown.delete(text);
  }
}
