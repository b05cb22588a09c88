/** The boxes of one camera on its stage, as few strokes as show them well. */

import { colourOf, dashOf, ON_COLOUR } from "./colours.js";
import { percent } from "./format.js";
import { TRAIL } from "./frames.js";

const PLAIN = "rgba(196, 208, 222, 0.78)";
const PLAIN_FILL = "rgba(176, 196, 220, 0.07)";
const PLAIN_TRAIL = "rgba(160, 176, 194, 0.34)";
const POINTED = "#ffffff";
const LABEL = "600 12px system-ui, sans-serif";
const SMALL = "11px system-ui, sans-serif";
const LABEL_HEIGHT = 17;

/**
 * @typedef {object} Look
 * @property {number} width of the stage in CSS pixels
 * @property {number} height likewise
 * @property {number} scale device pixels for each of them
 * @property {number} chosen the box chosen with the keys; -1 for none
 * @property {number} pointed the box under the pointer; -1 for none
 * @property {number | string | null} asked the box whose start is under way
 * @property {boolean} stale whether no frame has come for a while
 * @property {ReadonlyMap<number, unknown>} objects the live objects
 */

/**
 * Draw all boxes of `frames`, which must have been refreshed.
 * @param {CanvasRenderingContext2D} context
 * @param {import("./frames.js").CameraFrames} frames
 * @param {Look} look
 */
export function draw(context, frames, look) {
  context.setTransform(look.scale, 0, 0, look.scale, 0, 0);
  context.clearRect(0, 0, look.width, look.height);
  context.globalAlpha = look.stale ? 0.35 : 1;
  drawPlain(context, frames, look);
  for (let index = 0; index < frames.count; index++) {
    if (look.objects.has(frames.objectIds[index])) drawTracked(context, frames, index, look);
  }
  if (look.pointed >= 0 && look.pointed < frames.count) drawPointed(context, frames, look.pointed, look, false);
  if (look.chosen >= 0 && look.chosen < frames.count) drawPointed(context, frames, look.chosen, look, true);
  if (look.asked !== null) drawAsked(context, frames, look);
}

/** Everybody nobody looks for: one path for all. @param {CanvasRenderingContext2D} context @param {any} frames @param {Look} look */
function drawPlain(context, frames, look) {
  context.setLineDash([]);
  context.lineWidth = 1.5;
  context.lineJoin = "round";
  context.strokeStyle = PLAIN_TRAIL;
  context.beginPath();
  for (let index = 0; index < frames.count; index++) {
    if (!look.objects.has(frames.objectIds[index])) tracePath(context, frames.trails.get(frames.boxIds[index]), look);
  }
  context.stroke();
  context.strokeStyle = PLAIN;
  context.beginPath();
  for (let index = 0; index < frames.count; index++) {
    if (!look.objects.has(frames.objectIds[index])) context.rect(...place(frames, index, look));
  }
  context.fillStyle = PLAIN_FILL;
  context.fill();
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {any} frames @param {number} index @param {Look} look */
function drawTracked(context, frames, index, look) {
  const objectId = frames.objectIds[index];
  const colour = colourOf(objectId);
  const [x, y, width, height] = place(frames, index, look);
  context.strokeStyle = colour;
  context.lineWidth = 3;
  context.setLineDash([]);
  context.beginPath();
  tracePath(context, frames.trails.get(frames.boxIds[index]), look);
  context.globalAlpha *= 0.55;
  context.stroke();
  context.globalAlpha /= 0.55;
  context.fillStyle = colour;
  context.globalAlpha *= 0.16;
  context.fillRect(x, y, width, height);
  context.globalAlpha /= 0.16;
  context.lineWidth = 2.5;
  context.setLineDash(dashOf(objectId));
  context.strokeRect(x, y, width, height);
  context.setLineDash([]);
  tag(context, `#${objectId}`, x, y, look, colour, ON_COLOUR, LABEL);
}

/** @param {CanvasRenderingContext2D} context @param {any} frames @param {number} index @param {Look} look @param {boolean} chosen */
function drawPointed(context, frames, index, look, chosen) {
  const [x, y, width, height] = place(frames, index, look);
  context.globalAlpha = 1;
  context.setLineDash([]);
  if (chosen) {
    context.strokeStyle = "#000000";
    context.lineWidth = 6;
    context.strokeRect(x - 3, y - 3, width + 6, height + 6);
  }
  context.strokeStyle = POINTED;
  context.lineWidth = 2;
  context.strokeRect(x - (chosen ? 3 : 0), y - (chosen ? 3 : 0), width + (chosen ? 6 : 0), height + (chosen ? 6 : 0));
  if (!look.objects.has(frames.objectIds[index])) {
    tag(context, describe(frames, index), x, y, look, POINTED, ON_COLOUR, SMALL);
  }
}

/** @param {CanvasRenderingContext2D} context @param {any} frames @param {Look} look */
function drawAsked(context, frames, look) {
  const index = frames.indexOf(look.asked);
  if (index < 0) return;
  context.globalAlpha = 1;
  context.strokeStyle = POINTED;
  context.lineWidth = 2.5;
  context.setLineDash([4, 4]);
  context.strokeRect(...place(frames, index, look));
  context.setLineDash([]);
}

/**
 * What a box is, in few words: `person 97 %`.
 * @param {import("./frames.js").CameraFrames} frames
 * @param {number} index
 */
export function describe(frames, index) {
  const certainty = frames.certainties[index];
  const kind = (frames.kinds[index] || "something").slice(0, 24);
  return Number.isNaN(certainty) ? kind : `${kind} ${percent(certainty)}`;
}

/**
 * A label on the upper edge of a box, or below it where there is no room.
 * @param {CanvasRenderingContext2D} context @param {string} text @param {number} x @param {number} y @param {Look} look
 * @param {string} colour @param {string} textColour @param {string} font
 */
function tag(context, text, x, y, look, colour, textColour, font) {
  context.font = font;
  const width = context.measureText(text).width + 10;
  const left = Math.max(0, Math.min(look.width - width, x - 1));
  const top = y >= LABEL_HEIGHT ? y - LABEL_HEIGHT : Math.min(y, look.height - LABEL_HEIGHT);
  context.fillStyle = colour;
  context.fillRect(left, top, width, LABEL_HEIGHT);
  context.fillStyle = textColour;
  context.textBaseline = "middle";
  context.fillText(text, left + 5, top + LABEL_HEIGHT / 2 + 0.5);
}

/** @param {CanvasRenderingContext2D} context @param {import("./frames.js").Trail | undefined} trail @param {Look} look */
function tracePath(context, trail, look) {
  if (!trail || trail.length < 2) return;
  const { points, head, length } = trail;
  for (let step = 0; step < length; step++) {
    const at = (head - length + step + TRAIL) % TRAIL;
    const x = points[2 * at] * look.width;
    const y = points[2 * at + 1] * look.height;
    if (step === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  }
}

/** @param {any} frames @param {number} index @param {Look} look @returns {[number, number, number, number]} */
function place(frames, index, look) {
  const { rects } = frames;
  const [x1, y1] = [rects[4 * index] * look.width, rects[4 * index + 1] * look.height];
  return [x1, y1, rects[4 * index + 2] * look.width - x1, rects[4 * index + 3] * look.height - y1];
}
