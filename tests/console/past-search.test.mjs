import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { PastSearch } from "../../trio_orchestrator/console/past-search.js";

const ANY = { id: "", cameraId: "", from: NaN, to: NaN };
const object = (objectId, live = false) => ({ objectId, live });

let questions, answers, search;
/** The newest question that was asked over HTTP is answered. */
const answer = (objects, cursor = null) => answers.at(-1).resolve({ objects, cursor });

beforeEach(() => {
  [questions, answers] = [[], []];
  const later = (question) => {
    questions.push(question);
    return new Promise((resolve, reject) => answers.push({ resolve, reject }));
  };
  search = new PastSearch({ objects: later, object: later });
});

async function shown(cursor) {
  const first = search.search({ ...ANY, cameraId: "gate" });
  answer([object(9)], cursor);
  return first;
}

test("the next page is that of what is shown, whatever was asked in vain since", async () => {
  assert.deepEqual(await shown("behind 9"), [object(9)]);
  const refused = search.search({ ...ANY, cameraId: "hall" });
  answers.at(-1).reject(new Error("gone"));
  await assert.rejects(refused, { message: "gone" });
  assert.equal(search.hasMore, true);
  const second = search.more();
  answer([object(8)]);
  assert.deepEqual(await second, [object(8)]);
  assert.equal(search.hasMore, false);
  const [first, , last] = questions;
  assert.deepEqual(last, { ...first, cursor: "behind 9" });
  assert.equal(first.cameraId, "gate");
});

test("what is shown anew is what was searched for last", async () => {
  await shown("behind 9");
  search.again();
  assert.deepEqual(questions[1], questions[0]);
});

test("an answer to an older question is of no use, and neither is its fault", async () => {
  const [first, second, third] = ["gate", "hall", "lift"].map((cameraId) => search.search({ ...ANY, cameraId }));
  answers[0].resolve({ objects: [object(1)], cursor: "behind 1" });
  answers[1].reject(new Error("gone"));
  assert.equal(await first, null);
  assert.equal(await second, null);
  assert.equal(search.hasMore, false);
  answer([object(3)]);
  assert.deepEqual(await third, [object(3)]);
});

test("an id leads to that object, if it is past", async () => {
  const found = search.search({ ...ANY, id: "7" });
  answers.at(-1).resolve(object(7));
  assert.deepEqual(await found, [object(7)]);
  const live = search.search({ ...ANY, id: "8" });
  answers.at(-1).resolve(object(8, true));
  assert.deepEqual(await live, []);
  const unknown = search.search({ ...ANY, id: "9" });
  answers.at(-1).resolve(null);
  assert.deepEqual(await unknown, []);
  assert.deepEqual(questions, [7, 8, 9]);
  assert.deepEqual(await search.search({ ...ANY, id: "seven" }), []);
  assert.equal(questions.length, 3);
});

test("of a search that is forgotten nothing comes any more", async () => {
  await shown("behind 9");
  const late = search.more();
  search.forget();
  answer([object(8)], "behind 8");
  assert.equal(await late, null);
  assert.deepEqual([search.hasMore, search.isNarrow], [false, false]);
});

test("a search is narrow where anything is asked for", () => {
  assert.equal(search.isNarrow, false);
  for (const part of [{ id: "1" }, { cameraId: "gate" }, { from: 0 }, { to: 0 }]) {
    search.search({ ...ANY, ...part });
    assert.equal(search.isNarrow, true);
  }
  search.search(ANY);
  assert.equal(search.isNarrow, false);
});
