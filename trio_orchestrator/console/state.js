/**
 * What is known of cameras and live objects: a value, and what each message of the protocol's features makes of it.
 *
 * Nothing here reads a clock or touches the page. A value is never changed, only replaced, so whoever keeps one can
 * compare.
 */

import { instant } from "./format.js";

/**
 * @typedef {object} Camera
 * @property {string} cameraId
 * @property {boolean} online
 * @property {number} since milliseconds; NaN where it is not known
 *
 * @typedef {object} Tracked
 * @property {number} objectId
 * @property {string} state `started`, `features`, `seen`, `lost` or `failed`
 * @property {string} cameraId the camera of the last change
 * @property {number} startedAt milliseconds
 * @property {number} expiresAt milliseconds; NaN for never
 * @property {ReadonlyMap<string, number>} seenOn cameras it is on now → since when; NaN where that was not heard
 * @property {number} changedAt when the state last changed; NaN where that was not heard
 * @property {string | null} by the subject of whoever started it
 * @property {string | null} reason of `failed`
 *
 * @typedef {object} Ended
 * @property {number} objectId
 * @property {string | null} reason null where it ended while nobody told us
 * @property {string | null} by
 * @property {number} at milliseconds
 *
 * @typedef {object} State
 * @property {string} server
 * @property {string} epoch
 * @property {boolean} restarted whether the last `welcome` was of another epoch than the one before
 * @property {ReadonlyMap<string, Camera>} cameras
 * @property {ReadonlyMap<number, Tracked>} objects
 * @property {readonly Ended[]} ended the newest in front, at most `MOST_ENDED`
 */

/** So many objects that have ended are remembered. */
export const MOST_ENDED = 50;

/** @returns {State} */
export const initial = () => ({
  server: "",
  epoch: "",
  restarted: false,
  cameras: new Map(),
  objects: new Map(),
  ended: [],
});

/**
 * The state after `message`, the same one where it says nothing of cameras and objects.
 * @param {State} state
 * @param {any} message as it came
 * @param {number} at when, milliseconds
 * @returns {State}
 */
export function apply(state, message, at) {
  switch (message.type) {
    case "welcome":
      return welcomed(state, message);
    case "cameras":
      return { ...state, cameras: allCameras(state, message.cameras) };
    case "camera":
      return { ...state, cameras: new Map(state.cameras).set(message.cameraId, camera(message)) };
    case "tracked":
      return snapshot(state, message.objects, at);
    case "tracking":
      return message.state === "stopped" ? stopped(state, message) : changed(state, message);
    default:
      return state;
  }
}

/**
 * The epoch is another one with every start of the server: what was heard of cameras before is no longer so.
 * @param {State} state @param {any} message @returns {State}
 */
function welcomed(state, message) {
  const restarted = state.epoch !== "" && state.epoch !== message.epoch;
  return { ...state, server: String(message.server), epoch: String(message.epoch), restarted };
}

/**
 * A camera that the server does not name was known to it before it was started again: it is still one of ours.
 * @param {State} state @param {any[]} told
 */
function allCameras(state, told) {
  const cameras = new Map();
  for (const [cameraId, known] of state.cameras) {
    cameras.set(cameraId, known.online ? { ...known, online: false, since: NaN } : known);
  }
  for (const each of told) cameras.set(each.cameraId, camera(each));
  return cameras;
}

/** @param {any} told @returns {Camera} */
function camera(told) {
  return { cameraId: told.cameraId, online: told.online === true, since: instant(told.since) };
}

/**
 * @param {State} state @param {any[]} told @param {number} at @returns {State}
 */
function snapshot(state, told, at) {
  const objects = new Map(told.map((each) => [each.objectId, tracked(each, state.objects.get(each.objectId))]));
  const gone = [...state.objects.keys()].filter((objectId) => !objects.has(objectId));
  return { ...state, objects, ended: ending(state, gone.map((objectId) => ({ objectId, reason: null, by: null, at }))) };
}

/**
 * @param {any} told @param {Tracked | undefined} before @returns {Tracked}
 */
function tracked(told, before) {
  const seenOn = new Map(told.seenOn.map((/** @type {string} */ id) => [id, before?.seenOn.get(id) ?? NaN]));
  const same = before?.state === told.state;
  return {
    objectId: told.objectId,
    state: told.state,
    cameraId: told.cameraId,
    startedAt: instant(told.startedAt),
    expiresAt: instant(told.expiresAt),
    seenOn,
    changedAt: before && same ? before.changedAt : NaN,
    by: before?.by ?? null,
    reason: before && same ? before.reason : null,
  };
}

/** @param {State} state @param {any} message @returns {State} */
function changed(state, message) {
  const at = instant(message.at);
  const before = state.objects.get(message.objectId) ?? fresh(message.objectId, message.cameraId, at);
  const seenOn = new Map(before.seenOn);
  if (message.state === "seen") seenOn.set(message.cameraId, at);
  if (message.state === "lost") seenOn.delete(message.cameraId);
  const stays = message.state === "lost" && seenOn.size > 0;
  const looks = message.state === "features" && (before.state === "seen" || before.state === "lost");
  const after = {
    ...before,
    state: stays ? "seen" : looks ? before.state : message.state,
    cameraId: stays ? among(seenOn, before.cameraId) : looks ? before.cameraId : (message.cameraId ?? before.cameraId),
    seenOn,
    changedAt: stays || looks ? before.changedAt : at,
    by: message.state === "started" ? (message.by ?? before.by) : before.by,
    reason: message.reason ?? null,
  };
  return { ...state, objects: new Map(state.objects).set(message.objectId, after) };
}

/** @param {State} state @param {any} message @returns {State} */
function stopped(state, message) {
  const objects = new Map(state.objects);
  objects.delete(message.objectId);
  const { objectId, reason = null, by = null } = message;
  return { ...state, objects, ended: ending(state, [{ objectId, reason, by, at: instant(message.at) }]) };
}

/** @param {State} state @param {Ended[]} more */
function ending(state, more) {
  return more.length ? [...more.toReversed(), ...state.ended].slice(0, MOST_ENDED) : state.ended;
}

/** @param {number} objectId @param {string} cameraId @param {number} at @returns {Tracked} */
function fresh(objectId, cameraId, at) {
  return {
    objectId,
    state: "started",
    cameraId,
    startedAt: at,
    expiresAt: NaN,
    seenOn: new Map(),
    changedAt: at,
    by: null,
    reason: null,
  };
}

/** The camera it stays seen on, as the server says it. @param {ReadonlyMap<string, number>} seenOn @param {string} before */
function among(seenOn, before) {
  return seenOn.has(before) ? before : [...seenOn.keys()].sort()[0];
}
