// The axis of time: ticks at round local times, the date where it is new.

import { asLocal, clockText, dateText, elapsedText } from "../base/time.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000].map((count) => count * DAY),
];
const TICK_WIDTH = 78; // pixels
const SHORT_TICK_WIDTH = 52;
const EDGE = 14; // pixels at the right, in which a text would be cut off

/** @typedef {{moments: number[], texts: string[][]}} TimeTicks  a text has up to two lines */

/** Ticks for a range, as many as there is room for.
 * @param {import("../base/types.js").Range} range
 * @param {number} width   pixels
 * @param {number} offset  minutes to add to UTC
 * @param {boolean} [elapsed]  whether it is time since something
 * @returns {TimeTicks}
 */
export function timeTicks({ from, to }, width, offset, elapsed = false) {
  const most = Math.max(2, Math.floor(width / (elapsed ? SHORT_TICK_WIDTH : TICK_WIDTH)));
  const step = STEPS.find((each) => (to - from) / each <= most) ?? STEPS[STEPS.length - 1];
  const shift = asLocal(0, offset);
  const last = to - ((to - from) / width) * EDGE;
  const moments = [];
  for (let local = Math.ceil((from + shift) / step) * step; local - shift <= last; local += step) {
    moments.push(local - shift);
  }
  if (elapsed) return { moments, texts: moments.map((moment) => [elapsedText(moment)]) };
  let before = "";
  const texts = moments.map((moment) => {
    const [text, date] = step < DAY
      ? [timeText(moment, offset, step), dateText(moment, offset)]
      : dayAndYear(dateText(moment, offset));
    const lines = date === before ? [text] : [text, date];
    before = date;
    return lines;
  });
  return { moments, texts };
}

/**
 * @param {number} moment
 * @param {number} offset
 * @param {number} step
 */
function timeText(moment, offset, step) {
  if (step < SECOND) return clockText(moment, offset, 0);
  return clockText(moment, offset).slice(0, step < MINUTE ? 8 : 5);
}

/** @param {string} date  day, month, year */
function dayAndYear(date) {
  const space = date.lastIndexOf(" ");
  return [date.slice(0, space), date.slice(space + 1)];
}
