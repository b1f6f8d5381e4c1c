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

// The address of logged values: /logs?codename=A&codename=B&last=SECONDS&axis=log&apart=1,
// or from=MS&to=MS in the place of last.

/**
 * @typedef {object} LogPlace
 * @property {string[]} codenames
 * @property {import("../views/time-choice.js").Choice | null} time
 * @property {boolean} log
 * @property {boolean} apart
 */

/** @returns {LogPlace} */
export function readLogPlace() {
  const query = new URLSearchParams(location.search);
  const [from, to, last] = ["from", "to", "last"].map((name) => Number(query.get(name) ?? NaN));
  const between = Number.isFinite(from) && Number.isFinite(to) && from < to;
  const time = between ? { from, to } : last > 0 && last < 1e9 ? { last } : null;
  const codenames = [...new Set(query.getAll("codename"))];
  return { codenames, time, log: query.get("axis") === "log", apart: query.get("apart") === "1" };
}

/** @param {LogPlace} place */
export function replaceLogPlace({ codenames, time, log, apart }) {
  const query = new URLSearchParams(codenames.map((codename) => ["codename", codename]));
  if (time && "last" in time) query.set("last", String(time.last));
  else if (time) {
    query.set("from", String(Math.round(time.from)));
    query.set("to", String(Math.round(time.to)));
  }
  if (log) query.set("axis", "log");
  if (apart) query.set("apart", "1");
  history.replaceState(null, "", `/logs?${query}`);
}
