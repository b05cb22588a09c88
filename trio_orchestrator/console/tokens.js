/**
 * The token that was pasted: kept for this tab and for no longer, and never a part of an address or of a log.
 *
 * Only the server can tell whether it is good; what is read from it here is for people.
 */

import { Stored } from "./stored.js";

const KEY = "orchestrator.token";

/**
 * @typedef {object} Claims
 * @property {number} expiresAt milliseconds; NaN where it does not say
 * @property {string} who whom it names; empty where it does not say
 */

/**
 * What a JSON Web Token says of itself, unverified; null where the text is none.
 * @param {string} token
 * @returns {Claims | null}
 */
export function readClaims(token) {
  const parts = token.split(".");
  if (parts.length !== 3) return null;
  try {
    const bytes = Uint8Array.from(atob(parts[1].replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof claims !== "object" || claims === null) return null;
    const who = [claims.name, claims.preferred_username, claims.sub].find((name) => typeof name === "string" && name);
    return { expiresAt: typeof claims.exp === "number" ? claims.exp * 1000 : NaN, who: who ?? "" };
  } catch {
    return null;
  }
}

/** What was pasted without what people copy along with it. @param {string} pasted */
export const tidied = (pasted) => pasted.trim().replace(/^bearer\s+/i, "").replace(/^"(.*)"$/, "$1").replace(/\s+/g, "");

/**
 * How long before its end a token is to be renewed: two minutes, or half of what is left when that is less.
 * @param {number} expiresAt milliseconds
 * @param {number} now likewise
 */
export const renewAt = (expiresAt, now) => expiresAt - Math.min(120_000, Math.max(0, expiresAt - now) / 2);

/** The token of this tab. */
export class TokenKeeper {
  /** @param {() => Storage} storage of the tab; where the browser forbids it, the token lasts as long as the page */
  constructor(storage) {
    this.stored = new Stored(storage, KEY);
    this.token = this.stored.read();
  }

  /** @param {string | null} token null to forget it */
  keep(token) {
    this.token = token;
    this.stored.write(token);
  }

  /** @returns {Claims | null} */
  get claims() {
    return this.token === null ? null : readClaims(this.token);
  }
}
