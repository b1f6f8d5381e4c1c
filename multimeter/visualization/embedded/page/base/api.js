// The JSON API of the server. Nanoseconds there, milliseconds here.

/** A moment as the API has it. @param {number} moment  ms */
export function inNanoseconds(moment) {
  return whole(Math.round(moment * 1e3) * 1e3);
}

const TIME_LIMIT_MS = 30_000;
const KEYS_LENGTH = 4_000; // characters of keys in one address

/** What went wrong: status 0 when the server does not answer at all. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {string} name
 * @param {[string, string][]} parameters
 * @param {AbortSignal} signal
 * @returns {Promise<any>}
 */
async function get(name, parameters, signal) {
  const either = AbortSignal.any([signal, AbortSignal.timeout(TIME_LIMIT_MS)]);
  const query = parameters.length ? `?${new URLSearchParams(parameters)}` : "";
  try {
    const response = await fetch(`/api/${name}${query}`, { signal: either });
    const body = await response.json();
    if (response.ok) return body;
    throw new ApiError(response.status, String(body.message ?? response.statusText));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ApiError) throw error;
    throw new ApiError(0, "The server does not answer.");
  }
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<import("./types.js").ListedRun[]>}
 */
export async function getRuns(signal) {
  return (await get("runs", [], signal)).map(inMilliseconds);
}

/**
 * @param {string} run
 * @param {AbortSignal} signal
 * @returns {Promise<import("./types.js").RunDetails>}
 */
export async function getRun(run, signal) {
  const found = inMilliseconds(await get("run", [["run", run]], signal));
  // Where nothing stands first, nothing is folded away.
  if (found.panels.every((/** @type {any} */ { group }) => group)) for (const panel of found.panels) panel.group = "";
  return found;
}

/**
 * @param {string} run
 * @param {AbortSignal} signal
 * @returns {Promise<import("./types.js").Mark[]>}  in order of time
 */
export async function getMarks(run, signal) {
  const marks = await get("marks", [["run", run]], signal);
  return marks
    .map((/** @type {any} */ mark) => ({ time: mark.time / 1e6, label: String(mark.label) }))
    .sort((/** @type {any} */ a, /** @type {any} */ b) => a.time - b.time);
}

/**
 * @param {string} run
 * @param {AbortSignal} signal
 * @returns {Promise<import("../views/run-view.js").Span[]>}
 */
export function getSpans(run, signal) {
  return get("spans", [["run", run]], signal);
}

/**
 * @param {string} run
 * @param {AbortSignal} signal
 * @returns {Promise<import("./types.js").MeasureStatistics[]>}
 */
export function getStatistics(run, signal) {
  return get("statistics", [["run", run]], signal);
}

/** @typedef {{tags: Record<string, string>, time: number, counts: Record<string, number>, state: string}} Delivered */

/**
 * @param {AbortSignal} signal
 * @returns {Promise<{store: Record<string, any>, deliveries: Delivered[], all: number}>}
 */
export async function getHealth(signal) {
  const { store, deliveries, all_deliveries: all } = await get("health", [], signal);
  const ms = (/** @type {number | null} */ ns) => (ns === null ? null : ns / 1e6);
  return {
    store: { ...store, oldest: ms(store.oldest), newest: ms(store.newest) },
    all,
    deliveries: deliveries.map((/** @type {any} */ each) => ({ ...each, time: each.time / 1e6 })),
  };
}

/**
 * @param {import("./types.js").Range} range
 * @param {number} buckets
 * @param {AbortSignal} signal
 * @returns {Promise<import("./types.js").Held>}
 */
export async function getHealthSeries(range, buckets, signal) {
  const [answers, held] = await getCurves("health/series", "key", [], ["all"], range, buckets, signal);
  return { ...held, curves: answers.flatMap((answer) => answer.groups.flatMap(curvesOf)).filter(({ time }) => time.length) };
}

/** Fetch series from `from` up to and with `to`.
 * @param {string} run
 * @param {string[]} keys
 * @param {import("./types.js").Range} range
 * @param {number} buckets
 * @param {AbortSignal} signal
 * @returns {Promise<import("./types.js").Held>}
 */
export async function getSeries(run, keys, range, buckets, signal) {
  const [answers, held] = await getCurves("series", "key", [["run", run]], keys, range, buckets, signal);
  return { ...held, curves: answers.flatMap((answer) => answer.groups.flatMap(curvesOf)) };
}

