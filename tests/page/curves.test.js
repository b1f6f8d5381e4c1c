import assert from "node:assert/strict";
import { test } from "node:test";

import { axisFor } from "../../multimeter/visualization/embedded/page/charts/value-axis.js";
import { firstNotBefore, gapsOf, linesOf, longest, nearest, tailStart, withTail } from "../../multimeter/visualization/embedded/page/charts/curves.js";

/** @param {string} key
 * @param {number[]} time
 * @param {object} [more]
 * @returns {any} */
function curve(key, time, more = {}) {
  return { key, tags: {}, time, min: time, max: time, mean: time, breaks: [], ...more };
}

/** @param {any[]} curves
 * @returns {any} */
function held(curves, bucket = 0) {
  return { start: 0, stop: 100_000, bucket, curves };
}

test("the place of a moment, by comparison with going through all", () => {
  for (let length = 0; length < 9; length++) {
    const times = Array.from({ length }, (_, i) => i * i * 3);
    for (let moment = -1; moment < 200; moment++) {
      const expected = times.findIndex((time) => time >= moment);
      assert.equal(firstNotBefore(times, moment), expected < 0 ? length : expected);
      const close = nearest(times, moment);
      if (!length) assert.equal(close, -1);
      else assert.equal(Math.abs(times[close] - moment), Math.min(...times.map((time) => Math.abs(time - moment))));
    }
  }
});

test("fetching goes on at the beginning of a bucket, a little before the end", () => {
  assert.equal(tailStart(held([])), 70_000);
  assert.equal(tailStart(held([], 40_000)), 40_000);
  assert.equal(tailStart({ ...held([]), start: 90_000 }), 90_000);
});

test("a tail replaces the end of what is held, for curves of different times", () => {
  const before = held([curve("a", [1, 2, 3, 4]), curve("b", [2, 4])]);
  const tail = { ...held([curve("a", [3, 5]), curve("c", [6])]), start: 3, stop: 7 };
  const { curves, stop } = withTail(before, tail);
  assert.equal(stop, 7);
  assert.deepEqual(curves.map(({ key, time }) => [key, time]), [["a", [1, 2, 3, 5]], ["b", [2]], ["c", [6]]]);
});

test("a tail that is the whole changes nothing", () => {
  const all = held([curve("a", [1, 2, 3], { breaks: [3] })]);
  assert.deepEqual(withTail(all, { ...all, start: 0 }).curves, all.curves);
});

test("curves of the same key with other tags are other curves", () => {
  const two = held([curve("a", [1], { tags: { host: "x" } }), curve("a", [2], { tags: { host: "y" } })]);
  assert.equal(withTail(two, { ...two, start: 0 }).curves.length, 2);
  assert.deepEqual(gapsOf(two), []);
});

test("a gap is from the point before a break to the one behind it", () => {
  const one = curve("a", [1, 2, 50, 51], { breaks: [50] });
  assert.deepEqual(gapsOf(held([one])), [{ from: 2, to: 50 }]);
  assert.deepEqual(gapsOf(held([])), []);
  assert.equal(longest(held([one, curve("b", [1])])), 4);
  assert.equal(longest(held([])), 0);
});

test("lines are scaled, in the order of the series, and named by the tags that differ", () => {
  const panel = /** @type {any} */ ({ series: [{ key: "b", label: "B", scale: 1 }, { key: "a", label: "A", scale: 1024 }] });
  const tags = (/** @type {string} */ rank) => ({ rank, job: "same" });
  const lines = linesOf(panel, held([curve("a", [1, 2], { tags: tags("0") }), curve("a", [3], { tags: tags("1") }), curve("b", [5], { tags: tags("0") })]));
  assert.deepEqual(lines.map(({ label, mean }) => [label, mean]), [["B · rank 0", [5]], ["A · rank 0", [1024, 2048]], ["A · rank 1", [3072]]]);
});

/** @param {number[]} values
 * @returns {any} */
function line(values) {
  return { time: values.map((_, i) => i), min: values, max: values, mean: values };
}
const RANGE = { from: 0, to: 100 };

test("whatever the values, they are on the axis, and its ticks are, too", () => {
  for (const unit of ["bytes", "s", "percentunit", "Bps", "none", "°C"]) {
    for (let size = 1e-9; size < 1e15; size *= 7.3) {
      for (const values of [[0, size], [size, size], [-size, size / 3], [size, size * 1.001]]) {
        const { low, high, ticks, texts } = axisFor([line(values)], RANGE, unit);
        assert.ok(low < high && low <= Math.min(...values) && high >= Math.max(...values), `${unit} ${values}`);
        assert.ok(ticks.length >= 1 && ticks.length <= 20);
        assert.ok(ticks.every((tick) => tick >= low - 1e-9 * size && tick <= high + 1e-9 * size));
        assert.equal(texts.length, ticks.length);
      }
    }
  }
});

test("amounts begin at zero; nothing is drawn for nothing", () => {
  assert.equal(axisFor([line([50, 60])], RANGE, "bytes").low, 0);
  assert.ok(axisFor([line([50, 60])], RANGE, "none").low > 40);
  assert.deepEqual(axisFor([], RANGE, "bytes"), { low: 0, high: 1, ticks: [0], texts: ["0 B"] });
});

test("ticks of bytes are powers of two, those of times are round", () => {
  const { ticks } = axisFor([line([0, 3 * 1024 ** 3])], RANGE, "bytes");
  assert.ok(ticks.every((tick) => tick % (512 * 1024 ** 2) === 0));
  assert.ok(axisFor([line([0, 3 * 3600])], RANGE, "s").ticks.every((tick) => tick % 900 === 0));
});

test("a logarithmic axis leaves out what is not above zero", () => {
  const { low, high, ticks } = axisFor([line([-5, 0, 0.01, 1000])], RANGE, "mbar", true);
  assert.ok(low > 0 && low < 0.01 && high > 1000);
  assert.deepEqual(ticks, [0.1, 10, 1000]);
  assert.ok(axisFor([line([0, -1])], RANGE, "mbar", true).low > 0);
});
