import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { addressOf, readAddress, readComparePlace, readLogPlace, replaceComparePlace, replaceLogPlace } from "../../multimeter/visualization/embedded/page/base/address.js";
import { Debounce } from "../../multimeter/visualization/embedded/page/base/debounce.js";
import { matching, sorted, wordFor } from "../../multimeter/visualization/embedded/page/views/run-filter.js";

/** What the browser has of an address. @param {string} address */
function go(address) {
  const { pathname, search } = new URL(address, "http://localhost");
  Object.assign(globalThis, { location: { pathname, search }, history: { replaceState: (/** @type {any} */ _, /** @type {any} */ __, /** @type {string} */ to) => go(to) } });
}

const NAMES = ["train", "a b", "ä/ö?&=#", "100%", "<script>", "x".repeat(300), "日本"];

test("an address comes back as it was, whatever the names", () => {
  for (const run of NAMES) {
    for (const range of [null, { from: 5, to: 10.4 }]) {
      go(addressOf(run, range, { hidden: NAMES, unfolded: ["GPU"] }));
      const rounded = range && { from: 5, to: 10 };
      assert.deepEqual(readAddress(), { run, range: rounded, hidden: NAMES, unfolded: ["GPU"] });
    }
  }
});

for (const query of ["?from=1", "?from=b&to=2", "?from=3&to=2", "?from=NaN&to=Infinity", "?from=&to="]) {
  test(`${query} is no range`, () => {
    go(`/${query}`);
    assert.equal(readAddress().range, null);
    go(`/compare${query}`);
    assert.equal(readComparePlace().range, null);
  });
}

test("a comparison comes back as it was, each run once", () => {
  go("/compare?run=a&run=b&run=a");
  assert.deepEqual(readComparePlace(), { runs: ["a", "b"], align: "", range: null });
  replaceComparePlace({ runs: NAMES, align: "half", range: { from: -500, to: 20 } });
  assert.deepEqual(readComparePlace(), { runs: NAMES, align: "half", range: { from: -500, to: 20 } });
});

test("logged values come back as they were", () => {
  for (const time of [null, { last: 900 }, { from: 1, to: 2 }]) {
    const place = { codenames: NAMES, time, log: true, apart: true };
    replaceLogPlace(place);
    assert.deepEqual(readLogPlace(), place);
  }
  for (const last of ["0", "-5", "x", "1e12"]) {
    go(`/logs?last=${last}`);
    assert.equal(readLogPlace().time, null);
  }
});

/** @param {string} identifier
 * @param {object} [more]
 * @returns {any} */
const run = (identifier, more = {}) => ({ identifier, tags: {}, state: "ended", start: 0, figures: {}, ...more });

test("every word must occur; a tag and a state can be meant exactly", () => {
  const runs = [run("train-1", { tags: { host: "gpu-7" } }), run("train-2", { tags: { host: "gpu-77" }, state: "died" }), run("eval")];
  const found = (/** @type {string} */ text, state = "") => matching(runs, text, state).map(({ identifier }) => identifier);
  assert.deepEqual(found(""), ["train-1", "train-2", "eval"]);
  assert.deepEqual(found("TRAIN"), ["train-1", "train-2"]);
  assert.deepEqual(found("host=gpu-7"), ["train-1"]);
  assert.deepEqual(found("gpu"), ["train-1", "train-2"]);
  assert.deepEqual(found("state=died"), ["train-2"]);
  assert.deepEqual(found("train", "ended"), ["train-1"]);
  assert.deepEqual(found("train nothing"), []);
});

test("the word for a tag finds it, also with spaces in it", () => {
  const runs = [run("a", { tags: { who: "Ada L" } }), run("b", { tags: { who: "Ada" } })];
  assert.deepEqual(matching(runs, wordFor("who", "Ada L"), "").map(({ identifier }) => identifier), ["a"]);
});

/** @param {number} value */
function exact(value) {
  return { value, low: value, high: value, source: "points", flags: [] };
}

test("runs are sorted by number within names, and what is unknown comes last both ways", () => {
  const runs = [run("r10", { figures: { cpu: exact(2) } }), run("r9", { figures: {} }), run("r1", { figures: { cpu: exact(1) } })];
  const order = (/** @type {string} */ column, /** @type {boolean} */ down) => sorted(runs, column, down).map(({ identifier }) => identifier);
  assert.deepEqual(order("identifier", false), ["r1", "r9", "r10"]);
  assert.deepEqual(order("cpu", false), ["r1", "r10", "r9"]);
  assert.deepEqual(order("cpu", true), ["r10", "r1", "r9"]);
});

test("the first request is sent at once, one of a moving wheel waits, an abandoned one ends", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  const debounce = new Debounce(() => now);
  await debounce.wait(new AbortController().signal);
  now = 100;
  let done = false;
  const second = debounce.wait(new AbortController().signal).then(() => { done = true; });
  await Promise.resolve();
  assert.equal(done, false);
  mock.timers.tick(120);
  await second;
  assert.equal(done, true);
  now = 1_000;
  const abandoned = new AbortController();
  abandoned.abort();
  await assert.rejects(debounce.wait(abandoned.signal), { name: "AbortError" });
  mock.timers.reset();
});
