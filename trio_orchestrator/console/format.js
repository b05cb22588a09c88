/** Numbers and instants for people: local time, 24 hours, and no more digits than are of use. */

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const COLLATOR = new Intl.Collator("en", { numeric: true });

/** Names with numbers in them in the order that people expect: cam2 before cam10. @param {string} a @param {string} b */
export const byName = (a, b) => COLLATOR.compare(a, b) || (a < b ? -1 : Number(a > b));

/** The instant of an RFC 3339 text in milliseconds; NaN where it is none. @param {string | null | undefined} text */
export const instant = (text) => (text ? Date.parse(text) : NaN);

/** `08:15:30`. @param {number} at milliseconds */
export const clock = (at) => (Number.isFinite(at) ? CLOCK.format(at) : "–");

/**
 * `08:15:30`, with the day in front where that is another one than that of `now`.
 * @param {number} at milliseconds
 * @param {number} now likewise
 */
export function moment(at, now) {
  if (!Number.isFinite(at)) return "–";
  const day = DAY.format(at);
  return day === DAY.format(now) ? clock(at) : `${day}, ${clock(at)}`;
}

/**
 * `8 s`, `3 min 05 s`, `2 h 07 min`, `3 d 4 h`.
 * @param {number} milliseconds
 */
export function duration(milliseconds) {
  if (!Number.isFinite(milliseconds)) return "–";
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes === 0) return `${seconds} s`;
  if (hours === 0) return `${minutes} min ${two(seconds % 60)} s`;
  if (hours < 24) return `${hours} h ${two(minutes % 60)} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `1 camera`, `2 cameras`. @param {number} count @param {string} noun */
export const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** `3.4 MB`. @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** `97 %`. @param {number} fraction */
export const percent = (fraction) => `${Math.round(fraction * 100)} %`;

/** @param {number} number */
function two(number) {
  return String(number).padStart(2, "0");
}
