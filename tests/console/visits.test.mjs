import assert from "node:assert/strict";
import { test } from "node:test";

import { Chronicle, MOST_CHOSEN } from "../../trio_orchestrator/console/chronicle.js";
import { follow, handovers, join, resume } from "../../trio_orchestrator/console/visits.js";

const NOBODY = new Set();
const archived = (cameraId, from, to, heard = null) => ({ cameraId, from, to, heard, begunBefore: false, sightings: 9, bestCertainty: 0.9 });
const heard = (...changes) =>
  changes.reduce((visits, [state, cameraId, at]) => follow(visits, { state, cameraId }, at), []);
const brief = (visits) => visits.map(({ cameraId, from, to }) => [cameraId, from, to]);

test("seen begins a visit, lost ends it", () => {
  assert.deepEqual(brief(heard(["seen", "gate", 1], ["seen", "hall", 5], ["lost", "gate", 4])), [["gate", 1, 4], ["hall", 5, null]]);
});

test("seen twice is one visit, and other changes are none", () => {
  assert.deepEqual(brief(heard(["seen", "gate", 1], ["seen", "gate", 3], ["features", "gate", 4])), [["gate", 1, null]]);
});

test("stopped ends all of them", () => {
  assert.deepEqual(brief(heard(["seen", "gate", 1], ["seen", "hall", 2], ["stopped", undefined, 8])), [["gate", 1, 8], ["hall", 2, 8]]);
});

test("what is heard goes on with what is archived", () => {
  const live = heard(["lost", "gate", 60_000], ["seen", "hall", 61_000]);
  const joined = join([archived("gate", 10_000, null, 20_000)], live, new Set(["hall"]));
  assert.deepEqual(brief(joined), [["gate", 10_000, 60_000], ["hall", 61_000, null]]);
  assert.equal(joined[0].sightings, 9);
});

test("the same visit told by both is one", () => {
  const live = heard(["seen", "gate", 10_000], ["lost", "gate", 15_000]);
  assert.deepEqual(brief(join([archived("gate", 9_990, 14_990)], live, NOBODY)), [["gate", 9_990, 15_000]]);
  assert.deepEqual(brief(join([archived("gate", 9_990, 12_000)], heard(["seen", "gate", 10_000]), new Set(["gate"]))), [["gate", 9_990, null]]);
  for (const at of [4_999, 5_001]) {
    assert.equal(join([archived("gate", at, at)], heard(["seen", "gate", 5_000], ["lost", "gate", 5_000]), NOBODY).length, 1);
  }
});

test("visits with a pause between them stay two", () => {
  const live = heard(["seen", "gate", 10_000], ["lost", "gate", 15_000], ["seen", "gate", 19_000]);
  assert.deepEqual(brief(join([archived("gate", 10_000, 15_000)], live, new Set(["gate"]))), [["gate", 10_000, 15_000], ["gate", 19_000, null]]);
});

test("what the server tells apart stays apart, however short the gap that it makes of it", () => {
  const two = [archived("gate", 0, 10_000), { ...archived("gate", 11_200, 20_000), sightings: 4 }];
  const live = heard(["seen", "gate", 0], ["lost", "gate", 10_000], ["seen", "gate", 11_200], ["lost", "gate", 20_000]);
  const times = [["gate", 0, 10_000], ["gate", 11_200, 20_000]];
  for (const [kept, told] of [[two, []], [two, live], [two.slice(0, 1), live], [two.slice(0, 1), live.slice(1)], [[], live]]) {
    assert.deepEqual(brief(join(kept, told, NOBODY)), times);
  }
  assert.deepEqual(join(two, live, NOBODY).map((visit) => visit.sightings), [9, 4]);
});

test("a visit that goes on when the page comes is the one that the archive, a second behind, has", () => {
  const here = new Set(["gate"]);
  const came = resume([], here, 0, 11_000);
  assert.deepEqual(brief(join([archived("gate", 0, 10_000)], came, here)), [["gate", 0, null]]);
  assert.deepEqual(brief(join([archived("gate", 0, 5_000)], came, here)), [["gate", 0, 5_000], ["gate", 11_000, null]]);
  // Unless that one is known to have ended.
  const left = resume(heard(["seen", "gate", 0], ["lost", "gate", 10_000]), here, 10_500, 11_000);
  assert.deepEqual(brief(join([archived("gate", 0, 10_000)], left, here)), [["gate", 0, 10_000], ["gate", 11_000, null]]);
});

test("an end that lies before the page came is the end", () => {
  const left = follow(resume([], new Set(["gate"]), 0, 11_000), { state: "lost", cameraId: "gate" }, 9_000);
  assert.deepEqual(brief(left), [["gate", 9_000, 9_000]]);
  assert.deepEqual(brief(join([archived("gate", 0, null, 11_000)], left, NOBODY)), [["gate", 0, 9_000]]);
});

test("where a break hid that it left and came back, the archive has both visits and the last goes on", () => {
  const both = [archived("gate", 0, 10_000), archived("gate", 30_000, null, 40_000)];
  const live = resume(heard(["seen", "gate", 0]), new Set(["gate"]), 5_000, 39_000);
  assert.deepEqual(brief(join(both, live, new Set(["gate"]))), [["gate", 0, 10_000], ["gate", 30_000, null]]);
});

