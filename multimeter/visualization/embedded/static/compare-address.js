// The address of a comparison: /compare?run=ID&run=ID&align=LABEL&from=MS&to=MS, where the
// times count from what the runs are aligned on.

/** @typedef {{runs: string[], align: string, range: import("./types.js").Range | null}} ComparePlace */

/** @returns {ComparePlace} */
export function readComparePlace() {
  const query = new URLSearchParams(location.search);
  const [from, to] = ["from", "to"].map((name) => Number(query.get(name) ?? NaN));
  const valid = Number.isFinite(from) && Number.isFinite(to) && from < to;
  return { runs: [...new Set(query.getAll("run"))], align: query.get("align") ?? "", range: valid ? { from, to } : null };
}

/** @param {ComparePlace} place */
export function replaceComparePlace({ runs, align, range }) {
  const query = new URLSearchParams(runs.map((run) => ["run", run]));
  if (align) query.set("align", align);
  if (range) {
    query.set("from", String(Math.round(range.from)));
    query.set("to", String(Math.round(range.to)));
  }
  history.replaceState(null, "", `/compare?${query}`);
}