/** Fetch curves, in as many requests as their names need.
 * @param {string} path
 * @param {string} parameter       the one that holds a name
 * @param {[string, string][]} common
 * @param {string[]} names
 * @param {import("./types.js").Range} range
 * @param {number} buckets
 * @param {AbortSignal} signal
 * @returns {Promise<[any[], Omit<import("./types.js").Held, "curves">]>}
 */
async function getCurves(path, parameter, common, names, range, buckets, signal) {
  // Doubles hold the ns of today to 256 of them, hence whole microseconds, rounded outwards.
  const start = (Math.floor(range.from * 1e3) - 1) * 1e3;
  const stop = (Math.ceil(range.to * 1e3) + 1) * 1e3;
  /** @type {[string, string][]} */
  const all = [...common, ["start", whole(start)], ["stop", whole(stop)], ["buckets", String(buckets)]];
  const answers = await Promise.all(
    inParts(names).map((part) =>
      get(path, [...all, ...part.map((name) => /** @type {[string, string]} */ ([parameter, name]))], signal),
    ),
  );
  const bucket = Math.max(0, ...answers.map((answer) => Number(answer.bucket ?? 0))) / 1e6;
  return [answers, { start: start / 1e6, stop: stop / 1e6, bucket }];
}

/** Integers beyond 2**53, too, are written with all their digits.
 * @param {number} value */
function whole(value) {
  return BigInt(value).toString();
}

/** Cut keys into parts that fit into an address.
 * @param {string[]} keys
 * @returns {string[][]}
 */
function inParts(keys) {
  /** @type {string[][]} */
  const parts = [];
  let room = 0;
  for (const key of keys) {
    const length = encodeURIComponent(key).length + 5;
    if (length > room) {
      parts.push([]);
      room = KEYS_LENGTH;
    }
    parts[parts.length - 1].push(key);
    room -= length;
  }
  return parts;
}

/** @param {any} run */
function inMilliseconds(run) {
  const ms = (/** @type {number | null} */ ns) => (ns === null ? null : ns / 1e6);
  return { ...run, start: ms(run.start), end: ms(run.end) };
}

/** Take a group apart; a time without a value is no point of a measure.
 * @param {any} group
 * @returns {import("./types.js").Curve[]}
 */
function curvesOf(group) {
  /** @type {number[]} */
  const times = group.time.map((/** @type {number} */ ns) => ns / 1e6);
  const breaks = (group.breaks ?? []).map((/** @type {number} */ i) => times[i]);
  return Object.entries(group.series).map(([key, columns]) => curveOf(key, group.tags, times, columns, breaks));
}

/** A curve without the times at which it has no value.
 * @param {string} key
 * @param {Record<string, string>} tags
 * @param {number[]} times
 * @param {{min: number[], max: number[], mean: (number | null)[]}} columns
 * @param {number[]} breaks
 * @returns {import("./types.js").Curve}
 */
function curveOf(key, tags, times, columns, breaks) {
  const there = (/** @type {unknown} */ _, /** @type {number} */ i) => columns.mean[i] !== null;
  return {
    key,
    tags,
    time: times.filter(there),
    min: columns.min.filter(there),
    max: columns.max.filter(there),
    mean: /** @type {number[]} */ (columns.mean.filter(there)),
    breaks,
  };
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<import("./types.js").Codename[]>}
 */
export async function getCodenames(signal) {
  return (await get("logs", [], signal)).map(inMilliseconds);
}

/** Fetch what was logged from `from` up to and with `to`.
 * @param {string[]} codenames
 * @param {import("./types.js").Range} range
 * @param {number} buckets
 * @param {AbortSignal} signal
 * @returns {Promise<import("./types.js").Held>}
 */
export async function getLogs(codenames, range, buckets, signal) {
  const [answers, held] = await getCurves("logs/series", "codename", [], codenames, range, buckets, signal);
  const curves = answers.flatMap((answer) => answer.curves).map((/** @type {any} */ each) => {
    const times = each.time.map((/** @type {number} */ ns) => ns / 1e6);
    const empty = times.filter((/** @type {number} */ _, /** @type {number} */ i) => each.mean[i] === null);
    const breaks = [...each.breaks.map((/** @type {number} */ i) => times[i]), ...empty];
    return curveOf(each.codename, each.tags, times, each, breaks.sort((a, b) => a - b));
  });
  return { ...held, curves };
}