test("what the archive calls open is over where the object is known not to be", () => {
  assert.deepEqual(brief(join([archived("gate", 1_000, null, 7_000)], [], NOBODY)), [["gate", 1_000, 7_000]]);
});

test("after a break, what the snapshot does not know was over when nobody told us any more", () => {
  const live = resume(heard(["seen", "gate", 1], ["seen", "hall", 2]), new Set(["hall", "lift"]), 50, 90);
  assert.deepEqual(brief(live), [["gate", 1, 50], ["hall", 2, null], ["lift", 90, null]]);
});

test("a hand-over is a visit on another camera than the one before", () => {
  const visits = join([archived("gate", 0, 5_000), archived("hall", 6_000, 9_000), archived("hall", 20_000, 22_000)], [], NOBODY);
  assert.deepEqual(handovers(visits).map(({ left, entered }) => [left.cameraId, entered.cameraId, entered.from]), [["gate", "hall", 6_000]]);
});

test("an object that is looked at is asked for once, and again only after a break", async () => {
  const asked = [];
  const chronicle = new Chronicle(async (objectId) => (asked.push(objectId), [archived("gate", 0, 10)]), () => {});
  chronicle.choose([3]);
  chronicle.choose([3, 4]);
  await new Promise(setImmediate);
  assert.deepEqual(asked, [3, 4]);
  assert.deepEqual(brief(chronicle.visitsOf(3)), [["gate", 0, 10]]);
  chronicle.resume(new Map(), 0, 0, false);
  assert.deepEqual(asked, [3, 4]);
  chronicle.resume(new Map(), 0, 0, true);
  assert.deepEqual(asked, [3, 4, 3, 4]);
});

test("what cannot be fetched is said, and what was there before stays", async () => {
  let works = true;
  const fetchVisits = async () => {
    if (!works) throw new Error("gone");
    return [archived("gate", 0, 10)];
  };
  const chronicle = new Chronicle(fetchVisits, () => {});
  chronicle.choose([1]);
  await new Promise(setImmediate);
  works = false;
  chronicle.resume(new Map(), 0, 0, true);
  await new Promise(setImmediate);
  assert.equal(chronicle.chosen.get(1).error, "gone");
  assert.equal(chronicle.visitsOf(1).length, 1);
});

test("of what was erased nothing is left, whoever tells of it first", async () => {
  let kept = [archived("gate", 0, 10)];
  const chronicle = new Chronicle(async () => kept, () => {});
  const hear = (objectId, state, objects) => chronicle.hear({ objectId, state, cameraId: "gate", at: "2026-11-22T08:00:00Z" }, objects);
  for (const objectId of [1, 2]) hear(objectId, "seen", new Map([[1, { seenOn: new Map() }]]));
  chronicle.choose([1, 2]);
  await new Promise(setImmediate);
  kept = null;
  chronicle.choose([1, 2], true);
  await new Promise(setImmediate);
  // The first is live: the archive may not have it yet.
  assert.deepEqual([1, 2].map((objectId) => chronicle.visitsOf(objectId).length), [1, 0]);
  chronicle.forget(1);
  assert.deepEqual(chronicle.visitsOf(1), []);
  assert.deepEqual([...chronicle.chosen.keys()], [2]);
});

test("after signing out nothing is known but whom to ask for again", async () => {
  const answers = [];
  const chronicle = new Chronicle(() => new Promise((resolve) => answers.push(resolve)), () => {});
  chronicle.choose([1]);
  const objects = new Map([[1, { seenOn: new Map([["gate", 0]]) }]]);
  chronicle.hear({ objectId: 1, state: "seen", cameraId: "gate", at: "2026-11-22T08:00:00Z" }, objects);
  chronicle.forgetAll();
  answers[0]([archived("gate", 0, 10)]);
  await new Promise(setImmediate);
  assert.deepEqual([chronicle.visitsOf(1), chronicle.objects.size], [[], 0]);
  chronicle.resume(new Map(), 0, 0, true);
  answers[1]([archived("gate", 0, 10)]);
  await new Promise(setImmediate);
  assert.deepEqual(brief(chronicle.visitsOf(1)), [["gate", 0, 10]]);
});

test("an answer that comes when nobody looks at the object any more is let go of", async () => {
  const answers = [];
  const chronicle = new Chronicle(() => new Promise((resolve) => answers.push(resolve)), () => {});
  chronicle.choose([1]);
  chronicle.forget(1);
  chronicle.choose([1]);
  answers[0]([archived("gate", 0, 10)]);
  await new Promise(setImmediate);
  assert.deepEqual(chronicle.visitsOf(1), []);
  answers[1]([]);
  await new Promise(setImmediate);
  assert.equal(chronicle.chosen.get(1).asked, true);
});

test("no more objects are compared than can be told apart", () => {
  const chronicle = new Chronicle(async () => [], () => {});
  chronicle.choose(Array.from({ length: 40 }, (_, index) => index + 1));
  assert.equal(chronicle.chosen.size, MOST_CHOSEN);
});
