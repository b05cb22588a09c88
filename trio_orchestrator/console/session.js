/** Whether one is connected and who one is: the banner, signing in and out, and renewing in time. */

import { SignIn } from "./dialogs.js";
import { h, icon, mark, say } from "./dom.js";
import { duration } from "./format.js";
import { readClaims, renewAt, tidied } from "./tokens.js";

const WORDS = { connecting: "Connecting", online: "Live", waiting: "Disconnected", "signed-out": "Signed out" };
/** A connection that takes no longer than this is not worth a banner. */
const PATIENCE = 1200;

export class Session {
  /**
   * @param {import("./connection.js").Connection} connection
   * @param {import("./tokens.js").TokenKeeper} keeper
   * @param {import("./notices.js").Notices} notices
   * @param {import("./frame.js").Frame} frame
   * @param {{came: () => void, signedOut: (wished: boolean) => void}} page `wished`: whether the operator signed out
   */
  constructor(connection, keeper, notices, frame, page) {
    this.connection = connection;
    this.keeper = keeper;
    this.notices = notices;
    this.page = page;
    this.why = "";
    this.since = performance.now();
    this.wasOnline = false;
    /** When the operator is asked for a new token. */
    this.renewAt = NaN;
    /** Who waits for the connection that shows a new token. @type {{resolve: () => void, reject: (error: Error) => void} | null} */
    this.waiting = null;
    this.banner = /** @type {HTMLElement} */ (document.getElementById("banner"));
    this.bannerText = h("span", {});
    this.countdown = h("span", { "aria-hidden": "true" });
    this.bannerButton = h("button", { type: "button" });
    this.banner.append(h("p", {}, this.bannerText, " ", this.countdown), this.bannerButton);
    this.bannerButton.addEventListener("click", () => this.act());
    this.state = h("span", { class: "state" });
    this.user = h("button", { type: "button", class: "user", hidden: true, title: "Sign out", on: { click: () => this.signOut() } });
    document.getElementById("status")?.append(this.state, this.user, frame.help);
    this.dialog = new SignIn(document.body, (pasted) => this.take(tidied(pasted)), (pasted) => this.objection(tidied(pasted)));
    addEventListener("online", () => connection.status === "waiting" && connection.connect());
    setInterval(() => this.tick(), 500);
    this.plan();
  }

  /** The connection is another one. @param {import("./connection.js").Status} status @param {string} why */
  status(status, why) {
    if (status === "online" || this.wasOnline) this.since = performance.now();
    this.wasOnline = status === "online";
    this.why = why;
    document.documentElement.dataset.connection = status;
    if (status === "online") {
      this.waiting?.resolve();
      this.waiting = null;
      if (this.dialog.isOpen && this.dialog.mustStay) this.dialog.hide();
      this.page.came();
    } else if (status === "signed-out") {
      this.signedOut(why);
    }
    this.tick();
  }

  /** @private @param {string} why */
  signedOut(why) {
    this.keeper.keep(null);
    this.plan();
    this.page.signedOut(false);
    if (this.waiting) {
      this.waiting.reject(new Error(why));
      this.waiting = null;
    } else {
      this.dialog.show(why, true);
    }
  }

  /** @private @param {string} token @returns {string} */
  objection(token) {
    const claims = readClaims(token);
    if (!token) return "Paste a token first.";
    if (!claims) return "This is no token: it has three parts with dots between them.";
    return claims.expiresAt < Date.now() - 60_000 ? "This token has expired already." : "";
  }

  /** @private @param {string} token @returns {Promise<void>} */
  async take(token) {
    if (this.connection.status === "online") {
      await this.connection.renew(token);
      this.keeper.keep(token);
      this.notices.info("You are signed in with the new token.");
    } else {
      this.keeper.keep(token);
      await new Promise((resolve, reject) => {
        this.waiting?.reject(new Error("Another token was pasted."));
        this.waiting = { resolve: () => resolve(undefined), reject };
        this.connection.connect();
      });
    }
    this.plan();
  }

  /** Who one is, and when to ask for the next token. @private */
  plan() {
    const claims = this.keeper.claims;
    this.user.hidden = claims === null;
    this.user.replaceChildren(icon("key"), h("span", {}, claims?.who || "signed in"));
    mark(this.user, "aria-label", `Sign out ${claims?.who ?? ""}`);
    this.renewAt = claims ? renewAt(claims.expiresAt, Date.now()) : NaN;
  }

  /** @private */
  signOut() {
    this.keeper.keep(null);
    this.plan();
    this.page.signedOut(true);
    this.connection.connect();
  }

  /** What the button of the banner does. @private */
  act() {
    if (this.connection.status === "online") this.dialog.show("Paste a new token of yours; nothing is interrupted.", false);
    else if (this.connection.status === "signed-out") this.dialog.show(this.why, true);
    else this.connection.connect();
  }

  /** @private */
  tick() {
    const { status } = this.connection;
    say(this.state, WORDS[status]);
    const expiresAt = this.keeper.claims?.expiresAt ?? NaN;
    const expiring = status === "online" && Date.now() >= this.renewAt;
    if (expiring) this.show("warn", "Your sign-in is about to end.", `${duration(expiresAt - Date.now())} left.`, "Renew");
    else if (status === "online") this.banner.hidden = true;
    else if (status === "signed-out") this.show("error", this.why, "", "Sign in");
    else if (performance.now() - this.since > PATIENCE || status === "waiting") this.disconnected(status);
  }

  /** @private @param {string} status */
  disconnected(status) {
    const left = Math.max(0, Math.ceil((this.connection.retryAt - performance.now()) / 1000));
    const next = status === "connecting" ? "Connecting…" : `Next try in ${left} s.`;
    this.show("error", `${this.why || "Disconnected."} What is shown may be out of date.`, next, "Try now");
  }

  /** @private @param {string} kind @param {string} text @param {string} countdown not read out @param {string} button */
  show(kind, text, countdown, button) {
    this.banner.hidden = false;
    mark(this.banner, "data-kind", kind);
    say(this.bannerText, text);
    say(this.countdown, countdown);
    say(this.bannerButton, button);
  }
}
