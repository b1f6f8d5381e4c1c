// One Plotly chart: lines, bands and axes. Everything else in a panel (marks, legend,
// values at the pointer) is made of plain elements over it, so no text from outside
// is drawn by Plotly, which would read markup in it. Time is a number of milliseconds
// from the left edge: Plotly's own dates follow the clocks of the browser.

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
const GAP = 30; // times the usual distance between points
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
  const pieces = lines.map((line) => withGaps(line));
  const traces = [
    ...lines.map((line, i) => band(pieces[i], colors.get(line.id)?.band ?? "", from)),
    ...lines.map((line, i) => ({ ...curve(pieces[i], colors.get(line.id)?.line ?? "", from), name: line.label })),
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
  return {
    type: "scatter",
    mode: points < DOTS_BELOW ? "lines+markers" : "lines",
    x: apart(pieces.map((piece) => piece.time.map((moment) => moment - from))),
    y: apart(pieces.map((piece) => piece.mean)),
    line: { color, width: 1.5 },
    marker: { color, size: points === 1 ? 7 : 4 },
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

/** Cut a line where nothing was measured for long, never leaving a lone point.
 * @param {import("./types.js").Line} line
 * @returns {Piece[]}
 */
function withGaps(line) {
  const steps = line.time.slice(1).map((moment, i) => moment - line.time[i]);
  const usual = [...steps].sort((a, b) => a - b)[steps.length >> 1];
  const long = steps.map((length) => length > usual * GAP);
  const cuts = long.flatMap((cut, i) => (cut && long[i - 1] === false && long[i + 1] === false ? [i + 1] : []));
  return [0, ...cuts].map((from, i) => {
    const part = (/** @type {number[]} */ values) => values.slice(from, cuts[i]);
    return { time: part(line.time), mean: part(line.mean), min: part(line.min), max: part(line.max) };
  });
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
function layout(axis, box, { range, offset, theme }) {
  const { moments, texts } = timeTicks(range, box.width, offset);
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
      range: [axis.low, axis.high],
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
