// The chart of a panel, on a canvas: lines, bands and axes. Everything else in a panel
// (marks, legend, values at the pointer) is made of plain elements over it.

import { firstNotBefore } from "./curves.js";
import { timeTicks } from "./time-axis.js";

const FINEST = 2; // pixels of the canvas for one of the page, at least: paper shows them
const DOTS_BELOW = 40; // points of a line; a lone one would not be seen otherwise
const DOT = 4; // pixels
const LONE_DOT = 7;
const LINE = 1.5;
const TICK = 4;
const EDGE = 4; // pixels outside, for dots on the edge
const TICK_TEXT = 16; // from the axis down to its first line of text
const ROW = 14; // of text

/** Where the plot is in its element. @typedef {{left: number, right: number, top: number, bottom: number, width: number, height: number}} Box */
/** @typedef {import("../base/types.js").Line} Line */
/** @typedef {CanvasRenderingContext2D} Ink */

/**
 * @typedef {object} Drawing
 * @property {Line[]} lines
 * @property {Map<string, import("../base/colors.js").Color>} colors
 * @property {import("./value-axis.js").Axis} axis
 * @property {Box} box
 * @property {import("../base/types.js").Frame} frame
 * @property {(moment: number) => number} x  pixels from the left
 * @property {(value: number) => number} y   pixels from the top
 */

/** @param {HTMLCanvasElement & {drawn?: Drawing & {pieces: Piece[][]}}} canvas
 * @param {Drawing} drawing */
export function drawChart(canvas, drawing) {
  const { box } = drawing;
  const ink = canvas.getContext("2d");
  if (!ink) return;
  const scale = Math.max(FINEST, devicePixelRatio);
  const [width, height] = [box.left + box.width + box.right, box.top + box.height + box.bottom];
  canvas.width = width * scale; // which clears it
  canvas.height = height * scale;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  ink.scale(scale, scale);
  // Who looks at the page with a program finds here what it shows.
  canvas.drawn = { ...drawing, pieces: paint(ink, drawing) };
}

/** @param {Ink} ink
 * @param {Drawing} drawing
 * @returns {Piece[][]} of each line */
export function paint(ink, drawing) {
  const { lines, colors, axis, box, frame } = drawing;
  drawAxes(ink, drawing);
  ink.save();
  ink.beginPath();
  ink.rect(box.left, box.top - EDGE, box.width + EDGE, box.height + 2 * EDGE);
  ink.clip();
  const pieces = lines.map((line) => withGaps(frame.log ? positive(line, axis.low) : line));
  lines.forEach(({ id }, i) => drawBands(ink, drawing, pieces[i], colors.get(id)?.band ?? ""));
  // The first line lies on top: what a process uses is a part of what its tree does.
  lines.map(({ id }, i) => [id, i]).toReversed().forEach(([id, i]) => drawLine(ink, drawing, pieces[Number(i)], colors.get(String(id))?.line ?? ""));
  ink.restore();
  return pieces;
}

/** @param {Ink} ink
 * @param {Drawing} drawing */
function drawAxes(ink, { axis, box, frame: { range, offset, theme, elapsed }, x, y }) {
  const [right, bottom] = [box.left + box.width, crisp(box.top + box.height)];
  ink.font = `11px ${theme.font}`;
  ink.fillStyle = theme.muted;
  ink.strokeStyle = theme.grid;
  ink.lineWidth = 1;
  ink.textAlign = "right";
  axis.ticks.forEach((tick, i) => {
    stroke(ink, [[box.left, crisp(y(tick))], [right, crisp(y(tick))]]);
    ink.fillText(axis.texts[i], box.left - 8, y(tick) + 4);
  });
  stroke(ink, [[box.left, bottom], [right, bottom]]);
  ink.textAlign = "center";
  const { moments, texts } = timeTicks(range, box.width, offset, elapsed);
  moments.forEach((moment, i) => {
    stroke(ink, [[crisp(x(moment)), bottom], [crisp(x(moment)), bottom + TICK]]);
    texts[i].forEach((text, row) => ink.fillText(text, x(moment), bottom + TICK_TEXT + row * ROW));
  });
  ink.textAlign = "left";
}

/** The area from min to max: there along the one, back along the other.
 * @param {Ink} ink
 * @param {Drawing} drawing
 * @param {Piece[]} pieces
 * @param {string} color */
function drawBands(ink, { x, y }, pieces, color) {
  ink.fillStyle = color;
  for (const { time, min, max } of pieces) {
    if (min.every((value, i) => value === max[i])) continue;
    ink.beginPath();
    time.forEach((moment, i) => ink.lineTo(x(moment), y(max[i])));
    for (let i = time.length - 1; i >= 0; i--) ink.lineTo(x(time[i]), y(min[i]));
    ink.fill();
  }
}

/** @param {Ink} ink
 * @param {Drawing} drawing
 * @param {Piece[]} pieces
 * @param {string} color */
function drawLine(ink, { x, y }, pieces, color) {
  const points = pieces.reduce((sum, piece) => sum + piece.time.length, 0);
  ink.strokeStyle = ink.fillStyle = color;
  ink.lineWidth = LINE;
  ink.lineJoin = "round";
  for (const { time, mean } of pieces) {
    const places = time.map((moment, i) => [x(moment), y(mean[i])]);
    stroke(ink, places);
    // A point between two gaps would not be seen without a dot.
    if (points >= DOTS_BELOW && places.length > 1) continue;
    for (const [left, top] of places) {
      ink.beginPath();
      ink.arc(left, top, (points === 1 ? LONE_DOT : DOT) / 2, 0, 2 * Math.PI);
      ink.fill();
    }
  }
}

/** Where a line one pixel wide fills a row of pixels. @param {number} place */
function crisp(place) {
  return Math.round(place) + 0.5;
}

/** @param {Ink} ink
 * @param {number[][]} points */
export function stroke(ink, points) {
  ink.beginPath();
  for (const [left, top] of points) ink.lineTo(left, top);
  ink.stroke();
}

/** @typedef {{time: number[], mean: number[], min: number[], max: number[]}} Piece */

/** Cut a line where nothing was measured for long.
 * @param {Line} line
 * @returns {Piece[]}
 */
function withGaps(line) {
  const places = line.breaks.map((moment) => firstNotBefore(line.time, moment));
  const cuts = [...new Set(places)].filter((place) => place > 0 && place < line.time.length);
  return [0, ...cuts].map((from, i) => {
    const part = (/** @type {number[]} */ values) => values.slice(from, cuts[i]);
    return { time: part(line.time), mean: part(line.mean), min: part(line.min), max: part(line.max) };
  });
}

/** What of a line a logarithmic axis can show; what reaches below zero ends at its foot.
 * @param {Line} line
 * @param {number} low
 * @returns {Line}
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
