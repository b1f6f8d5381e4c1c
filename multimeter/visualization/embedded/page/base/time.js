// Moments for people, in local time. A run has one UTC offset, that of its beginning:
// its axis must not jump when the clocks change.

/** Minutes that local time is ahead of UTC at a moment.
 * @param {number} moment
 */
export function utcOffset(moment) {
  return -new Date(moment).getTimezoneOffset();
}

/** Move a moment so that its UTC reading is the local one.
 * @param {number} moment
 * @param {number} offset  minutes
 */
export function asLocal(moment, offset) {
  return moment + offset * 60_000;
}

/** @param {number} offset  minutes */
export function offsetText(offset) {
  const size = Math.abs(offset);
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return `UTC${offset < 0 ? "−" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** @param {number} moment
 * @param {number} offset  minutes */
export function dateText(moment, offset) {
  const format = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" };
  return new Date(asLocal(moment, offset)).toLocaleDateString("en-GB", /** @type {any} */ (format));
}

/** The time of day; with ms where a span is so short that they matter.
 * @param {number} moment
 * @param {number} offset  minutes
 * @param {number} [span]  ms
 */
export function clockText(moment, offset, span = Infinity) {
  const text = new Date(asLocal(moment, offset)).toISOString();
  return text.slice(11, span < 10_000 ? 23 : 19);
}

/** A time since something, as on a stopwatch. @param {number} span  ms */
export function elapsedText(span) {
  const size = Math.abs(span);
  const sign = span < 0 ? "−" : "";
  const seconds = Number((size / 1e3).toFixed(size < 10_000 ? 3 : 0));
  if (seconds < 60) return `${sign}${seconds} s`;
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${sign}${hours}:${two(minutes)}:${two(Math.floor(seconds % 60))}` : `${sign}${minutes}:${two(Math.floor(seconds % 60))}`;
}

/** A range with its date and its offset, each of them once.
 * @param {import("./types.js").Range} range
 * @param {number} offset  minutes
 */
export function rangeText({ from, to }, offset) {
  const [first, last] = [dateText(from, offset), dateText(to, offset)];
  const [begin, end] = [from, to].map((moment) => clockText(moment, offset, to - from));
  const until = first === last ? end : `${last}, ${end}`;
  return `${first}, ${begin} – ${until} ${offsetText(offset)}`;
}
