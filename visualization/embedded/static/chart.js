// One Plotly chart: lines, bands and axes. Everything else in a panel (marks, legend,
// values at the pointer) is made of plain elements over it, so no text from outside
// is drawn by Plotly, which would read markup in it. Time is a number of milliseconds
// from the left edge: Plotly's own dates follow the clocks of the browser.

import { firstNotBefore } from "./curves.js";
import { loadPlotly } from "./plotly.js";
import { timeTicks } from "./time-axis.js";

/** @type {any} */
let Plotly;

/** Nothing can be drawn before. */
export const ready = loadPlotly().then((loaded) => {
  Plotly = loaded;
});

const CONFIG = { staticPlot: true, displayModeBar: false, responsive: false };
const DOTS_BELOW = 40; // points of a line; a lone one would not be seen otherwise
const DOT = 4; // pixels
const LONE_DOT = 7;
const SIZE_OF_TEXT = 11;

/** Where the plot is in its element. @typedef {{left: number, right: number, top: number, bottom: number, width: number, height: number}} Box */

/**
 * @param {HTMLElement} target
 * @param {object} drawn
 * @param {import("./types.js").Line[]} drawn.lines
 * @param {Map<string, import("./colors.js").Color>} drawn.colors
 * @param {import("./axis.js").Axis} drawn.axis
 * @param {Box} drawn.box
 * @param {import("./types.js").Frame} drawn.frame
 * @returns {Promise<unknown>}
 */
export async function drawChart(target, { lines, colors, axis, box, frame }) {
  const { from } = frame.range;
  const pieces = lines.map((line) => withGaps(frame.log ? positive(line, axis.low) : line));
  // The first line lies on top: what a process uses is a part of what its tree does.
  const traces = [
    ...lines.map((line, i) => band(pieces[i], colors.get(line.id)?.band ?? "", from)),
    ...lines.map((line, i) => ({ ...curve(pieces[i], colors.get(line.id)?.line ?? "", from), name: line.label })).toReversed(),
  ];
  return Plotly?.react(target, traces.filter(Boolean), layout(axis, box, frame), CONFIG);
}

/** Free what Plotly holds. @param {HTMLElement} target */
export function discardChart(target) {
  Plotly?.purge(target);
}

/**
 * @param {Piece[]} pieces
 * @param {string} color
 * @param {number} from
 */
function curve(pieces, color, from) {
  const points = pieces.reduce((sum, piece) => sum + piece.time.length, 0);
  const few = points < DOTS_BELOW;
  // A point between two gaps would not be seen without a dot.
  const lone = !few && pieces.some((piece) => piece.time.length === 1);
  const sizes = lone ? apart(pieces.map(({ time }) => time.map(() => (time.length === 1 ? DOT : 0)))) : DOT;
  return {
    type: "scatter",
    mode: few || lone ? "lines+markers" : "lines",
    x: apart(pieces.map((piece) => piece.time.map((moment) => moment - from))),
    y: apart(pieces.map((piece) => piece.mean)),
    line: { color, width: 1.5 },
    marker: { color, size: points === 1 ? LONE_DOT : sizes, line: { width: 0 } },
    hoverinfo: "skip",
  };
}

/** The area from min to max: there along the one, back along the other.
 * @param {Piece[]} pieces
 * @param {string} color
 * @param {number} from
 */
function band(pieces, color, from) {
  if (!pieces.some((piece) => piece.min.some((value, i) => value !== piece.max[i]))) return null;
  return {
    type: "scatter",
    mode: "lines",
    x: apart(pieces.map(({ time }) => [...time, ...time.toReversed()].map((moment) => moment - from))),
    y: apart(pieces.map((piece) => [...piece.max, ...piece.min.toReversed()])),
    line: { width: 0, color },
    fill: "toself",
    fillcolor: color,
    hoverinfo: "skip",
  };
}

/** @typedef {{time: number[], mean: number[], min: number[], max: number[]}} Piece */

/** Cut a line where nothing was measured for long.
 * @param {import("./types.js").Line} line
 * @returns {Piece[]}
 */
export function withGaps(line) {
  const places = line.breaks.map((moment) => firstNotBefore(line.time, moment));
  const cuts = [...new Set(places)].filter((place) => place > 0 && place < line.time.length);
  return [0, ...cuts].map((from, i) => {
    const part = (/** @type {number[]} */ values) => values.slice(from, cuts[i]);
    return { time: part(line.time), mean: part(line.mean), min: part(line.min), max: part(line.max) };
  });
}

/** What of a line a logarithmic axis can show; what reaches below zero ends at its foot.
 * @param {import("./types.js").Line} line
 * @param {number} low
 * @returns {import("./types.js").Line}
 */
function positive(line, low) {
  const there = (/** @type {unknown} */ _, /** @type {number} */ i) => line.mean[i] > 0;
  const gone = line.time.filter((_, i) => !(line.mean[i] > 0));
  return {
    ...line,
    time: line.time.filter(there),
    mean: line.mean.filter(there),
    min: line.min.filter(there).map((value) => Math.max(value, low)),
    max: line.max.filter(there),
    breaks: [...line.breaks, ...gone].sort((a, b) => a - b),
  };
}

/** One array with a hole between the parts.
 * @param {number[][]} parts
 * @returns {(number | null)[]}
 */
function apart(parts) {
  return parts.flatMap((part, i) => (i ? [null, ...part] : part));
}

/**
 * @param {import("./axis.js").Axis} axis
 * @param {Box} box
 * @param {import("./types.js").Frame} frame
 */
function layout(axis, box, { range, offset, theme, log, elapsed }) {
  const { moments, texts } = timeTicks(range, box.width, offset, elapsed);
  const bare = { fixedrange: true, zeroline: false, automargin: false };
  return {
    width: box.left + box.width + box.right,
    height: box.top + box.height + box.bottom,
    margin: { l: box.left, r: box.right, t: box.top, b: box.bottom, pad: 0 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: theme.font, size: SIZE_OF_TEXT, color: theme.muted },
    showlegend: false,
    hovermode: false,
    dragmode: false,
    xaxis: {
      ...bare,
      type: "linear",
      range: [0, range.to - range.from],
      showgrid: false,
      tickmode: "array",
      tickvals: moments.map((moment) => moment - range.from),
      ticktext: texts.map((lines) => lines.join("<br>")),
      tickangle: 0,
      ticks: "outside",
      ticklen: 4,
      tickcolor: theme.grid,
      showline: true,
      linecolor: theme.grid,
    },
    yaxis: {
      ...bare,
      type: log ? "log" : "linear",
      range: log ? [Math.log10(axis.low), Math.log10(axis.high)] : [axis.low, axis.high],
      tickmode: "array",
      tickvals: axis.ticks,
      ticktext: axis.texts,
      gridcolor: theme.grid,
      ticks: "outside", // which nobody sees: it keeps the texts away from the lines
      ticklen: 6,
      tickcolor: "rgba(0,0,0,0)",
    },
  };
}
