// The address of logged values: /logs?codename=A&codename=B&last=SECONDS&axis=log&apart=1,
// or from=MS&to=MS in the place of last.

/**
 * @typedef {object} LogPlace
 * @property {string[]} codenames
 * @property {import("./time-choice.js").Choice | null} time
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
