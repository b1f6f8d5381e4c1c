// What the pointer shows in a panel: a line at one moment, the same in all panels, dots
// on the curves, and in the panel it points at, the values.

import { element, svgElement } from "../base/dom.js";
import { formatted } from "../base/format.js";
import { clockText, dateText, elapsedText } from "../base/time.js";
import { nearest } from "./curves.js";

const MOST_DOTS = 12;
const MOST_VALUES = 12;
const TOLERANCE = 0.02; // of the range, before the first and after the last point

/** The point of a line at a moment, -1 where the line does not reach.
 * @param {import("../base/types.js").Line} line
 * @param {number} moment
 * @param {import("../base/types.js").Range} range
 */
export function pointAt(line, moment, range) {
  const i = nearest(line.time, moment);
  const tolerance = (range.to - range.from) * TOLERANCE;
  const inside = i >= 0 && moment >= line.time[0] - tolerance && moment <= line.time[line.time.length - 1] + tolerance;
  return inside ? i : -1;
}

/** The time of the point nearest to a moment, which the pointer then snaps to.
 * @param {import("../base/types.js").Line[]} lines
 * @param {number} moment
 * @param {import("../base/types.js").Range} range
 */
export function snapped(lines, moment, range) {
  const times = lines.flatMap((line) => {
    const i = pointAt(line, moment, range);
    return i < 0 || line.time[i] < range.from || line.time[i] > range.to ? [] : [line.time[i]];
  });
  return times.reduce((best, time) => (Math.abs(time - moment) < Math.abs(best - moment) ? time : best), times[0] ?? moment);
}

/** The vertical line and the dots.
 * @param {SVGElement} svg
 * @param {object} shown
 * @param {number} shown.x
 * @param {import("./chart.js").Box} shown.box
 * @param {{y: number, color: string}[]} shown.dots
 */
export function drawCursor(svg, { x, box, dots }) {
  const line = svgElement("path", { d: `M${x.toFixed(1)} ${box.top}V${box.top + box.height}` });
  const circles = dots.length > MOST_DOTS ? [] : dots.map(({ y, color }) =>
    svgElement("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: "3", fill: color }),
  );
  svg.replaceChildren(line, ...circles);
}

/** The box beside the pointer.
 * @param {object} shown
 * @param {number} shown.moment
 * @param {import("../base/types.js").Line[]} shown.lines
 * @param {Map<string, import("../base/colors.js").Color>} shown.colors
 * @param {string} shown.unit
 * @param {import("../base/types.js").Mark[]} shown.marks  those at the pointer
 * @param {import("../base/types.js").Frame} shown.frame
 * @returns {Node[]}
 */
export function readout({ moment, lines, colors, unit, marks, frame }) {
  const { range, offset } = frame;
  const time = frame.elapsed ? elapsedText(moment) : `${dateText(moment, offset)}, ${clockText(moment, offset, range.to - range.from)}`;
  const rows = lines
    .map((line) => ({ line, i: pointAt(line, moment, range) }))
    .filter(({ i }) => i >= 0);
  const most = rows.length > MOST_VALUES
    ? [...rows].sort((a, b) => b.line.mean[b.i] - a.line.mean[a.i]).slice(0, MOST_VALUES)
    : rows;
  const nodes = [element("p", { class: "time" }, time)];
  nodes.push(...marks.map((mark) => element("p", { class: "mark-text" }, mark.label)));
  if (most.length) {
    const values = most.map(({ line, i }) => valueRow(line, i, colors.get(line.id)?.line ?? "", unit));
    nodes.push(element("table", {}, element("tbody", {}, ...values)));
  }
  if (most.length < rows.length) nodes.push(element("p", { class: "more" }, `and ${rows.length - most.length} lower`));
  return nodes;
}

/**
 * @param {import("../base/types.js").Line} line
 * @param {number} i
 * @param {string} color
 * @param {string} unit
 */
function valueRow(line, i, color, unit) {
  const swatch = element("i", { class: "swatch" });
  swatch.style.backgroundColor = color;
  const band = line.min[i] === line.max[i] ? "" : `${formatted(line.min[i], unit)} to ${formatted(line.max[i], unit)}`;
  return element(
    "tr", {},
    element("td", {}, swatch),
    element("td", { class: "label" }, line.label),
    element("td", { class: "value" }, formatted(line.mean[i], unit)),
    element("td", { class: "band" }, band),
  );
}
