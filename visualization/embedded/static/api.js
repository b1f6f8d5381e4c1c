// The JSON API of the server. Nanoseconds there, milliseconds here.

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
 * @returns {Promise<import("./types.js").Run[]>}
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
  return inMilliseconds(await get("run", [["run", run]], signal));
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

/** Fetch series from `from` up to and with `to`.
 * @param {string} run
 * @param {string[]} keys
 * @param {import("./types.js").Range} range
 * @param {number} buckets
 * @param {AbortSignal} signal
 * @returns {Promise<import("./types.js").Held>}
 */
export async function getSeries(run, keys, range, buckets, signal) {
  // Doubles hold the ns of today to 256 of them, hence whole microseconds, rounded outwards.
  const start = (Math.floor(range.from * 1e3) - 1) * 1e3;
  const stop = (Math.ceil(range.to * 1e3) + 1) * 1e3;
  /** @type {[string, string][]} */
  const common = [["run", run], ["start", whole(start)], ["stop", whole(stop)], ["buckets", String(buckets)]];
  const answers = await Promise.all(
    inParts(keys).map((part) =>
      get("series", [...common, ...part.map((key) => /** @type {[string, string]} */ (["key", key]))], signal),
    ),
  );
  return {
    start: start / 1e6,
    stop: stop / 1e6,
    bucket: Math.max(0, ...answers.map((answer) => Number(answer.bucket ?? 0))) / 1e6,
    curves: answers.flatMap((answer) => answer.groups.flatMap(curvesOf)),
  };
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
  return Object.entries(group.series).map(([key, columns]) => {
    const there = (/** @type {unknown} */ _, /** @type {number} */ i) => columns.mean[i] !== null;
    return {
      key,
      tags: group.tags,
      time: times.filter(there),
      min: columns.min.filter(there),
      max: columns.max.filter(there),
      mean: columns.mean.filter(there),
    };
  });
}
