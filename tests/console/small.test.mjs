import assert from "node:assert/strict";
import { test } from "node:test";

import { Api, ApiError } from "../../trio_orchestrator/console/api.js";
import { colourOf, dashOf, ON_COLOUR } from "../../trio_orchestrator/console/colours.js";
import { nearest } from "../../trio_orchestrator/console/directions.js";
import { byName, duration, size } from "../../trio_orchestrator/console/format.js";
import { MOST_BYTES, objection, showable } from "../../trio_orchestrator/console/images.js";
import { fit, fractionOf, goOn, liveSpan, pan, ticks, zoom } from "../../trio_orchestrator/console/time-scale.js";
import { readClaims, renewAt, tidied, TokenKeeper } from "../../trio_orchestrator/console/tokens.js";

const jwt = (claims) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2ln`;

/** Relative luminance, WCAG 2.2. */
function luminance(colour) {
  const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  const [red, green, blue] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
const contrast = (a, b) => {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
};

test("an identity looks the same everywhere, and unlike the others around it", () => {
  const looks = Array.from({ length: 24 }, (_, index) => `${colourOf(index + 1)} ${dashOf(index + 1)}`);
  assert.equal(new Set(looks).size, 24);
  assert.equal(colourOf(25), colourOf(1));
});

test("identities stand out from the stage and take dark text", () => {
  for (let objectId = 1; objectId <= 8; objectId++) {
    assert.ok(contrast(colourOf(objectId), ON_COLOUR) >= 4.5);
    assert.ok(contrast(colourOf(objectId), "#11171f") >= 4.5);
  }
});

test("arrows lead to the nearest thing in their direction", () => {
  const grid = [0, 1, 2].flatMap((y) => [0, 1, 2].map((x) => ({ x, y })));
  const from = (/** @type {number} */ index, /** @type {string} */ key) => nearest(grid[index], grid, key);
  assert.deepEqual(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].map((key) => from(4, key)), [3, 5, 1, 7]);
  assert.equal(from(0, "ArrowLeft"), -1);
  assert.equal(from(0, "Enter"), -1);
});

test("names with numbers are in the order that people expect", () => {
  assert.deepEqual(["cam10", "cam2", "Cam1"].sort(byName), ["Cam1", "cam2", "cam10"]);
});

test("times and sizes are short", () => {
  assert.deepEqual([8_900, 185_000, 7_620_000, 273_600_000, NaN, -5].map(duration), ["8 s", "3 min 05 s", "2 h 07 min", "3 d 4 h", "–", "0 s"]);
  assert.deepEqual([12, 3_400, 3_400_000].map(size), ["12 bytes", "3 kB", "3.4 MB"]);
});

test("only pictures are shown, and only pictures that fit are sent", () => {
  assert.equal(showable("data:image/png;base64,iVBORw0KGgo="), "data:image/png;base64,iVBORw0KGgo=");
  assert.equal(showable("/9j/4AAQ"), "data:image/jpeg;base64,/9j/4AAQ");
  for (const other of ["data:image/svg+xml;base64,AAAA", "data:text/html,<b>", "javascript:1", "/9j/\"><b>", 7, null]) {
    assert.equal(showable(other), null);
  }
  assert.equal(objection({ type: "image/png", size: MOST_BYTES, name: "a" }), "");
  assert.match(objection({ type: "image/png", size: MOST_BYTES + 1, name: "a" }), /up to 7\.0 MB/);
  assert.match(objection({ type: "text/html", size: 1, name: "a.html" }), /no PNG/);
});

test("while live, the right end goes along with the time", () => {
  const span = liveSpan(1_000_000, 100_000);
  assert.ok(span.to > 1_000_000);
  assert.equal(goOn(span, 1_005_000).to - span.to, 5_000);
  const still = pan(span, -0.5, 1_000_000);
  assert.equal(still.live, false);
  assert.equal(goOn(still, 1_005_000), still);
  assert.equal(pan(still, 5, 1_000_000).live, true);
});

test("what is pointed at stays where it is while one comes closer", () => {
  const span = { from: 0, to: 1_000_000, live: false };
  const closer = zoom(span, 0.5, 0.25, 10_000_000);
  assert.equal(closer.to - closer.from, 500_000);
  assert.equal(fractionOf(closer, 250_000), 0.25);
  assert.equal(zoom(span, 1e-9, 0.5, 10_000_000).to - zoom(span, 1e-9, 0.5, 10_000_000).from, 10_000);
});

test("all visits fit", () => {
  const span = fit(100_000, 200_000, 10_000_000);
  assert.ok(span.from < 100_000 && span.to > 200_000 && !span.live);
  assert.ok(fit(100_000, 200_000, 200_000).live);
});

test("an axis has few marks, on round times", () => {
  const span = { from: Date.parse("2026-11-22T08:00:03Z"), to: Date.parse("2026-11-22T08:10:00Z"), live: false };
  const marks = ticks(span, 0.1);
  assert.ok(marks.length >= 4 && marks.length <= 10);
  assert.ok(marks.every(({ at }) => at % 60_000 === 0));
});

test("a token tells until when and whose, and is not believed", () => {
  assert.deepEqual(readClaims(jwt({ exp: 100, sub: "a", name: "Zoë" })), { expiresAt: 100_000, who: "Zoë" });
  assert.deepEqual(readClaims(jwt({ sub: "a" })), { expiresAt: NaN, who: "a" });
  for (const text of ["", "a.b", "a.%.c", jwt(null), jwt("x").slice(4)]) assert.equal(readClaims(text), null);
  assert.equal(tidied(' Bearer "a.b\n.c" '), '"a.b.c"');
  assert.equal(tidied('"a.b.c"\n'), "a.b.c");
  assert.equal(renewAt(1_000_000, 0), 880_000);
  assert.equal(renewAt(100_000, 40_000), 70_000);
});

test("a token outlives the page only where the browser lets it", () => {
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
  new TokenKeeper(() => storage).keep("a.b.c");
  const keeper = new TokenKeeper(() => storage);
  assert.equal(keeper.token, "a.b.c");
  keeper.keep(null);
  assert.equal(kept.size, 0);
  const forbidden = () => {
    throw new Error("forbidden");
  };
  for (const found of [forbidden, () => ({ getItem: forbidden, setItem: forbidden, removeItem: forbidden })]) {
    const homeless = new TokenKeeper(found);
    homeless.keep("d");
    assert.equal(homeless.token, "d");
    homeless.keep(null);
    assert.equal(homeless.token, null);
  }
});

test("the token goes in a header and not in the address", async () => {
  const asked = [];
  const answer = { ok: true, json: async () => ({ objects: [], cursor: null }) };
  const api = new Api(() => "secret", async (...given) => (asked.push(given), answer));
  await api.objects({ live: false, cameraId: "a&b", from: 0, to: NaN, cursor: undefined });
  const [path, options] = asked[0];
  assert.equal(path, "objects?live=false&cameraId=a%26b&from=1970-01-01T00%3A00%3A00.000Z");
  assert.equal(options.headers.Authorization, "Bearer secret");
});

test("why a question was not answered is told", async () => {
  const status = async (number, body) => ({ ok: false, status: number, json: async () => body });
  const refused = new Api(() => null, () => status(403, { error: "forbidden", message: "no" }));
  await assert.rejects(refused.erase(1), (error) => error instanceof ApiError && error.status === 403 && error.message === "no");
  assert.equal(await new Api(() => null, () => status(404, {})).object(1), null);
  const away = new Api(() => null, () => Promise.reject(new TypeError("network")));
  await assert.rejects(away.visits(1), { status: 0 });
});
