/** The dialogs: signing in, erasing, and the keys. Each is a <dialog>, so the browser keeps the focus in it. */

import { h, icon, say } from "./dom.js";

const KEYS = [
  ["Anywhere", [["1 2 3", "wall, objects, timeline"], ["/", "search"], ["?", "these keys"]]],
  [
    "On the wall",
    [
      ["← ↑ → ↓", "from camera to camera"],
      ["Enter", "choose among the boxes of a camera"],
      ["← ↑ → ↓", "from box to box"],
      ["Enter", "track the chosen box"],
      ["S", "stop tracking it"],
      ["I", "start from an image"],
      ["Esc", "back"],
    ],
  ],
  ["On an object", [["S", "stop tracking it"], ["T", "show it on the timeline"]]],
  [
    "On the timeline",
    [
      ["← →", "earlier, later"],
      ["+ −", "closer, farther"],
      ["Enter", "go through the visits, with ← and →"],
      ["End", "now, and go on with it"],
      ["Home", "all visits"],
    ],
  ],
];

/** Ask for a token. */
export class SignIn {
  /**
   * @param {HTMLElement} parent
   * @param {(token: string) => Promise<void>} take rejected with an error whose message says why not
   * @param {(pasted: string) => string} objection why a text cannot be a token; empty where it may
   */
  constructor(parent, take, objection) {
    this.take = take;
    this.objection = objection;
    this.input = h("input", {
      id: "token",
      type: "password",
      autocomplete: "off",
      spellcheck: "false",
      "aria-describedby": "sign-in-why sign-in-error",
    });
    this.why = h("p", { id: "sign-in-why" });
    this.error = h("p", { id: "sign-in-error", class: "error-text", role: "alert" });
    this.submit = h("button", { type: "submit", class: "primary" }, "Sign in");
    this.cancel = h("button", { type: "button", on: { click: () => this.hide() } }, "Not now");
    const form = h(
      "form",
      { method: "dialog", on: { submit: (/** @type {Event} */ event) => this.submitted(event) } },
      h("h2", { id: "sign-in-title" }, icon("key"), "Sign in"),
      this.why,
      h("label", { for: "token" }, "Token"),
      this.input,
      this.error,
      h("p", { class: "hint" }, "It is kept in this tab until you close it or sign out, and goes to this server alone."),
      h("div", { class: "actions" }, this.cancel, this.submit),
    );
    this.dialog = h("dialog", { class: "sign-in", "aria-labelledby": "sign-in-title" }, form);
    this.dialog.addEventListener("cancel", (/** @type {Event} */ event) => this.mustStay && event.preventDefault());
    this.mustStay = false;
    parent.append(this.dialog);
  }

  get isOpen() {
    return this.dialog.open;
  }

  /**
   * @param {string} why what the operator should know
   * @param {boolean} mustStay whether nothing else can be done
   */
  show(why, mustStay) {
    this.mustStay = mustStay;
    this.cancel.hidden = mustStay;
    say(this.why, why);
    say(this.error, "");
    if (!this.dialog.open) this.dialog.showModal();
    this.input.focus();
  }

  hide() {
    this.input.value = "";
    if (this.dialog.open) this.dialog.close();
  }

  /** @private @param {Event} event */
  async submitted(event) {
    event.preventDefault();
    const pasted = this.input.value;
    const objection = this.objection(pasted);
    if (objection) return say(this.error, objection);
    this.submit.disabled = true;
    say(this.error, "");
    try {
      await this.take(pasted);
      this.hide();
    } catch (error) {
      say(this.error, error instanceof Error ? error.message : String(error));
      this.input.select();
    } finally {
      this.submit.disabled = false;
    }
  }
}

/**
 * Ask whether an object is really to be erased: its id must be typed.
 * @param {HTMLElement} parent
 * @param {number} objectId
 * @param {boolean} isLive
 * @returns {Promise<boolean>}
 */
export function confirmErasing(parent, objectId, isLive) {
  return new Promise((resolve) => {
    const input = h("input", { id: "erase-id", inputmode: "numeric", autocomplete: "off" });
    const submit = h("button", { type: "submit", class: "danger", disabled: true }, icon("erase"), "Erase for good");
    input.addEventListener("input", () => (submit.disabled = input.value.trim() !== String(objectId)));
    const form = h(
      "form",
      {
        method: "dialog",
        on: { submit: (/** @type {Event} */ event) => (submit.disabled ? event.preventDefault() : dialog.close("erase")) },
      },
      h("h2", { id: "erase-title" }, `Erase object ${objectId}?`),
      h("p", {}, `Its image, what it looks like and all its sightings are removed.${isLive ? " It is no longer tracked." : ""} This cannot be undone; that you did it is recorded.`),
      h("label", { for: "erase-id" }, `Type ${objectId} to confirm`),
      input,
      h("div", { class: "actions" }, h("button", { type: "button", on: { click: () => dialog.close() } }, "Keep it"), submit),
    );
    const dialog = h("dialog", { class: "erasing", "aria-labelledby": "erase-title" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "erase");
    });
    parent.append(dialog);
    dialog.showModal();
  });
}

/** Ask no longer; nothing is erased. @param {HTMLElement} parent */
export function stopConfirming(parent) {
  /** @type {HTMLDialogElement | null} */ (parent.querySelector("dialog.erasing"))?.close();
}

/**
 * Show the keys.
 * @param {HTMLElement} parent
 * @param {{singleKeys: boolean}} preferences `singleKeys`: whether keys that work anywhere do
 * @param {() => void} changed
 */
export function showHelp(parent, preferences, changed) {
  if (parent.querySelector("dialog[open]")) return;
  const toggle = h("input", { type: "checkbox", id: "single-keys" });
  toggle.checked = preferences.singleKeys;
  toggle.addEventListener("change", () => {
    preferences.singleKeys = toggle.checked;
    changed();
  });
  const dialog = h(
    "dialog",
    { class: "help", "aria-labelledby": "help-title" },
    h("h2", { id: "help-title" }, "Keys"),
    h("div", { class: "help-groups" }, ...KEYS.map(([title, keys]) => group(String(title), /** @type {string[][]} */ (keys)))),
    h("label", { class: "check" }, toggle, "1, 2, 3, / and ? work anywhere on the page"),
    h("form", { method: "dialog", class: "actions" }, h("button", { class: "primary" }, "Close")),
  );
  dialog.addEventListener("close", () => dialog.remove());
  parent.append(dialog);
  dialog.showModal();
}

/** @param {string} title @param {string[][]} keys */
function group(title, keys) {
  const rows = keys.map(([key, what]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)));
  return h("section", {}, h("h3", {}, title), h("dl", {}, ...rows));
}
