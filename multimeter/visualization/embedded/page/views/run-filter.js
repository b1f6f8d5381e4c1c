// Which runs are meant: by words, by tags, by state; and in which order.

/** @typedef {import("../base/types.js").ListedRun} Run */

/** The runs in which every word occurs. A word like host=gpu-7 means that tag, and
 * state=died that state.
 * @param {Run[]} runs
 * @param {string} text
 * @param {string} state  "" for any
 */
export function matching(runs, text, state) {
  const words = text.toLowerCase().match(/[^\s"]*"[^"]*"|\S+/g)?.map((word) => word.replaceAll('"', "")) ?? [];
  return runs.filter((run) => (!state || run.state === state) && words.every((word) => has(run, word)));
}

/** The word that means a tag. @param {string} key
 * @param {string} value */
export function wordFor(key, value) {
  const word = `${key}=${value}`;
  return /\s/.test(word) ? `"${word}"` : word;
}

/** @param {Run} run
 * @param {string} word */
function has(run, word) {
  const tags = Object.entries(run.tags);
  const exactly = [...tags, ["state", run.state]].some(([key, value]) => `${key}=${value}`.toLowerCase() === word);
  if (exactly) return true;
  return [run.identifier, ...tags.map(([key, value]) => `${key} ${value}`)].some((text) => text.toLowerCase().includes(word));
}

/** @type {Record<string, number>} */
const STATES = { live: 0, ahead: 1, died: 2, ended: 3 };

/** What a column says of a run, to be sorted by; null stands last.
 * @param {Run} run
 * @param {string} column
 * @returns {number | string | null}
 */
export function sortKey(run, column) {
  if (column === "identifier") return run.identifier;
  if (column === "state") return STATES[run.state];
  if (column === "start") return run.start;
  return run.figures[column]?.value ?? null;
}

/**
 * @param {Run[]} runs
 * @param {string} column
 * @param {boolean} descending
 */
export function sorted(runs, column, descending) {
  const keyed = runs.map((run) => ({ run, key: sortKey(run, column) }));
  const collator = new Intl.Collator("en", { numeric: true });
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null);
    const order = typeof a.key === "string" ? collator.compare(a.key, String(b.key)) : a.key - Number(b.key);
    return descending ? -order : order;
  });
  return keyed.map(({ run }) => run);
}
