// Time ranges: zooming and panning within limits. Whole milliseconds, as in the address.

const SHORTEST_MS = 10;

/** The whole of a run: its points and its marks; at least a little.
 * @param {import("./types.js").Run} run
 * @param {import("./types.js").Mark[]} marks
 * @returns {import("./types.js").Range | null}
 */
export function fullRange(run, marks) {
  if (run.points === 0 || run.start === null || run.end === null) return null;
  const from = Math.floor(Math.min(run.start, marks[0]?.time ?? Infinity));
  const to = Math.ceil(Math.max(run.end, marks.at(-1)?.time ?? -Infinity));
  return to - from < SHORTEST_MS ? { from: from - 1_000, to: to + 1_000 } : { from, to };
}

/** Bring a range inside the limits; null where it then shows everything.
 * @param {import("./types.js").Range} range
 * @param {import("./types.js").Range} limits
 * @returns {import("./types.js").Range | null}
 */
export function inside(range, limits) {
  const whole = limits.to - limits.from;
  const span = Math.min(whole, Math.max(SHORTEST_MS, range.to - range.from));
  if (!(span < whole)) return null;
  const from = Math.round(Math.min(Math.max(range.from, limits.from), limits.to - span));
  return { from, to: Math.round(from + span) };
}

/** @param {import("./types.js").Range} range
 * @param {number} factor  below 1 shows less
 * @param {number} [centre]  what stays where it is */
export function zoomed(range, factor, centre = (range.from + range.to) / 2) {
  return { from: centre - (centre - range.from) * factor, to: centre + (range.to - centre) * factor };
}

/** @param {import("./types.js").Range} range
 * @param {number} part  of the range; negative is earlier */
export function panned(range, part) {
  const step = (range.to - range.from) * part;
  return { from: range.from + step, to: range.to + step };
}

/** A little more to both sides, so that lines reach the edges.
 * @param {import("./types.js").Range} range */
export function withMargin(range) {
  return zoomed(range, 1.1);
}
