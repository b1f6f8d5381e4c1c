// The address of the page: /?run=ID&from=MS&to=MS&hide=PANEL&hide=PANEL.

/** @typedef {{run: string, range: import("./types.js").Range | null, hidden: string[]}} Place */

/** @returns {Place} */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  const [from, to] = ["from", "to"].map((name) => Number(query.get(name) ?? NaN));
  const valid = Number.isFinite(from) && Number.isFinite(to) && from < to;
  return { run: query.get("run") ?? "", range: valid ? { from, to } : null, hidden: query.getAll("hide") };
}

/** @param {string} run
 * @param {import("./types.js").Range | null} [range]
 * @param {Iterable<string>} [hidden]  panels */
export function addressOf(run, range = null, hidden = []) {
  const query = new URLSearchParams({ run });
  if (range) {
    query.set("from", String(Math.round(range.from)));
    query.set("to", String(Math.round(range.to)));
  }
  for (const id of hidden) query.append("hide", id);
  return `/?${query}`;
}

/** Say in the address what is shown, without a step back.
 * @param {string} run
 * @param {import("./types.js").Range | null} range
 * @param {Iterable<string>} hidden  panels */
export function replaceAddress(run, range, hidden) {
  const address = addressOf(run, range, hidden);
  if (address !== location.pathname + location.search) history.replaceState(null, "", address);
}

/** A step to another run, which "back" takes back.
 * @param {string} run
 * @param {Iterable<string>} hidden  panels */
export function pushAddress(run, hidden) {
  history.pushState(null, "", addressOf(run, null, hidden));
}
