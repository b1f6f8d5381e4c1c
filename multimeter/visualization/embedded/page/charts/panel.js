// One panel: its chart, marks and legend, and what is pointed at in it.

import { colorsOf } from "../base/colors.js";
import { formatted } from "../base/format.js";
import { drawChart } from "./chart.js";
import { drawCursor, pointAt, readout, snapped } from "./cursor.js";
import { imageOf, downloadBlob, downloadFrom } from "./image.js";
import { Legend } from "./legend.js";
import { drawMarks, gapElement, peakElement, ROW_HEIGHT, ROWS } from "./marks.js";
import { panelMenu, panelElements } from "./panel-elements.js";
import { axisFor } from "./value-axis.js";

const BOX = { left: 64, right: 14, top: 8, bottom: 36, height: 190 };
const CHARACTER = 6.5; // pixels of a tick's text
const NEAR_MARK = 5; // pixels
const BESIDE = 12; // pixels from the pointer to the box with the values

/** What its menu can do. @typedef {{csv?: (panel: import("../base/types.js").PanelDefinition) => string, hide?: (id: string) => void}} PanelActions */
/** @typedef {import("../base/types.js").Line} Line */
/** @typedef {import("../base/types.js").Range} Range */
/** @typedef {import("../base/types.js").Frame} Frame */

export class Panel {
  /**
   * @param {import("../base/types.js").PanelDefinition} definition
   * @param {Map<string, number>} hues
   * @param {PanelActions} actions
   */
  constructor(definition, hues, actions) {
    this.definition = definition;
    this.hues = hues;
    /** @type {Line[]} */
    this.lines = [];
    /** @type {Frame | null} */
    this.frame = null;
    /** @type {Map<string, boolean>} what was chosen in the legend, by id of the line */
    this.chosen = new Map();
    /** @type {Set<string>} the lines that have been seen to be other than zero */
    this.alive = new Set();
    /** @type {Map<string, import("../base/colors.js").Color>} */
    this.colors = new Map();
    this.axis = axisFor([], { from: 0, to: 1 }, definition.unit);
    this.stale = true;
    this.box = { ...BOX, width: 0 };
    this.legend = new Legend((id) => this.toggle(id), (id) => this.only(id));
    this.parts = panelElements(definition, this.legend.root, this.menu(actions));
  }

  /** @param {PanelActions} actions */
  menu({ csv, hide }) {
    const { id, title } = this.definition;
    /** @type {import("./panel-elements.js").Item[]} */
    const items = [["Save picture (PNG)", () => this.savePicture()]];
    if (csv) items.push(["Save values (CSV)", () => downloadFrom(csv(this.definition))]);
    if (hide) items.push(["Hide panel", () => hide(id)]);
    return panelMenu(title, items);
  }

  async savePicture() {
    const picture = await imageOf(this);
    if (picture) downloadBlob(picture, `${document.title.split(" · ")[0]} ${this.definition.title}.png`);
  }

  get root() {
    return this.parts.root;
  }

  get plot() {
    return this.parts.plot;
  }

  /** @param {Line[]} lines */
  setLines(lines) {
    this.lines = lines;
    const isZero = (/** @type {number} */ value) => value === 0;
    for (const line of lines) {
      if (!line.min.every(isZero) || !line.max.every(isZero)) this.alive.add(line.id);
    }
    this.root.classList.toggle("alone", lines.length === 1 && lines[0].label === this.definition.title);
    this.stale = true;
  }

  /** @param {Line} line */
  isShown(line) {
    return this.chosen.get(line.id) ?? (this.definition.chosen === true || this.alive.has(line.id));
  }

  shown() {
    return this.lines.filter((line) => this.isShown(line));
  }

  /** @param {string} id */
  toggle(id) {
    const line = this.lines.find((each) => each.id === id);
    if (line) this.chosen.set(id, !this.isShown(line));
    this.redraw();
  }

  /** Show one line only; when it is the only one, show them all.
   * @param {string} id */
  only(id) {
    const alone = this.lines.every((line) => line.id === id || !this.isShown(line));
    if (alone) this.chosen.clear();
    else for (const line of this.lines) this.chosen.set(line.id, line.id === id);
    this.redraw();
  }

  redraw() {
    if (this.frame) this.draw(this.frame);
  }

  /** @param {Frame} shared */
  draw(shared) {
    const frame = this.definition.axis === "log" ? { ...shared, log: true } : shared;
    this.frame = frame;
    this.stale = false;
    const { box, lines } = this;
    const shown = this.shown();
    box.top = frame.marks.length ? ROWS * ROW_HEIGHT + 2 : BOX.top;
    this.colors = colorsOf(lines, this.hues, frame.theme.dark);
    this.axis = axisFor([...shown, ...this.peakLines(frame)], frame.range, this.definition.unit, frame.log);
    const longest = Math.max(...this.axis.texts.map((text) => text.length));
    box.left = Math.max(BOX.left, longest * CHARACTER);
    box.width = Math.max(80, this.plot.clientWidth - box.left - box.right);
    this.legend.show(lines, this.colors, (line) => this.isShown(line));
    this.sayLatest();
    this.describe(shown);
    this.drawMarks(frame);
    drawChart(this.parts.chart, this.drawing(frame));
    this.root.dataset.state = "ready";
  }

  /** @param {Frame} frame
   * @returns {import("./chart.js").Drawing} */
  drawing(frame) {
    const { colors, axis, box } = this;
    const lines = this.shown();
    return { lines, colors, axis, box, frame, x: (moment) => this.pixelOf(moment), y: (value) => this.heightOf(value) };
  }

