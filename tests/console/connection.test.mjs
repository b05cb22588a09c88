import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Connection } from "../../trio_orchestrator/console/connection.js";

/** A socket that the test answers for. */
class Socket {
  sent = [];
  closed = false;
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
  }
  says(message) {
    this.onmessage({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }
}

let sockets, timers, now, told, token, connection;
const last = () => sockets.at(-1);
const welcome = (epoch = "a") => last().says({ type: "welcome", server: "s", features: [], epoch });

beforeEach(() => {
  [sockets, timers, now, told, token] = [[], [], 0, [], null];
  const world = {
    open: () => (sockets.push(new Socket()), last()),
    now: () => now,
    random: () => 0.5,
    later: (run, after) => timers.push({ run, after }),
  };
  const listener = {
    status: (status, why) => told.push([status, why]),
    message: (message) => told.push(message),
    boxes: (text) => told.push(text),
  };
  connection = new Connection("ws://server/client", () => token, listener, world);
  connection.connect();
});

test("the token comes first, then what is wanted, in one go", () => {
  token = "secret";
  connection.subscribe(["gate"]);
  last().onopen();
  assert.deepEqual(last().sent.map((message) => message.type), ["authenticate", "hello", "setUsesImages", "subscribe"]);
  assert.equal(last().sent[0].jwt, "secret");
});

test("one is online once the server has answered, and not before", () => {
  last().onopen();
  assert.equal(connection.status, "connecting");
  welcome();
  assert.equal(connection.status, "online");
});

test("pauses grow, up to ten seconds, and begin anew after a welcome", () => {
  for (let failure = 0; failure < 8; failure++) {
    last().onclose({ code: 1006 });
    timers.at(-1).run();
  }
  assert.deepEqual(timers.map(({ after }) => after), [400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
  last().onopen();
  welcome();
  last().onclose({ code: 1001 });
  assert.equal(timers.at(-1).after, 400);
  assert.deepEqual(told.at(-1), ["waiting", "The server is stopping."]);
});

test("whoever connects by hand is not connected again by the clock", () => {
  last().onclose({ code: 1006 });
  connection.connect();
  timers.at(-1).run();
  assert.equal(sockets.length, 2);
});

test("what a socket says that was given up is not heard", () => {
  const old = last();
  connection.connect();
  const before = told.length;
  old.onclose({ code: 1006 });
  old.says({ type: "welcome" });
  assert.equal(told.length, before);
});

test("a token that is refused is not tried again by itself", () => {
  token = "bad";
  last().onopen();
  last().says({ type: "error", code: "unauthenticated", message: "the token has expired" });
  last().onclose({ code: 4401 });
  assert.deepEqual(told.at(-1), ["signed-out", "The token was refused: the token has expired."]);
  assert.equal(timers.length, 0);
});

test("a renewal is good once the next welcome comes without a complaint before it", async () => {
  last().onopen();
  welcome();
  const renewal = connection.renew("fresh");
  welcome();
  await renewal;
  const refused = connection.renew("stale");
  last().says({ type: "error", code: "forbidden", message: "a renewal must be for the same subject" });
  welcome();
  await assert.rejects(refused, { code: "forbidden" });
  assert.equal(connection.status, "online");
});

test("what came from a peer goes back as it came", async () => {
  last().onopen();
  welcome();
  const request = connection.request({ type: '"start"', cameraId: '"gate"', frameId: "12.0", boxId: "3" });
  let raw = "";
  last().send = (text) => (raw = text);
  connection.request({ type: '"start"', cameraId: '"gate"', frameId: "12.0", boxId: "3" }).catch(() => {});
  assert.match(raw, /"frameId":12\.0,"boxId":3,/);
  last().says({ type: "accepted", requestId: "console-1", objectId: 5 });
  assert.equal(await request, 5);
});

test("a request fails with its error, or with its connection", async () => {
  await assert.rejects(connection.request({ type: '"stop"' }), { code: "disconnected" });
  last().onopen();
  welcome();
  const refused = connection.request({ type: '"stop"', objectId: "1" });
  last().says({ type: "error", code: "unknown_object", message: "no", requestId: "console-1" });
  await assert.rejects(refused, { code: "unknown_object" });
  const lost = connection.request({ type: '"stop"', objectId: "1" });
  last().onclose({ code: 1006 });
  await assert.rejects(lost, { code: "disconnected" });
});

test("boxes are handed on unread", () => {
  last().onopen();
  welcome();
  last().says('{"type":"boundingBoxes","cameraId":"gate","frameId":1.0,"boxes":[]}');
  assert.equal(told.at(-1), '{"type":"boundingBoxes","cameraId":"gate","frameId":1.0,"boxes":[]}');
});

test("a server that says nothing is asked, and then given up", () => {
  last().onopen();
  welcome();
  now = 21_000;
  connection.watch();
  connection.watch();
  assert.equal(last().sent.filter((message) => message.type === "hello").length, 2);
  now = 36_000;
  connection.watch();
  assert.equal(connection.status, "waiting");
  assert.equal(sockets[0].closed, true);
});

test("the same wish for boxes is said once", () => {
  last().onopen();
  welcome();
  for (const wish of [["gate"], ["gate"], null]) connection.subscribe(wish);
  const wishes = last().sent.filter((message) => message.type === "subscribe").map((message) => message.cameraIds);
  assert.deepEqual(wishes, [["gate"], null]);
});

test("another wish for boxes is said, however cameras call themselves", () => {
  last().onopen();
  welcome();
  const wishes = [["a", "b"], ["a,b"], null, ["null"], [], [""]];
  for (const wish of wishes) connection.subscribe(wish);
  const said = last().sent.filter((message) => message.type === "subscribe").map((message) => message.cameraIds);
  assert.deepEqual(said, wishes);
});
