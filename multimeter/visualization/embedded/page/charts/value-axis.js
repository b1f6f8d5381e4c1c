// Axes of values: from the lines to a range with round ticks.

import { isAmount, tickTexts } from "../base/format.js";
import { firstNotBefore } from "./curves.js";

const HEADROOM = 0.06; // of the range, so that no line touches the edge
const TICKS = 5;
const LOG_TICKS = 6;
const LOG_ROOM = 1.25; // a factor
const ROUND_SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** @typedef {{low: number, high: number, ticks: number[], texts: string[]}} Axis */

/** The axis on which lines fit within a range of time.
 * @param {import("../base/types.js").Line[]} lines
 * @param {import("../base/types.js").Range} range
 * @param {string} unit
 * @param {boolean} [log]  whether it is logarithmic
 * @returns {Axis}
 */
export function axisFor(lines, range, unit, log = false) {
  if (log) return logAxis(extent(lines, range, true), unit);
  let [low, high] = extent(lines, range, false);
  if (low > high) return { low: 0, high: 1, ticks: [0], texts: tickTexts([0], unit) };
  if (isAmount(unit)) [low, high] = [Math.min(0, low), Math.max(0, high)];
  if (low === high) [low, high] = low === 0 ? [0, 1] : [low - Math.abs(low) / 2, high + Math.abs(high) / 2];
  const room = (high - low) * HEADROOM;
  const [bottom, top] = [low === 0 ? 0 : low - room, high === 0 ? 0 : high + room];
  const ticks = ticksIn(bottom, top, step((top - bottom) / TICKS, unit));
  return { low: bottom, high: top, ticks, texts: tickTexts(ticks, unit) };
}

/** From one round number to another; powers of ten, and parts of them where these are few.
 * @param {number[]} extent
 * @param {string} unit
 * @returns {Axis}
 */
function logAxis([least, greatest], unit) {
  const [low, high] = least > greatest ? [1, 10] : [least / LOG_ROOM, greatest * LOG_ROOM];
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const every = Math.ceil((last - first) / LOG_TICKS);
  const parts = last - first <= 2 ? [1, 2, 5] : [1];
  const ticks = [];
  for (let power = first; power <= last; power += every) {
    for (const part of parts) ticks.push(Number(`${part}e${power}`));
  }
  const within = ticks.filter((tick) => tick >= low && tick <= high);
  return { low, high, ticks: within, texts: tickTexts(within, unit) };
}

/** The least and the greatest value within a range of time.
 * @param {import("../base/types.js").Line[]} lines
 * @param {import("../base/types.js").Range} range
 * @param {boolean} positive  whether only values above zero count
 */
function extent(lines, { from, to }, positive) {
  let [low, high] = [Infinity, -Infinity];
  for (const line of lines) {
    const last = firstNotBefore(line.time, to + 1);
    for (let i = Math.max(0, firstNotBefore(line.time, from) - 1); i < Math.min(last + 1, line.time.length); i++) {
      const least = positive && !(line.min[i] > 0) ? line.mean[i] : line.min[i];
      if (positive && !(least > 0)) continue;
      low = Math.min(low, least);
      high = Math.max(high, line.max[i]);
    }
  }
  return [low, high];
}

/** The round step next above a rough one.
 * @param {number} rough
 * @param {string} unit
 */
function step(rough, unit) {
  if (unit === "bytes") return Math.max(1, 2 ** Math.ceil(Math.log2(rough)));
  if (unit === "s" && rough > 1) {
    const found = ROUND_SECONDS.find((each) => each >= rough);
    if (found) return found;
  }
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((each) => each * power >= rough * 0.999) ?? 10);
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} width
 */
function ticksIn(low, high, width) {
  const ticks = [];
  for (let i = Math.ceil(low / width); i * width <= high && ticks.length < 20; i++) {
    ticks.push(Number((i * width).toPrecision(12)));
  }
  return ticks;
}
