/**
 * What a tracked object looks like on every camera: its colour and its dash, both made of its id alone.
 *
 * The eight colours can be told apart with the common kinds of colour blindness (after Okabe and Ito), stand out from
 * the dark stage, and take black text. Where there are more objects than colours the dash tells them apart, and a
 * label with the id always does.
 */

const COLOURS = ["#e69f00", "#56b4e9", "#2ec49a", "#f0e442", "#ff8a57", "#e38fc1", "#a9b1ff", "#d5dbe3"];
const DASHES = [[], [7, 4], [2, 3]];

/** The colour of text on any of them. */
export const ON_COLOUR = "#0b0f14";

/** @param {number} objectId @returns {string} */
export const colourOf = (objectId) => COLOURS[turn(objectId - 1, COLOURS.length)];

/** The lengths of strokes and gaps; empty for a line without. @param {number} objectId @returns {number[]} */
export const dashOf = (objectId) => DASHES[turn(Math.floor((objectId - 1) / COLOURS.length), DASHES.length)];

/** @param {number} number @param {number} length */
function turn(number, length) {
  return ((number % length) + length) % length;
}
