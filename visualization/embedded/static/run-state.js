// Whether a run goes on. One that was never ended looks like one that goes on, but for
// its last point.

const SILENT_MS = 5 * 60_000;

/** @typedef {"live" | "open" | "finished"} Liveness */

/** Finished; open with points just now (live); or open and silent.
 * @param {import("./types.js").Run} run
 * @returns {Liveness}
 */
export function livenessOf(run) {
  if (run.state !== "open") return "finished";
  return run.end !== null && Date.now() - run.end < SILENT_MS ? "live" : "open";
}

/** What the state of a run means, for a tooltip.
 * @param {Liveness} liveness */
export function meaningOf(liveness) {
  if (liveness === "live") return "Being written: the page moves by itself";
  return liveness === "open" ? "Not ended, and no new points for a while" : "";
}
