// The address of the page: /?run=ID&from=MS&to=MS&hide=PANEL&hide=PANEL&unfold=GROUP.

/** Which panels are shown. @typedef {{hidden: Iterable<string>, unfolded: Iterable<string>}} Choice */
/** @typedef {{run: string, range: import("./types.js").Range | null} & Choice} Place */

/** @returns {Place} */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  const [from, to] = ["from", "to"].map((name) => Number(query.get(name) ?? NaN));
  const valid = Number.isFinite(from) && Number.isFinite(to) && from < to;
  return { run: query.get("run") ?? "", range: valid ? { from, to } : null, hidden: query.getAll("hide"), unfolded: query.getAll("unfold") };
}

/** @param {string} run
 * @param {import("./types.js").Range | null} [range]
 * @param {Choice} [choice] */
export function addressOf(run, range = null, { hidden, unfolded } = { hidden: [], unfolded: [] }) {
  const query = new URLSearchParams({ run });
  if (range) {
    query.set("from", String(Math.round(range.from)));
    query.set("to", String(Math.round(range.to)));
  }
  for (const id of hidden) query.append("hide", id);
  for (const group of unfolded) query.append("unfold", group);
  return `/?${query}`;
}

/** Say in the address what is shown, without a step back.
 * @param {string} run
 * @param {import("./types.js").Range | null} range
 * @param {Choice} choice */
export function replaceAddress(run, range, choice) {
  const address = addressOf(run, range, choice);
  if (address !== location.pathname + location.search) history.replaceState(null, "", address);
}

/** A step to another run, which "back" takes back.
 * @param {string} run
 * @param {Choice} choice */
export function pushAddress(run, choice) {
  history.pushState(null, "", addressOf(run, null, choice));
}
