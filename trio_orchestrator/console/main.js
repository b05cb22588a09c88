/** The page, put together: one connection, what is known by it, and three views of that. */

import { Actions } from "./actions.js";
import { Api } from "./api.js";
import { Chronicle } from "./chronicle.js";
import { Connection } from "./connection.js";
import { stopConfirming } from "./dialogs.js";
import { h, say } from "./dom.js";
import { byName, counted } from "./format.js";
import { Frames } from "./frames.js";
import { Frame } from "./frame.js";
import { Pictures } from "./images.js";
import { LiveList } from "./live.js";
import { Notices } from "./notices.js";
import { PastList } from "./past.js";
import { Session } from "./session.js";
import { apply, initial } from "./state.js";
import { Timeline } from "./timeline.js";
import { TokenKeeper } from "./tokens.js";
import { Wall } from "./wall.js";

const WATCH_EVERY = 5000;
/** After a start the server is asked when it ends by itself: changes do not say so. */
const ASK_LATER = 400;
const LAGGED_EVERY = 10_000;

const element = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const announcer = element("announcer");
const announce = (/** @type {string} */ text) => say(announcer, text);

const keeper = new TokenKeeper(() => sessionStorage);
const api = new Api(() => keeper.token);
const notices = new Notices(element("notices"));
const frames = new Frames();
const pictures = new Pictures();

let state = initial();
let clockAhead = 0;
let heardAt = Date.now();
/** Whether the next snapshot is the first of a connection. */
let isFirst = true;
let asking = 0;
let lagged = { frames: 0, saidAt: -Infinity };
const now = () => Date.now() + clockAhead;

const url = new URL("client", document.baseURI);
url.protocol = url.protocol.replace("http", "ws");
const connection = new Connection(url.href, () => keeper.token, {
  status: (status, why) => session.status(status, why),
  message: hear,
  boxes: (text) => frames.take(text, performance.now()),
});
const actions = new Actions(connection, api, notices, {
  show: (objectId) => frame.go("timeline", [objectId]),
  isLive: (objectId) => state.objects.has(objectId),
  erased,
});

const chronicle = new Chronicle((objectId) => api.visits(objectId), () => timeline.refresh());
const wall = new Wall(element("wall-view"), frames, actions, announce, (cameraIds) => connection.subscribe(cameraIds));
element("rail").append(h("h2", {}, "Tracked now"));
const lists = [
  new LiveList(element("rail"), actions, pictures, now, true),
  new LiveList(part(element("objects"), "Tracked now"), actions, pictures, now, false),
];
const past = new PastList(part(element("objects"), null), api, actions);
const timeline = new Timeline(
  element("timeline"),
  chronicle,
  (objectIds) => frame.go("timeline", objectIds),
  download,
  now,
  announce,
);
const frame = new Frame({
  wall: (shown) => wall.show(shown),
  objects: (shown) => shown && connection.status === "online" && past.refresh(),
  timeline: (shown, objectIds) => {
    // Anew where one comes back to it: nobody says when a past object is erased.
    chronicle.choose(objectIds, shown && !timeline.shown);
    timeline.show(shown);
  },
});
const session = new Session(connection, keeper, notices, frame, {
  came: () => {
    isFirst = true;
    api.clockAhead().then((ahead) => (clockAhead = ahead), () => {});
    if (frame.view === "objects") past.refresh();
  },
  signedOut: (wished) => {
    stopConfirming(document.body);
    for (const part of [past, timeline, frames, notices]) part.clear();
    for (const memory of [pictures, chronicle]) memory.forgetAll();
    announce("");
    // Whom to show again stays in the address, unless somebody else is to sit here.
    if (wished) frame.forget(frame.objectIds);
    state = initial();
    refresh();
  },
});

/** Everything but boxes comes here. @param {any} message */
function hear(message) {
  const before = state;
  const at = now();
  state = apply(state, message, at);
  switch (message.type) {
    case "welcome":
      if (state.restarted) notices.info("The server was started again; everything is up to date.");
      break;
    case "newObject":
      pictures.came(message.objectId, message.image);
      refresh();
      break;
    case "tracked":
      chronicle.resume(state.objects, heardAt, at, isFirst);
      isFirst = false;
      nameStarters();
      break;
    case "tracking":
      chronicle.hear(message, state.objects);
      told(message);
      break;
    case "lagged":
      leftOut(message.dropped);
      break;
    case "error":
      notices.error(`The server did not understand this page: ${message.message}.`);
      break;
  }
  heardAt = at;
  if (state !== before) refresh();
}

/** What becomes of a search is news. @param {any} message */
function told({ objectId, state: change, cameraId, reason }) {
  if (change === "started") {
    clearTimeout(asking);
    asking = setTimeout(() => connection.resync(), ASK_LATER);
  } else if (change === "seen") {
    announce(`Object ${objectId} is on ${cameraId}.`);
  } else if (change === "failed") {
    const why = reason === "camera_offline" ? `${cameraId} is offline` : `${cameraId} has not said what it looks like`;
    notices.warn(`Nobody finds object ${objectId}: ${why}.`);
  } else if (change === "stopped") {
    pictures.went(objectId);
    if (reason === "erased") erased(objectId);
    if (reason === "timeout") notices.info(`The time of object ${objectId} is over.`);
    if (frame.view === "objects") past.refresh();
  }
}

/** Nothing is left of an object: neither here. @param {number} objectId */
function erased(objectId) {
  pictures.went(objectId);
  chronicle.forget(objectId);
  past.drop(objectId);
  frame.forget([objectId]);
  announce("");
}

/** @param {number} dropped */
function leftOut(dropped) {
  lagged.frames += dropped;
  if (performance.now() - lagged.saidAt < LAGGED_EVERY) return;
  notices.warn(`This page is slower than the cameras: ${counted(lagged.frames, "frame")} left out.`);
  lagged = { frames: 0, saidAt: performance.now() };
}

/** A snapshot does not say who started what; the list of live objects does. */
async function nameStarters() {
  if (![...state.objects.values()].some((object) => object.by === null)) return;
  try {
    const { objects } = await api.objects({ live: true, limit: 1000 });
    const named = new Map(state.objects);
    for (const { objectId, startedBy } of objects) {
      const object = named.get(objectId);
      if (object && object.by === null) named.set(objectId, { ...object, by: startedBy });
    }
    state = { ...state, objects: named };
    refresh();
  } catch {
    // It is not needed for anything.
  }
}

let refreshing = false;
/** Show the state, once for all that came at once. */
function refresh() {
  if (refreshing) return;
  refreshing = true;
  queueMicrotask(() => {
    refreshing = false;
    wall.update(state);
    for (const list of lists) list.update(state);
    past.offer([...state.cameras.keys()].sort(byName));
    timeline.refresh();
    frame.count(state.objects.size);
  });
}

/** @param {number} objectId */
async function download(objectId) {
  try {
    const address = URL.createObjectURL(await api.visitsCsv(objectId));
    h("a", { href: address, download: `object-${objectId}-visits.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  } catch (error) {
    actions.failed("There is no file", error);
  }
}

/** A part of a view. @param {HTMLElement} parent @param {string | null} title */
function part(parent, title) {
  const section = h("section", { class: "part" }, title && h("h2", {}, title));
  parent.append(section);
  return section;
}

frame.start();
setInterval(() => connection.watch(), WATCH_EVERY);
refresh();
connection.connect();