  /** Lines that make room for the peaks. @param {Frame} frame
   * @returns {Line[]} */
  peakLines({ range }) {
    const line = /** @type {any} */ ({ time: [range.from] });
    return this.peaks().map(({ value }) => ({ ...line, min: [value], max: [value], mean: [value] }));
  }

  /** @param {Frame} frame */
  drawMarks({ marks, range, gaps = [] }) {
    const visible = marks.filter((mark) => mark.time >= range.from && mark.time <= range.to);
    drawMarks(this.parts.marks, visible, (moment) => this.pixelOf(moment), this.box);
    this.parts.marks.append(...gaps.flatMap((gap) => gapElement(gap, range, (moment) => this.pixelOf(moment), this.box)));
    this.parts.marks.append(...this.peaks().map(({ value, text }) => peakElement(this.heightOf(value), text, this.box)));
    this.root.dataset.marks = String(visible.length);
  }

  /** The peaks that lines which are shown do not reach. */
  peaks() {
    const shown = new Set(this.shown().map((line) => line.series.key));
    return (this.frame?.peaks ?? [])
      .filter(({ curve }) => shown.has(curve))
      .map(({ value }) => ({ value, text: `${formatted(value, this.definition.unit)} between two samples` }));
  }

  /** Say in words what is to be seen. @param {Line[]} shown */
  describe(shown) {
    const { quiet } = this.parts;
    const names = shown.map((line) => line.label).join(", ");
    this.plot.setAttribute("aria-label", `Chart of ${this.definition.title}: ${names || "no lines"}`);
    const drawable = this.frame?.log ? shown.some((line) => line.max.some((value) => value > 0)) : shown.length > 0;
    quiet.hidden = drawable && shown.some((line) => line.time.length);
    if (!this.lines.some((line) => line.time.length)) quiet.textContent = "No values here";
    else if (shown.length) quiet.textContent = "Nothing above zero";
    else quiet.textContent = this.alive.size ? "All lines are switched off" : "Zero throughout";
  }

  sayLatest() {
    const latest = this.frame?.latest ? this.lines.filter((line) => line.time.length) : [];
    this.legend.say(new Map(latest.map((line) => [line.id, this.valueOf(line, line.mean.length - 1)])));
  }

  /** @param {Line} line
   * @param {number} i */
  valueOf(line, i) {
    return formatted(line.mean[i], this.definition.unit);
  }

  /** @param {number} moment */
  pixelOf(moment) {
    const { from, to } = this.frame?.range ?? { from: 0, to: 1 };
    return this.box.left + ((moment - from) / (to - from)) * this.box.width;
  }

  /** @param {number} value */
  heightOf(value) {
    const place = this.frame?.log ? Math.log10 : (/** @type {number} */ number) => number;
    const [low, high, at] = [this.axis.low, this.axis.high, value].map(place);
    return this.box.top + ((high - at) / (high - low)) * this.box.height;
  }

  /** @param {number} x  pixels from the left of the plot */
  momentAt(x) {
    const { from, to } = this.frame?.range ?? { from: 0, to: 1 };
    const part = Math.min(1, Math.max(0, (x - this.box.left) / this.box.width));
    return from + part * (to - from);
  }

  /** The moment that pointing at a place means. @param {number} x */
  pointedAt(x) {
    const moment = this.momentAt(x);
    return this.frame ? snapped(this.shown(), moment, this.frame.range) : moment;
  }

  /** Show what was at a moment.
   * @param {number} moment
   * @param {boolean} pointed  whether the pointer is in this panel
   */
  showCursor(moment, pointed) {
    const { frame, box } = this;
    if (!frame) return;
    const x = this.pixelOf(moment);
    const points = this.lines
      .map((line) => ({ line, i: pointAt(line, moment, frame.range) }))
      .filter(({ i }) => i >= 0);
    const dots = points
      .filter(({ line }) => this.isShown(line))
      .map(({ line, i }) => ({ y: this.heightOf(line.mean[i]), color: this.colors.get(line.id)?.line ?? "" }));
    drawCursor(this.parts.cursor, { x, box, dots });
    this.legend.say(new Map(points.map(({ line, i }) => [line.id, this.valueOf(line, i)])));
    this.parts.readout.hidden = !pointed;
    if (pointed) this.showReadout(moment, x, frame);
  }

  /** @param {number} moment
   * @param {number} x
   * @param {Frame} frame */
  showReadout(moment, x, frame) {
    const box = this.parts.readout;
    const marks = frame.marks.filter((mark) => Math.abs(this.pixelOf(mark.time) - x) <= NEAR_MARK);
    const { colors, definition: { unit } } = this;
    box.replaceChildren(...readout({ moment, lines: this.shown(), colors, unit, marks, frame }));
    const toTheLeft = x > this.box.left + this.box.width / 2;
    const room = this.plot.clientWidth - box.offsetWidth;
    const left = toTheLeft ? x - BESIDE - box.offsetWidth : x + BESIDE;
    box.style.left = `${Math.max(0, Math.min(left, room))}px`;
  }

  hideCursor() {
    this.parts.cursor.replaceChildren();
    this.parts.readout.hidden = true;
    this.sayLatest();
  }

  /** @param {Range | null} range  null hides it */
  showSelection(range) {
    const { selection } = this.parts;
    selection.hidden = !range;
    if (!range) return;
    const [left, right] = [this.pixelOf(range.from), this.pixelOf(range.to)];
    selection.style.left = `${left}px`;
    selection.style.width = `${right - left}px`;
    selection.style.top = `${this.box.top}px`;
    selection.style.height = `${this.box.height}px`;
  }
}
