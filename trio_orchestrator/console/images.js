/**
 * Images in and out: a file that is dropped becomes what `start` carries, and what came with an object becomes
 * something that an <img> may show. Nothing but pictures passes; an SVG could be a page.
 */

import { size } from "./format.js";

const KINDS = ["image/png", "image/jpeg", "image/webp", "image/gif"];
/** What the base64 of each begins with. */
const BEGINNINGS = new Map([
  ["iVBORw0KGgo", "image/png"],
  ["/9j/", "image/jpeg"],
  ["UklGR", "image/webp"],
  ["R0lGOD", "image/gif"],
]);
const DATA_URL = /^data:(image\/(?:png|jpeg|webp|gif));base64,([A-Za-z0-9+/=\s]+)$/;

/** The longest file that is taken; as a data URL in a message it stays below the 10 MiB that servers take by default. */
export const MOST_BYTES = 7_000_000;

/** Kinds for a file chooser. */
export const ACCEPTED = KINDS.join(",");

/**
 * Why a file cannot be used; empty where it can.
 * @param {{type: string, size: number, name: string}} file
 */
export function objection(file) {
  if (!KINDS.includes(file.type)) return `“${file.name}” is no PNG, JPEG, WebP or GIF image.`;
  if (file.size > MOST_BYTES) return `“${file.name}” has ${size(file.size)}; images may have up to ${size(MOST_BYTES)}.`;
  return "";
}

/**
 * The data URL of a file.
 * @param {Blob} file
 * @returns {Promise<string>}
 */
export function dataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

/**
 * What an <img> may show of an object's image, which is a data URL or bare base64; null where it is neither.
 * @param {unknown} image as the client that started it sent it
 * @returns {string | null}
 */
export function showable(image) {
  if (typeof image !== "string") return null;
  if (DATA_URL.test(image)) return image;
  for (const [beginning, kind] of BEGINNINGS) {
    if (image.startsWith(beginning) && /^[A-Za-z0-9+/=\s]+$/.test(image)) return `data:${kind};base64,${image}`;
  }
  return null;
}

/**
 * Whether what the server has as an image may be shown.
 * @param {Blob} blob
 */
export const isPicture = (blob) => KINDS.includes(blob.type);

/** The pictures of live objects, as they came. Those of past ones are not kept: they may have been erased since. */
export class Pictures {
  constructor() {
    /** @type {Map<number, string | null>} */
    this.live = new Map();
  }

  /**
   * The address of an object's picture; null where it has none that can be shown, or has not come yet.
   * @param {number} objectId
   */
  of(objectId) {
    return this.live.get(objectId) ?? null;
  }

  /** A `newObject` came. @param {number} objectId @param {unknown} image */
  came(objectId, image) {
    this.live.set(objectId, showable(image));
  }

  /** An object is no longer live. @param {number} objectId */
  went(objectId) {
    this.live.delete(objectId);
  }

  /** Nothing is to be kept at all. */
  forgetAll() {
    this.live.clear();
  }
}
