// Colours. A subject (what stands before the first "." of a key) has one hue in all
// panels of a run; its series in one panel are shades of it.

/** @typedef {{ink: string, muted: string, grid: string, dark: boolean, font: string}} Theme */
/** @typedef {{line: string, band: string}} Color */

const HUES = [255, 55, 155, 310, 200, 20, 100, 340]; // degrees in OKLCH; far apart first
const GOLDEN_ANGLE = 137.5;
const SHADES = {
  dark: [0.72, 0.83, 0.58, 0.9],
  light: [0.56, 0.73, 0.42, 0.64],
};
const CHROMA = [0.15, 0.1, 0.12, 0.05];
const WARM_LIFT = 0.05; // dark orange is brown
const MOST_SHADES = 4;

/** What a key is measured on; "" where it does not say.
 * @param {string} key */
export function subjectOf(key) {
  const dot = key.indexOf(".");
  return dot > 0 ? key.slice(0, dot) : "";
}

/** The subjects of a run with their hues: the process and its children first.
 * @param {import("./types.js").PanelDefinition[]} panels
 * @returns {Map<string, number>}
 */
export function huesOf(panels) {
  const keys = panels.flatMap((panel) => panel.series.map((series) => series.key));
  const found = new Set(keys.map(subjectOf));
  const known = ["process", "children"].filter((subject) => found.has(subject));
  const all = new Set([...known, ...found]);
  return new Map([...all].map((subject, i) => [subject, hue(i)]));
}

/** The hue of the i-th of many. @param {number} i */
export function hue(i) {
  return i < HUES.length ? HUES[i] : (i * GOLDEN_ANGLE) % 360;
}

/** A colour for each line of a panel.
 * @param {import("./types.js").Line[]} lines
 * @param {Map<string, number>} hues
 * @param {boolean} dark
 * @returns {Map<string, Color>}  by the id of the line
 */
export function colorsOf(lines, hues, dark) {
  /** @type {Map<string, import("./types.js").Line[]>} */
  const bySubject = new Map();
  for (const line of lines) {
    const subject = subjectOf(line.series.key);
    bySubject.set(subject, [...(bySubject.get(subject) ?? []), line]);
  }
  const crowded = [...bySubject.values()].some((some) => some.length > MOST_SHADES);
  const shades = dark ? SHADES.dark : SHADES.light;
  const colors = new Map();
  if (lines.some((line) => hues.has(line.series.key))) {
    for (const line of lines) colors.set(line.id, color(shades[0], CHROMA[0], hues.get(line.series.key) ?? HUES[0]));
    return colors;
  }
  // Tag sets of one measure are different things.
  if (lines.length > 1 && new Set(lines.map((line) => line.series.key)).size === 1) {
    lines.forEach((line, i) => colors.set(line.id, color(shades[0], CHROMA[0], hue(i))));
    return colors;
  }
  if (crowded) {
    lines.forEach((line, i) => colors.set(line.id, color(shades[i % 2], 0.13, HUES[0] + i * GOLDEN_ANGLE)));
    return colors;
  }
  for (const [subject, some] of bySubject) {
    some.forEach((line, i) => colors.set(line.id, color(shades[i], CHROMA[i], hues.get(subject) ?? HUES[0])));
  }
  return colors;
}

/** From OKLCH to what a canvas understands; https://bottosson.github.io/posts/oklab/
 * @param {number} lightness
 * @param {number} chroma
 * @param {number} angle  degrees
 * @returns {Color}
 */
function color(lightness, chroma, angle) {
  if (angle % 360 > 30 && angle % 360 < 120) lightness = Math.min(0.93, lightness + WARM_LIFT);
  const a = chroma * Math.cos((angle * Math.PI) / 180);
  const b = chroma * Math.sin((angle * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const rgb = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map(gamma);
  return { line: `rgb(${rgb})`, band: `rgba(${rgb},0.18)` };
}

/** @param {number} value  linear light */
function gamma(value) {
  const inGamut = Math.min(1, Math.max(0, value));
  const encoded = inGamut <= 0.0031308 ? 12.92 * inGamut : 1.055 * inGamut ** (1 / 2.4) - 0.055;
  return Math.round(encoded * 255);
}

/** What the style sheet says at the moment.
 * @returns {Theme}
 */
export function currentTheme() {
  // Custom properties come back unresolved; colours of elements do not.
  const read = (/** @type {string} */ name) => {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.style.color = `var(${name})`;
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
  const ink = read("--ink");
  return {
    ink,
    muted: read("--muted"),
    grid: read("--grid"),
    dark: Number(ink.match(/\d+/)?.[0]) > 128,
    font: getComputedStyle(document.body).fontFamily,
  };
}
