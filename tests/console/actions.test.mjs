import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Actions } from "../../trio_orchestrator/console/actions.js";

let asked, news, actions;

beforeEach(() => {
  [asked, news] = [[], []];
  const connection = { request: async (members) => (asked.push(members), 7) };
  const notices = { info: (text) => news.push(["info", text]), error: (text) => news.push(["error", text]) };
  actions = new Actions(connection, null, notices, null);
});

test("a box is tracked by the ids that its camera gave", async () => {
  await actions.track("gate", "12.0", 3);
  await actions.track("gate", '"f,1"', "b");
  assert.deepEqual(asked.map(({ frameId, boxId }) => [frameId, boxId]), [["12.0", "3"], ['"f,1"', '"b"']]);
  assert.deepEqual(news[0], ["info", "Tracking object 7, started on gate."]);
});

test("what the server would not take as an id is not sent, and why is told", async () => {
  await actions.track("gate", "12.0", undefined);
  for (const boxId of [true, { id: 3 }, [3]]) await actions.track("gate", "12.0", boxId);
  for (const frameIdJson of ["true", "[1]", '{"at":1}']) await actions.track("gate", frameIdJson, 3);
  assert.deepEqual(asked, []);
  assert.deepEqual([...new Set(news.map(([kind, text]) => `${kind}: ${text}`))], [
    "error: Nothing is tracked from gate: the camera gave this box no id.",
    "error: Nothing is tracked from gate: the id of this box is neither a number nor a text.",
    "error: Nothing is tracked from gate: the id of this frame is neither a number nor a text.",
  ]);
  assert.equal(news.length, 7);
});
