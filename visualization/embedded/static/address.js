// The address of the page: /?run=ID&from=MS&to=MS.

/** @typedef {{run: string, range: import("./types.js").Range | null}} Place */

/** @returns {Place} */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  const [from, to] = ["from", "to"].map((name) => Number(query.get(name) ?? NaN));
  const valid = Number.isFinite(from) && Number.isFinite(to) && from < to;
  return { run: query.get("run") ?? "", range: valid ? { from, to } : null };
}

/** @param {string} run
 * @param {import("./types.js").Range | null} [range] */
export function addressOf(run, range = null) {
  const query = new URLSearchParams({ run });
  if (range) {
    query.set("from", String(Math.round(range.from)));
    query.set("to", String(Math.round(range.to)));
  }
  return `/?${query}`;
}

/** Say in the address what is shown, without a step back.
 * @param {string} run
 * @param {import("./types.js").Range | null} range */
export function replaceAddress(run, range) {
  const address = addressOf(run, range);
  if (address !== location.pathname + location.search) history.replaceState(null, "", address);
}

/** A step to another run, which "back" takes back.
 * @param {string} run */
export function pushAddress(run) {
  history.pushState(null, "", addressOf(run));
}
