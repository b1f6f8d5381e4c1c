import assert from "node:assert/strict";
import { test } from "node:test";

import { fullRange, inside, panned, withMargin, zoomed } from "../../multimeter/visualization/embedded/page/base/range.js";
import { clockText, dateText, elapsedText, offsetText, rangeText } from "../../multimeter/visualization/embedded/page/base/time.js";
import { timeTicks } from "../../multimeter/visualization/embedded/page/charts/time-axis.js";

const NOON = Date.UTC(2026, 2, 29, 12, 0, 0);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

test("the time of day is that of the run's own offset", () => {
  assert.equal(clockText(NOON, 0), "12:00:00");
  assert.equal(clockText(NOON, 120), "14:00:00");
  assert.equal(clockText(NOON, -330), "06:30:00");
  assert.equal(clockText(NOON + 7, 0, 1_000), "12:00:00.007");
  assert.equal(dateText(NOON, 0), "29 Mar 2026");
  assert.equal(dateText(NOON, 13 * 60), "30 Mar 2026");
});

test("offsets", () => {
  assert.equal(offsetText(0), "UTC+00:00");
  assert.equal(offsetText(60), "UTC+01:00");
  assert.equal(offsetText(345), "UTC+05:45");
  assert.equal(offsetText(-210), "UTC−03:30");
});

test("a range has its date and its offset once", () => {
  assert.equal(rangeText({ from: NOON, to: NOON + HOUR }, 0), "29 Mar 2026, 12:00:00 – 13:00:00 UTC+00:00");
  assert.equal(rangeText({ from: NOON, to: NOON + DAY }, 0), "29 Mar 2026, 12:00:00 – 30 Mar 2026, 12:00:00 UTC+00:00");
});

for (const [span, text] of /** @type {[number, string][]} */ ([
  [0, "0 s"], [1, "0.001 s"], [1_500, "1.5 s"], [9_999, "9.999 s"], [10_400, "10 s"], [59_400, "59 s"],
  [60_000, "1:00"], [61_000, "1:01"], [3_600_000, "1:00:00"], [3_661_000, "1:01:01"], [-1_500, "−1.5 s"], [-61_000, "−1:01"],
])) test(`${span} ms since something are ${text}`, () => assert.equal(elapsedText(span), text));

test("from ms to decades there are some ticks, in order, within the range, with different texts", () => {
  for (const offset of [0, 60, -345, 840]) {
    for (let span = 5; span < 40 * 365 * DAY; span *= 2.3) {
      for (const width of [120, 400, 1200]) {
        const { moments, texts } = timeTicks({ from: NOON + 13, to: NOON + 13 + span }, width, offset);
        assert.ok(moments.length <= Math.max(2, width / 78) + 1, `${span} ${width}: ${moments.length}`);
        assert.equal(texts.length, moments.length);
        for (const [i, moment] of moments.entries()) {
          assert.ok(moment >= NOON + 13 && moment <= NOON + 13 + span);
          if (i) assert.ok(moment > moments[i - 1]);
        }
        const whole = texts.map((lines, i) => lines.join(" ") + (lines.length > 1 ? "" : moments[i]));
        assert.equal(new Set(whole).size, whole.length, JSON.stringify(texts));
      }
    }
  }
});

test("ticks stand at round local times, also where the offset is no whole hour", () => {
  const { moments } = timeTicks({ from: NOON, to: NOON + 6 * HOUR }, 500, 345);
  for (const moment of moments) assert.equal((moment + 345 * 60_000) % HOUR, 0);
});

test("the date is there at the first tick, and where it is new", () => {
  const { texts } = timeTicks({ from: NOON, to: NOON + DAY }, 800, 0);
  assert.deepEqual(texts.map((lines) => lines.length > 1).filter(Boolean).length, 2);
  assert.equal(texts[0][1], "29 Mar 2026");
});

test("the clocks change: ticks go on in even steps, for a run has one offset", () => {
  // In central Europe, 2026-03-29 01:00 UTC.
  const from = Date.UTC(2026, 2, 28, 22);
  const { moments } = timeTicks({ from, to: from + 8 * HOUR }, 900, 60);
  const steps = new Set(moments.slice(1).map((moment, i) => moment - moments[i]));
  assert.equal(steps.size, 1);
});

test("time since something has ticks at round numbers of it", () => {
  const { moments, texts } = timeTicks({ from: -10_000, to: 50_000 }, 500, 0, true);
  assert.ok(moments.includes(0));
  assert.equal(texts[moments.indexOf(0)][0], "0 s");
});

const RUN = /** @type {any} */ ({ points: 3, start: 1000.4, end: 2000.6 });

test("a whole run is its points and its marks", () => {
  assert.deepEqual(fullRange(RUN, []), { from: 1000, to: 2001 });
  assert.deepEqual(fullRange(RUN, /** @type {any} */ ([{ time: 900 }, { time: 2100 }])), { from: 900, to: 2100 });
  assert.deepEqual(fullRange({ ...RUN, end: 1000.4 }, []), { from: 0, to: 2001 });
  assert.equal(fullRange({ ...RUN, points: 0 }, []), null);
});

test("wherever one zooms and pans, the range stays inside and keeps its width", () => {
  const limits = { from: 0, to: 100_000 };
  assert.equal(inside({ from: -5, to: 200_000 }, limits), null);
  assert.deepEqual(inside({ from: -5_000, to: 5_000 }, limits), { from: 0, to: 10_000 });
  assert.deepEqual(inside({ from: 95_000, to: 105_000 }, limits), { from: 90_000, to: 100_000 });
  assert.deepEqual(inside({ from: 50, to: 51 }, limits), { from: 50, to: 60 });
  for (let part = -3; part <= 3; part += 0.25) {
    const range = inside(panned({ from: 40_000, to: 60_000 }, part), limits);
    assert.ok(range && range.from >= 0 && range.to <= 100_000 && range.to - range.from === 20_000);
  }
});

test("what is pointed at stays where it is", () => {
  const range = { from: 100, to: 300 };
  for (const factor of [0.1, 0.5, 1, 3]) {
    const { from, to } = zoomed(range, factor, 150);
    assert.ok(Math.abs((150 - from) / (to - from) - 0.25) < 1e-9);
  }
  assert.deepEqual(zoomed(range, 0.5), { from: 150, to: 250 });
  const { from, to } = withMargin(range);
  assert.ok(from < 100 && to > 300);
});
