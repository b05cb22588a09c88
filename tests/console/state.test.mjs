import assert from "node:assert/strict";
import { test } from "node:test";

import { apply, initial, MOST_ENDED } from "../../trio_orchestrator/console/state.js";

const AT = Date.parse("2026-11-22T08:00:00.000Z");
const iso = (/** @type {number} */ seconds) => new Date(AT + 1000 * seconds).toISOString();
const after = (...messages) => messages.reduce((state, message) => apply(state, message, AT), initial());
const change = (objectId, state, rest = {}) => ({ type: "tracking", objectId, state, at: iso(0), ...rest });
const live = (objectId, rest = {}) => ({
  objectId,
  state: "features",
  cameraId: "gate",
  startedAt: iso(0),
  hasImage: false,
  seenOn: [],
  ...rest,
});

test("a value is replaced, never changed", () => {
  const before = after({ type: "tracked", objects: [live(1)] });
  const objects = new Map(before.objects);
  apply(before, change(1, "seen", { cameraId: "gate" }), AT);
  assert.deepEqual(before.objects, objects);
  assert.equal(apply(before, { type: "newObject", objectId: 2 }, AT), before);
});

test("cameras come and go", () => {
  const state = after(
    { type: "cameras", cameras: [{ cameraId: "gate", online: true, since: iso(0) }] },
    { type: "camera", cameraId: "hall", online: true, since: iso(1) },
    { type: "camera", cameraId: "gate", online: false, since: iso(2) },
  );
  assert.deepEqual([...state.cameras.values()], [
    { cameraId: "gate", online: false, since: AT + 2000 },
    { cameraId: "hall", online: true, since: AT + 1000 },
  ]);
});

test("a camera that a server that was started again does not know is offline, and stays", () => {
  const state = after(
    { type: "welcome", server: "s", epoch: "a" },
    { type: "cameras", cameras: [{ cameraId: "gate", online: true, since: iso(0) }] },
    { type: "welcome", server: "s", epoch: "b" },
    { type: "cameras", cameras: [] },
  );
  assert.equal(state.restarted, true);
  assert.equal(state.cameras.get("gate").online, false);
  assert.ok(Number.isNaN(state.cameras.get("gate").since));
});

test("the same epoch is no restart, nor is the first", () => {
  const first = after({ type: "welcome", server: "s", epoch: "a" });
  assert.equal(first.restarted, false);
  assert.equal(apply(first, { type: "welcome", server: "s", epoch: "a" }, AT).restarted, false);
});

test("a search goes from state to state", () => {
  let state = after(change(7, "started", { cameraId: "gate", by: "alice" }));
  assert.deepEqual({ ...state.objects.get(7), expiresAt: 0 }, {
    objectId: 7, state: "started", cameraId: "gate", startedAt: AT, expiresAt: 0, seenOn: new Map(),
    changedAt: AT, by: "alice", reason: null,
  });
  state = apply(state, change(7, "seen", { cameraId: "hall", at: iso(3) }), AT);
  state = apply(state, change(7, "seen", { cameraId: "lift", at: iso(4) }), AT);
  assert.deepEqual([...state.objects.get(7).seenOn], [["hall", AT + 3000], ["lift", AT + 4000]]);
  state = apply(state, change(7, "lost", { cameraId: "lift", at: iso(5) }), AT);
  assert.deepEqual([state.objects.get(7).state, state.objects.get(7).cameraId], ["seen", "hall"]);
  state = apply(state, change(7, "lost", { cameraId: "hall", at: iso(6) }), AT);
  assert.deepEqual([state.objects.get(7).state, state.objects.get(7).cameraId], ["lost", "hall"]);
  state = apply(state, change(7, "stopped", { reason: "timeout", at: iso(9) }), AT);
  assert.equal(state.objects.size, 0);
  assert.deepEqual(state.ended[0], { objectId: 7, reason: "timeout", by: null, at: AT + 9000 });
});

test("where it is not lost from, it stays as the server says it", () => {
  let state = after(change(7, "started", { cameraId: "gate" }));
  for (const [second, cameraId] of ["gate", "lift", "hall", "yard"].entries()) {
    state = apply(state, change(7, "seen", { cameraId, at: iso(second) }), AT);
  }
  state = apply(state, change(7, "lost", { cameraId: "hall", at: iso(8) }), AT);
  assert.equal(state.objects.get(7).cameraId, "yard");
  state = apply(state, change(7, "lost", { cameraId: "yard", at: iso(9) }), AT);
  assert.equal(state.objects.get(7).cameraId, "gate");
});

test("features of somebody who is seen are news of the looks alone", () => {
  let state = after(change(7, "started", { cameraId: "gate" }), change(7, "seen", { cameraId: "hall", at: iso(3) }));
  state = apply(state, change(7, "features", { cameraId: "gate", at: iso(4) }), AT);
  const { state: name, cameraId, changedAt } = state.objects.get(7);
  assert.deepEqual([name, cameraId, changedAt], ["seen", "hall", AT + 3000]);
});

test("why nobody finds it is kept until somebody does", () => {
  let state = after(change(1, "failed", { cameraId: "gate", reason: "camera_offline" }));
  assert.equal(state.objects.get(1).reason, "camera_offline");
  state = apply(state, change(1, "features", { cameraId: "hall" }), AT);
  assert.equal(state.objects.get(1).reason, null);
});

test("a snapshot replaces what was known and keeps what it does not tell", () => {
  const state = after(
    change(1, "started", { cameraId: "gate", by: "alice" }),
    change(1, "seen", { cameraId: "gate", at: iso(2) }),
    change(2, "started", { cameraId: "hall" }),
    { type: "tracked", objects: [live(1, { state: "seen", seenOn: ["gate", "lift"], expiresAt: iso(60) })] },
  );
  const object = state.objects.get(1);
  assert.equal(object.by, "alice");
  assert.equal(object.expiresAt, AT + 60_000);
  assert.equal(object.seenOn.get("gate"), AT + 2000);
  assert.ok(Number.isNaN(object.seenOn.get("lift")));
  assert.deepEqual(state.ended, [{ objectId: 2, reason: null, by: null, at: AT }]);
});

test("no more of those that ended are kept than are of use", () => {
  const messages = Array.from({ length: MOST_ENDED + 5 }, (_, index) => change(index + 1, "stopped", { reason: "client" }));
  const state = after(...messages);
  assert.equal(state.ended.length, MOST_ENDED);
  assert.equal(state.ended[0].objectId, MOST_ENDED + 5);
});
