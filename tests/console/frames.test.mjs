import assert from "node:assert/strict";
import { test } from "node:test";

import { Frames, TRAIL } from "../../trio_orchestrator/console/frames.js";

const frame = (cameraId, frameId, boxes) =>
  `{"type":"boundingBoxes","cameraId":${JSON.stringify(cameraId)},"frameId":${frameId},"boxes":${JSON.stringify(boxes)}}`;
const box = (boxId, rect, rest = {}) => ({ boxId, rect, ...rest });

test("only the newest frame is read, and only once", () => {
  const frames = new Frames();
  frames.take(frame("gate", 1, [box(1, [0, 0, 1, 1])]), 5);
  frames.take(frame("gate", 2, [box(2, [0, 0, 0.5, 0.5], { objectId: 7, certainty: 0.9, objectType: "person" })]), 6);
  const camera = frames.of("gate");
  assert.equal(camera.received, 2);
  assert.equal(camera.refresh(), true);
  assert.equal(camera.refresh(), false);
  assert.deepEqual([camera.count, camera.boxIds[0], camera.objectIds[0], camera.kinds[0]], [1, 2, 7, "person"]);
});

test("cameras are told apart, whatever they call themselves", () => {
  const frames = new Frames();
  const odd = 'a","frameId":9,"b\\';
  frames.take(frame(odd, "1.5", []), 0);
  frames.take(frame("gate", "2.5", []), 0);
  assert.deepEqual([...frames.cameras.keys()], [odd, "gate"]);
  assert.equal(frames.of(odd).frameIdJson(), "1.5");
});

test("a frame's id goes back as it came", () => {
  const frames = new Frames();
  for (const json of ["12.0", "12", "-1e3", '"f,1"', "0.040000000000000001"]) {
    frames.take(frame("gate", json, []), 0);
    assert.equal(frames.of("gate").frameIdJson(), json);
  }
});

test("boxes may be the values of an object, and what is no box is left out", () => {
  const frames = new Frames();
  const good = box(1, [0.1, 0.1, 0.2, 0.2]);
  frames.take(frame("gate", 1, { a: good, b: { boxId: 2 }, c: box(3, [0, 0, "1", 1]), d: null, e: box(4, [-1, 0, 2, 1]) }), 0);
  const camera = frames.of("gate");
  camera.refresh();
  assert.equal(camera.count, 2);
  assert.deepEqual([...camera.rects.subarray(4, 8)], [0, 0, 1, 1]);
});

test("an id that is null is none", () => {
  const frames = new Frames();
  frames.take(frame("gate", 1, [box(null, [0, 0, 1, 1]), { rect: [0, 0, 1, 1] }]), 0);
  const camera = frames.of("gate");
  camera.refresh();
  assert.deepEqual(camera.boxIds.slice(0, 2), [undefined, undefined]);
});

test("there may be any number of boxes", () => {
  const frames = new Frames();
  frames.take(frame("gate", 1, Array.from({ length: 100 }, (_, index) => box(index, [0, 0, 1, 1], { objectId: index }))), 0);
  const camera = frames.of("gate");
  camera.refresh();
  assert.equal(camera.count, 100);
  assert.equal(camera.objectIds[99], 99);
});

test("what cameras show can be forgotten", () => {
  const frames = new Frames();
  frames.take(frame("gate", 1, [box(1, [0, 0, 1, 1])]), 0);
  frames.of("gate").refresh();
  frames.clear();
  const camera = frames.of("gate");
  assert.deepEqual([camera.text, camera.count, camera.trails.size, camera.refresh()], ["", 0, 0, false]);
});

test("a trail follows a box, ends where it jumps, and goes when it is gone", () => {
  const frames = new Frames();
  const camera = frames.of("gate");
  const show = (...boxes) => {
    frames.take(frame("gate", 1, boxes), 0);
    camera.refresh();
  };
  for (let step = 0; step < TRAIL + 8; step++) show(box(1, [0.01 * step, 0, 0.01 * step + 0.1, 0.5]));
  assert.equal(camera.trails.get(1).length, TRAIL);
  show(box(1, [0.9, 0.5, 1, 1]));
  assert.equal(camera.trails.get(1).length, 1);
  for (let step = 0; step < 30; step++) show();
  assert.equal(camera.trails.size, 0);
});

test("a point is in the smallest of the boxes around it", () => {
  const frames = new Frames();
  frames.take(frame("gate", 1, [box("far", [0, 0, 1, 1]), box("near", [0.4, 0.4, 0.6, 0.6])]), 0);
  const camera = frames.of("gate");
  camera.refresh();
  assert.equal(camera.boxIds[camera.at(0.5, 0.5)], "near");
  assert.equal(camera.boxIds[camera.at(0.1, 0.1)], "far");
  assert.equal(camera.boxIds[camera.at(0.39, 0.5, 0.02)], "near");
});
