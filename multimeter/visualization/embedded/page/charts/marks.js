// Marks over a panel: a line for each, and labels that do not overlap.

import { element, svgElement } from "../base/dom.js";
import { formatted } from "../base/format.js";

const GAP = 4; // pixels between a line and its label, and between labels
const MARGIN = 8; // pixels at the left of the panel
const SHORTEST = 46; // pixels; what is longer may be shortened down to this
const LEFT_LOSS = 60; // pixels that a label may lose before it stands left of its line
export const ROWS = 2;
export const ROW_HEIGHT = 14;

/** @typedef {{x: number, text: string, width: number}} Wanted */
/** @typedef {{wanted: Wanted, left: number, width: number, row: number}} Placed */

/** Give labels a place: right of their lines, in the first row with room; shortened
 * where the next one begins; left of the line at the right edge; else none.
 * @param {Wanted[]} wanted  in order of x
 * @param {number} right     where the plot ends
 * @returns {Placed[]}
 */
export function placed(wanted, right) {
  /** @type {(Placed | null)[]} */
  const lastInRow = Array(ROWS).fill(null);
  /** @type {Placed[]} */
  const all = [];
  for (const each of wanted) {
    const place = placeFor(each, lastInRow, right);
    if (!place) continue;
    const before = lastInRow[place.row];
    if (before) before.width = Math.min(before.width, place.left - GAP - before.left);
    lastInRow[place.row] = place;
    all.push(place);
  }
  return all;
}

/**
 * @param {Wanted} each
 * @param {(Placed | null)[]} lastInRow
 * @param {number} right
 * @returns {Placed | null}
 */
function placeFor(each, lastInRow, right) {
  const candidates = lastInRow.flatMap((before, row) => {
    // A label may be shortened for the next one, down to what can still be read.
    const needed = before ? before.left + Math.min(before.width, SHORTEST) + GAP : MARGIN;
    const end = before ? before.left + before.width + GAP : MARGIN;
    const shortest = Math.min(each.width, SHORTEST);
    const left = each.x + GAP;
    const width = Math.min(each.width, right - left);
    const widthBefore = Math.min(each.width, each.x - GAP - end);
    const places = [];
    if (width >= shortest && left >= needed) {
      places.push({ row, left, width, loss: Math.max(0, end - left) + each.width - width });
    }
    if (width < each.width && widthBefore >= shortest) {
      places.push({ row, left: each.x - GAP - widthBefore, width: widthBefore, loss: LEFT_LOSS + each.width - widthBefore });
    }
    return places;
  });
  if (!candidates.length) return null;
  const best = candidates.reduce((a, b) => (b.loss < a.loss ? b : a));
  return { wanted: each, left: best.left, width: best.width, row: best.row };
}

/** Draw marks into an overlay.
 * @param {HTMLElement} overlay
 * @param {import("../base/types.js").Mark[]} marks  those in range
 * @param {(moment: number) => number} pixel
 * @param {import("./chart.js").Box} box
 */
export function drawMarks(overlay, marks, pixel, box) {
  const xs = marks.map((mark) => pixel(mark.time));
  const bottom = box.top + box.height;
  const wanted = marks.map((mark, i) => ({ x: xs[i], text: mark.label, width: textWidth(mark.label) }));
  const labels = placed(wanted.filter(({ text }) => text !== ""), box.left + box.width + box.right);
  const tops = new Map(labels.map((label) => [label.wanted.x, label.row * ROW_HEIGHT]));
  const path = xs.map((x) => `M${x.toFixed(1)} ${tops.get(x) ?? box.top}V${bottom}`).join("");
  const lines = svgElement("svg", { "aria-hidden": "true" });
  lines.append(svgElement("path", { d: path }));
  overlay.replaceChildren(lines, ...labels.map(labelElement));
}

/** @param {Placed} place */
function labelElement({ wanted, left, width, row }) {
  const label = element("span", { class: "mark-label", title: wanted.text }, wanted.text);
  label.style.left = `${left}px`;
  label.style.top = `${row * ROW_HEIGHT}px`;
  label.style.maxWidth = `${Math.ceil(width)}px`;
  return label;
}

/** Where no sample was taken for long.
 * @param {import("../base/types.js").Range} gap
 * @param {import("../base/types.js").Range} range
 * @param {(moment: number) => number} pixel
 * @param {import("./chart.js").Box} box
 * @returns {HTMLElement[]}
 */
export function gapElement({ from, to }, range, pixel, box) {
  const [left, right] = [pixel(Math.max(from, range.from)), pixel(Math.min(to, range.to))];
  if (right - left < 2) return [];
  const shade = element("span", { class: "gap", title: `No sample for ${formatted((to - from) / 1e3, "s")}` });
  Object.assign(shade.style, { left: `${left}px`, width: `${right - left}px`, top: `${box.top}px`, height: `${box.height}px` });
  return [shade];
}

/** A peak that lies above what was sampled.
 * @param {number} y
 * @param {string} text
 * @param {import("./chart.js").Box} box
 */
export function peakElement(y, text, box) {
  const line = element("span", { class: "peak" }, element("span", {}, text));
  Object.assign(line.style, { left: `${box.left}px`, width: `${box.width}px`, top: `${y}px` });
  return line;
}

const canvas = document.createElement("canvas").getContext("2d");

/** @param {string} text */
function textWidth(text) {
  if (!canvas) return text.length * 6;
  canvas.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  return Math.min(240, canvas.measureText(text.slice(0, 80)).width + 2);
}
