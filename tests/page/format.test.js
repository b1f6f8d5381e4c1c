import assert from "node:assert/strict";
import { test } from "node:test";

import { digits, formatted, isAmount, tickTexts, unitInTitle } from "../../multimeter/visualization/embedded/page/base/format.js";

/** @type {[number | null | undefined, string, string][]} */
const CASES = [
  [0, "bytes", "0 B"], [1, "bytes", "1 B"], [1023, "bytes", "1,023 B"], [1024, "bytes", "1 KiB"],
  [1023.6, "bytes", "1 KiB"], [1536, "bytes", "1.5 KiB"], [1024 ** 2, "bytes", "1 MiB"], [5.5 * 1024 ** 3, "bytes", "5.5 GiB"],
  [1024 ** 4, "bytes", "1 TiB"], [1024 ** 5, "bytes", "1 PiB"], [1024 ** 6, "bytes", "1 EiB"], [2048 * 1024 ** 6, "bytes", "2,048 EiB"],
  [-1024, "bytes", "−1 KiB"], [0.25, "bytes", "0.25 B"],
  [0, "Bps", "0 B/s"], [999, "Bps", "999 B/s"], [999.6, "Bps", "1 kB/s"], [1e3, "Bps", "1 kB/s"], [1.5e6, "Bps", "1.5 MB/s"],
  [2e9, "Bps", "2 GB/s"], [3e12, "Bps", "3 TB/s"], [5e15, "Bps", "5,000 TB/s"],
  [0, "cps", "0/s"], [12.34, "cps", "12.3/s"], [1234, "cps", "1.23k/s"], [-1234, "ops", "−1.23k/s"],
  [0, "s", "0 s"], [1, "s", "1 s"], [1.5, "s", "1.5 s"], [0.25, "s", "250 ms"], [1e-3, "s", "1 ms"], [4.2e-6, "s", "4.2 µs"],
  [7e-9, "s", "7 ns"], [5e-10, "s", "0.5 ns"], [59.9, "s", "59.9 s"], [59.96, "s", "1 min"], [60, "s", "1 min"], [61, "s", "1 min 1 s"],
  [3600, "s", "1 h"], [3661, "s", "1 h 1 min"], [86400, "s", "1 d"], [90000, "s", "1 d 1 h"], [-75, "s", "−1 min 15 s"],
  [0, "percentunit", "0 %"], [1, "percentunit", "100 %"], [0.123, "percentunit", "12.3 %"], [16, "percentunit", "1,600 %"], [-0.5, "percentunit", "−50 %"],
  [0, "none", "0"], [-0, "none", "0"], [1234567, "none", "1,234,567"], [3.14159, "none", "3.142"], [3.14159, "", "3.142"],
  [1234567, "short", "1.235M"], [999, "short", "999"], [20.5, "°C", "20.5 °C"], [1e-7, "mbar", "1.000e-7 mbar"], [1e20, "mbar", "1.000e+20 mbar"],
  [5, "a unit that is very long", "5"], [null, "bytes", "–"], [undefined, "s", "–"], [NaN, "s", "–"], [Infinity, "bytes", "–"], [-Infinity, "", "–"],
];

for (const [value, unit, text] of CASES) {
  test(`${value} in "${unit}" is ${text}`, () => assert.equal(formatted(value, unit), text));
}

test("names of units that an object inherits are units like any other", () => {
  assert.equal(formatted(1, "constructor"), "1 constructor");
  assert.equal(unitInTitle("toString"), "toString");
});

test("a larger value is never shown with a smaller number and the same prefix", () => {
  for (const unit of ["bytes", "Bps", "cps", "short"]) {
    let before = { prefix: "", number: -1 };
    for (let value = 1; value < 1e16; value *= 1.37) {
      const text = formatted(value, unit);
      const [, number, prefix] = text.match(/^([\d,.e+]+) ?(.*)$/) ?? [];
      const now = { prefix, number: Number(number.replaceAll(",", "")) };
      if (now.prefix === before.prefix) assert.ok(now.number >= before.number, `${value} ${text}`);
      before = now;
    }
  }
});

test("what is shown is within half a unit of its last digit", () => {
  for (let value = 1e-9; value < 1e12; value *= 3.7) {
    const shown = Number(digits(value, 3).replaceAll(",", ""));
    assert.ok(Math.abs(shown - value) <= Math.max(0.5, value * 0.005), `${value} ${shown}`);
  }
});

test("ticks have as many digits as it takes to tell them apart", () => {
  assert.deepEqual(tickTexts([0, 0.5, 1], "percentunit"), ["0 %", "50 %", "100 %"]);
  assert.deepEqual(tickTexts([1000.1, 1000.2, 1000.3], "none"), ["1,000.1", "1,000.2", "1,000.3"]);
  assert.deepEqual(tickTexts([5, 5], "none").length, 2);
  assert.deepEqual(tickTexts([], "bytes"), []);
});

test("an axis of amounts begins at zero, one of plain numbers does not", () => {
  for (const unit of ["bytes", "Bps", "s", "percentunit", "cps"]) assert.equal(isAmount(unit), true, unit);
  for (const unit of ["", "none", "short", "°C"]) assert.equal(isAmount(unit), false, unit);
});

test("only a unit that the axis does not show is in the title", () => {
  assert.equal(unitInTitle("bytes"), "");
  assert.equal(unitInTitle(""), "");
  assert.equal(unitInTitle("mbar"), "mbar");
});
