/** Which stretch of time is looked at, and where an instant lies in it. Nothing here touches the page. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  ...[1, 2, 5, 10, 30].map((step) => step * SECOND),
  ...[1, 2, 5, 10, 30].map((step) => step * MINUTE),
  ...[1, 3, 6, 12].map((step) => step * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365].map((step) => step * DAY),
];
const SHORTEST = 10 * SECOND;
const LONGEST = 5 * 365 * DAY;
/** How much of the width lies right of now while one goes along with it. */
const AHEAD = 0.04;

/**
 * @typedef {object} Span
 * @property {number} from milliseconds
 * @property {number} to likewise
 * @property {boolean} live whether its right end goes along with the time
 */

/** The last `length` milliseconds before `now`, and on with it. @param {number} now @param {number} length @returns {Span} */
export function liveSpan(now, length) {
  const span = clamp(length);
  return { from: now - span * (1 - AHEAD), to: now + span * AHEAD, live: true };
}

/** The span at a later time. @param {Span} span @param {number} now @returns {Span} */
export const goOn = (span, now) => (span.live ? liveSpan(now, span.to - span.from) : span);

/**
 * Closer or farther, with the instant at `fixed` staying where it is; while live, now stays.
 * @param {Span} span @param {number} factor below 1 for closer @param {number} fixed a fraction of the width
 * @param {number} now @returns {Span}
 */
export function zoom(span, factor, fixed, now) {
  const length = clamp((span.to - span.from) * factor);
  if (span.live) return liveSpan(now, length);
  const at = span.from + (span.to - span.from) * fixed;
  return settle({ from: at - length * fixed, to: at + length * (1 - fixed), live: false }, now);
}

/** Earlier or later, by a fraction of the width. @param {Span} span @param {number} by @param {number} now @returns {Span} */
export function pan(span, by, now) {
  const shift = (span.to - span.from) * by;
  return settle({ from: span.from + shift, to: span.to + shift, live: false }, now);
}

/**
 * All of `from` to `to`, with a little room; live where `to` is now or later.
 * @param {number} from @param {number} to @param {number} now @returns {Span}
 */
export function fit(from, to, now) {
  const length = clamp((to - from) * 1.08 + 5 * SECOND);
  if (to >= now - SECOND) return liveSpan(now, clamp(((now - from) * 1.04) / (1 - AHEAD) + 2 * SECOND));
  const middle = (from + to) / 2;
  return { from: middle - length / 2, to: middle + length / 2, live: false };
}

/** Where an instant lies, as a fraction of the width. @param {Span} span @param {number} at */
export const fractionOf = (span, at) => (at - span.from) / (span.to - span.from);

/**
 * Round instants for an axis, at least `apart` of the width from each other, in local time.
 * @param {Span} span @param {number} apart a fraction
 * @returns {{at: number, label: string}[]}
 */
export function ticks(span, apart) {
  const least = (span.to - span.from) * apart;
  const step = STEPS.find((each) => each >= least) ?? STEPS[STEPS.length - 1];
  const zone = -new Date(span.from).getTimezoneOffset() * MINUTE;
  const marks = [];
  for (let at = Math.ceil((span.from + zone) / step) * step - zone; at <= span.to; at += step) {
    marks.push({ at, label: label(at, step) });
  }
  return marks;
}

/** @param {number} at @param {number} step */
function label(at, step) {
  const date = new Date(at);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0;
  if (step >= DAY || midnight) return date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  /** @type {Intl.DateTimeFormatOptions} */
  const time = { hour: "2-digit", minute: "2-digit" };
  if (step < MINUTE) time.second = "2-digit";
  return date.toLocaleTimeString("en-GB", time);
}

/** One cannot look into the future: whoever moves there goes along with now. @param {Span} span @param {number} now */
function settle(span, now) {
  return span.to > now + (span.to - span.from) * AHEAD ? liveSpan(now, span.to - span.from) : span;
}

/** @param {number} length */
function clamp(length) {
  return Math.min(LONGEST, Math.max(SHORTEST, length));
}
