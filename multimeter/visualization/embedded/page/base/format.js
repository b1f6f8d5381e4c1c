// Values for people. Units are those of Grafana, as multimeter/analysis/units.py has them (a test holds
// both equal); any other text stands behind the number.

const LONGEST_UNIT = 16; // characters; a longer one only stands in the panel's title
const IEC = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
/** @type {[number, string][]} */
const SI = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
/** @type {[number, string][]} */
const PARTS_OF_SECOND = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];

const ROUGH = 3; // significant digits of quantities
const PLAIN = 4; // and of numbers whose meaning is not known
const MOST = 15;

/** @typedef {(value: number, significant?: number) => string} Format */

/** @type {Record<string, Format>} */
const FORMATS = {
  percentunit: (value, significant) => `${digits(value * 100, significant)} %`,
  bytes: iec,
  Bps: (value, significant) => withPrefix(value, " ", "B/s", significant),
  ops: (value, significant) => withPrefix(value, "", "/s", significant),
  cps: (value, significant) => withPrefix(value, "", "/s", significant),
  joule: (value, significant) => withPrefix(value, " ", "J", significant),
  watt: (value, significant) => withPrefix(value, " ", "W", significant),
  s: seconds,
  short: (value, significant = PLAIN) => withPrefix(value, "", "", significant),
  none: (value, significant = PLAIN) => digits(value, significant),
};

/** Write a value with its unit.
 * @param {number | null | undefined} value
 * @param {string} unit
 */
export function formatted(value, unit) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const format = formatOf(unit);
  if (format) return format(value);
  const number = digits(value, PLAIN);
  return unit.length > LONGEST_UNIT ? number : `${number} ${unit}`;
}

/** Write a number that may be a bound only.
 * @param {import("./types.js").Estimate | undefined} estimate
 * @param {string} unit
 */
export function estimateText(estimate, unit) {
  if (!estimate) return "–";
  const { value, high } = estimate;
  if (value === null) return high === null ? "–" : `≤ ${formatted(high, unit)}`;
  return high === null || high > value ? `≥ ${formatted(value, unit)}` : formatted(value, unit);
}

/** Say what is known of its error; empty where it has none.
 * @param {import("./types.js").Estimate | undefined} estimate
 * @param {string} unit
 */
export function estimateNote(estimate, unit) {
  if (!estimate) return "";
  const { value, high, flags } = estimate;
  const most = high !== null && (value === null || high > value) ? [`at most ${formatted(high, unit)}`] : [];
  return [...flags, ...most].join("; ");
}

/** Write the ticks of an axis, with as many digits as it takes to tell them apart.
 * @param {number[]} ticks
 * @param {string} unit
 */
export function tickTexts(ticks, unit) {
  const format = formatOf(unit) ?? FORMATS.short;
  /** @type {string[]} */
  let texts = [];
  for (let significant = ROUGH; significant <= MOST; significant++) {
    texts = ticks.map((tick) => format(tick, significant));
    if (new Set(texts).size === texts.length) break;
  }
  return texts;
}

/** What has to stand in the title of a panel, as axes do not say it.
 * @param {string} unit
 */
export function unitInTitle(unit) {
  return formatOf(unit) ? "" : unit;
}

/** Whether all quantities in a unit are amounts, whose axis begins at zero.
 * @param {string} unit
 */
export function isAmount(unit) {
  return unit !== "" && unit !== "none" && unit !== "short" && formatOf(unit) !== undefined;
}

/** @param {string} unit */
function formatOf(unit) {
  if (unit === "") return FORMATS.none;
  return Object.hasOwn(FORMATS, unit) ? FORMATS[unit] : undefined;
}

/** Some significant digits, and all of a whole number.
 * @param {number} value
 * @param {number} [significant]
 */
export function digits(value, significant = ROUGH) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return signed(value.toExponential(significant - 1));
  const decimals = significant - 1 - Math.floor(Math.log10(size || 1));
  return signed(value.toLocaleString("en", { maximumFractionDigits: Math.max(0, decimals) }));
}

/** @param {string} number */
function signed(number) {
  return number === "-0" ? "0" : number.replace(/^-/, "−");
}

/**
 * @param {number} value
 * @param {string} space
 * @param {string} unit
 * @param {number} [significant]
 */
function withPrefix(value, space, unit, significant) {
  // 999.6 would be written as 1,000.
  const [factor, prefix] = SI.find(([each]) => Math.abs(value) >= each * 0.9995) ?? [1, ""];
  return `${digits(value / factor, significant)}${space}${prefix}${unit}`;
}

/**
 * @param {number} value  bytes
 * @param {number} [significant]
 */
function iec(value, significant) {
  let place = 0;
  let rest = value;
  while (Math.abs(rest) >= 1023.5 && place < IEC.length - 1) {
    rest /= 1024;
    place += 1;
  }
  return `${digits(rest, significant)} ${IEC[place]}`;
}

/**
 * @param {number} value  seconds
 * @param {number} [significant]
 */
function seconds(value, significant) {
  if (Math.abs(value) >= 59.95) return (value < 0 ? "−" : "") + duration(Math.abs(value));
  const found = PARTS_OF_SECOND.find(([each]) => Math.abs(value) >= each * 0.9995);
  const [factor, unit] = value === 0 ? PARTS_OF_SECOND[0] : found ?? PARTS_OF_SECOND[3];
  return `${digits(value / factor, significant)} ${unit}`;
}

/** The two largest parts of a time of a minute or more.
 * @param {number} value  seconds
 */
function duration(value) {
  const whole = Math.round(value);
  const parts = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3_600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count !== 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count !== 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}
