// What has been fetched of a run: adding what is new, and making lines for a panel of it.

/** Points may come late, in another order than they were taken: what is younger than
 * this is fetched again. */
const LATE_MS = 30_000;

/** Where to go on fetching: at the beginning of a bucket.
 * @param {import("../base/types.js").Held} held
 */
export function tailStart(held) {
  const late = Math.max(held.start, held.stop - LATE_MS);
  return held.bucket ? Math.floor(late / held.bucket) * held.bucket : late;
}

/** Replace the end of what is held by a tail that was fetched later.
 * @param {import("../base/types.js").Held} held
 * @param {import("../base/types.js").Held} tail
 * @returns {import("../base/types.js").Held}
 */
export function withTail(held, tail) {
  const tails = new Map(tail.curves.map((curve) => [identity(curve), curve]));
  const curves = held.curves.map((curve) => {
    const more = tails.get(identity(curve));
    tails.delete(identity(curve));
    return joined(curve, more, tail.start);
  });
  return { ...held, stop: tail.stop, curves: [...curves, ...tails.values()] };
}

/**
 * @param {import("../base/types.js").Curve} curve
 * @param {import("../base/types.js").Curve | undefined} more
 * @param {number} start
 */
function joined(curve, more, start) {
  const kept = firstNotBefore(curve.time, start);
  const join = (/** @type {"time" | "min" | "max" | "mean"} */ name) =>
    [...curve[name].slice(0, kept), ...(more?.[name] ?? [])];
  const breaks = [...curve.breaks.filter((time) => time < start), ...(more?.breaks ?? [])];
  return { ...curve, time: join("time"), min: join("min"), max: join("max"), mean: join("mean"), breaks };
}

/** The length of the longest curve.
 * @param {import("../base/types.js").Held} held
 */
export function longest(held) {
  return held.curves.reduce((most, curve) => Math.max(most, curve.time.length), 0);
}

/** The times in which all curves of one tag set are broken.
 * @param {import("../base/types.js").Held} held
 * @returns {import("../base/types.js").Range[]}
 */
export function gapsOf({ curves }) {
  const first = curves[0];
  if (!first || curves.some((curve) => JSON.stringify(curve.tags) !== JSON.stringify(first.tags))) return [];
  return first.breaks.flatMap((to) => {
    const before = firstNotBefore(first.time, to) - 1;
    return before >= 0 ? [{ from: first.time[before], to }] : [];
  });
}

/** The lines of a panel, in the order of its series.
 * @param {import("../base/types.js").PanelDefinition} panel
 * @param {import("../base/types.js").Held} held
 * @returns {import("../base/types.js").Line[]}
 */
export function linesOf(panel, held) {
  const naming = tagNaming(held.curves);
  return panel.series.flatMap((series) =>
    held.curves
      .filter((curve) => curve.key === series.key)
      .map((curve) => {
        const scaled = (/** @type {number[]} */ values) => values.map((value) => value * series.scale);
        const name = naming(curve);
        return {
          id: identity(curve),
          series,
          label: [series.label, name].filter(Boolean).join(" · "),
          time: curve.time,
          min: scaled(curve.min),
          max: scaled(curve.max),
          mean: scaled(curve.mean),
          breaks: curve.breaks,
        };
      }),
  );
}

/** How to name the tag set of a curve: by the tags in which the sets differ.
 * @param {import("../base/types.js").Curve[]} curves
 * @returns {(curve: import("../base/types.js").Curve) => string}
 */
function tagNaming(curves) {
  const keys = [...new Set(curves.flatMap((curve) => Object.keys(curve.tags)))];
  const has = (/** @type {import("../base/types.js").Curve} */ curve, /** @type {string} */ key) => Object.hasOwn(curve.tags, key);
  const differing = keys.filter(
    (key) => new Set(curves.map((curve) => (has(curve, key) ? curve.tags[key] : undefined))).size > 1,
  );
  return (curve) =>
    differing
      .filter((key) => has(curve, key))
      .map((key) => `${key} ${curve.tags[key]}`)
      .join(", ");
}

/** @param {import("../base/types.js").Curve} curve */
function identity(curve) {
  return JSON.stringify([curve.key, ...Object.entries(curve.tags).sort()]);
}

/** The place of the first time that is not before a moment.
 * @param {number[]} times  increasing
 * @param {number} moment
 */
export function firstNotBefore(times, moment) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < moment) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The place of the time nearest to a moment, -1 where there is none.
 * @param {number[]} times  increasing
 * @param {number} moment
 */
export function nearest(times, moment) {
  const after = firstNotBefore(times, moment);
  if (after === 0) return times.length ? 0 : -1;
  if (after === times.length) return after - 1;
  return moment - times[after - 1] <= times[after] - moment ? after - 1 : after;
}
