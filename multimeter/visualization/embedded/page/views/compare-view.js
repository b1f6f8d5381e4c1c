// Two to eight runs over each other: what is fetched of them and how it is drawn.

import { getMarks, getRun, getSeries, getStatistics } from "../base/api.js";
import { colorsOf, currentTheme, hue } from "../base/colors.js";
import { Debounce } from "../base/debounce.js";
import { byId } from "../base/dom.js";
import { setState, timing } from "../base/page-state.js";
import { inside, panned, withMargin, zoomed } from "../base/range.js";
import { elapsedText } from "../base/time.js";
import { Board } from "../charts/board.js";
import { showRange } from "./toolbar.js";

const PIXELS_OF_BUCKET = 2;
const FEWEST_BUCKETS = 150;
const OTHERS = "Not in every run";

/** @typedef {import("../base/types.js").Range} Range */
/** @typedef {import("../base/types.js").ComparedRun} Compared */

export class CompareView {
  /**
   * @param {() => void} onRange  another time is shown
   * @param {(error: unknown) => void} onError
   */
  constructor(onRange, onError) {
    this.onRange = onRange;
    this.onError = onError;
    /** @type {Compared[]} */
    this.runs = [];
    this.align = "";
    /** @type {Range | null} null for all; in ms from what the runs are aligned on */
    this.range = null;
    /** @type {Range} */
    this.limits = { from: 0, to: 1 };
    /** @type {import("../base/types.js").Held | null} */
    this.held = null;
    this.task = new AbortController();
    this.debounce = new Debounce();
    this.board = new Board(byId("panels"), {
      select: (range) => this.setRange(range),
      pan: (part) => this.pan(part),
      zoom: (factor, centre) => this.zoom(factor, centre),
      reset: () => this.setRange(null),
    });
    let width = 0;
    new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width !== width && width) this.redraw();
      width = contentRect.width;
    }).observe(byId("panels"));
  }

  /** @param {string[]} identifiers
   * @param {AbortSignal} signal */
  async load(identifiers, signal) {
    this.runs = await Promise.all(identifiers.map(async (identifier) => {
      const [run, marks, measures] = await Promise.all([
        getRun(identifier, signal), getMarks(identifier, signal), getStatistics(identifier, signal),
      ]);
      return { run, marks, measures };
    }));
  }

  /** The labels of marks that every run has. */
  labels() {
    const [first, ...others] = this.runs.map(({ marks }) => new Set(marks.map(({ label }) => label)));
    return [...(first ?? [])].filter((label) => label && others.every((labels) => labels.has(label)));
  }

  /** The moment of each run that is zero on the axis. @param {Compared} compared */
  zeroOf({ run, marks }) {
    return (this.align && marks.find(({ label }) => label === this.align)?.time) || (run.start ?? 0);
  }

  /** Show the runs, aligned on a mark, or on their starts.
   * @param {string} align */
  async show(align) {
    this.align = this.labels().includes(align) ? align : "";
    this.limits = {
      from: Math.floor(Math.min(0, ...this.runs.map((each) => (each.run.start ?? 0) - this.zeroOf(each)))),
      to: Math.ceil(Math.max(10, ...this.runs.map((each) => (each.run.end ?? 0) - this.zeroOf(each)))),
    };
    const hues = new Map(this.runs.flatMap(({ measures }, i) => measures.map(({ key }) => [keyOf(i, key), hue(i)])));
    this.board.build("comparison", panelsOf(this.runs), hues);
    this.task.abort();
    this.task = new AbortController();
    this.tellRange();
    await this.complete(this.task.signal);
  }

  /** @param {AbortSignal} signal */
  async complete(signal) {
    const range = this.range ?? this.limits;
    const buckets = Math.max(FEWEST_BUCKETS, Math.round(this.board.plotWidth() / PIXELS_OF_BUCKET));
    const { from, to } = withMargin(range);
    const all = await Promise.all(this.runs.map(async (each, i) => {
      const zero = this.zeroOf(each);
      const keys = each.measures.filter(({ max, min }) => max !== 0 || min !== 0).map(({ key }) => key);
      const held = await getSeries(each.run.identifier, keys, { from: from + zero, to: to + zero }, buckets, signal);
      return shifted(held, i, zero);
    }));
    this.held = { start: from, stop: to, bucket: 0, curves: all.flat() };
    signal.throwIfAborted();
    this.board.setData(this.held);
    await this.board.seen();
    this.board.drawInSight(this.frame());
    setState("ready");
  }

  /** @returns {import("../base/types.js").Frame} */
  frame() {
    return { range: this.range ?? this.limits, marks: [], offset: 0, theme: currentTheme(), latest: false, elapsed: true };
  }

  redraw() {
    if (this.held) this.board.drawInSight(this.frame());
  }

  /** The colour of each run. */
  colors() {
    const { dark } = currentTheme();
    return this.runs.map((_, i) => {
      const line = /** @type {any} */ ({ id: "one", series: { key: "one" } });
      return colorsOf([line], new Map([["one", hue(i)]]), dark).get("one")?.line ?? "";
    });
  }

  /** @param {Range | null} range */
  async setRange(range) {
    const done = timing("zoom");
    this.range = range && inside(range, this.limits);
    this.task.abort();
    this.task = new AbortController();
    const { signal } = this.task;
    this.tellRange();
    setState("loading");
    try {
      const coming = this.debounce.wait(signal).then(() => this.complete(signal));
      this.redraw();
      await coming;
      done();
    } catch (error) {
      if (!signal.aborted) this.onError(error);
    }
  }

  tellRange() {
    const range = this.range ?? this.limits;
    showRange(range, !this.range, 0);
    const since = this.align ? `“${this.align}”` : "start";
    byId("when").textContent = `${elapsedText(range.from)} – ${elapsedText(range.to)} after ${since}`;
    this.onRange();
  }

  /** @param {number} part */
  pan(part) {
    if (this.range) this.setRange(panned(this.range, part));
  }

  /** @param {number} factor
   * @param {number} [centre] */
  zoom(factor, centre) {
    this.setRange(zoomed(this.range ?? this.limits, factor, centre));
  }
}

/** The key of a measure of one of the runs. @param {number} i
 * @param {string} key */
function keyOf(i, key) {
  return `${i} ${key}`;
}

/** Curves of one run, in time since its zero.
 * @param {import("../base/types.js").Held} held
 * @param {number} i
 * @param {number} zero */
function shifted({ curves }, i, zero) {
  const sets = new Set(curves.map(({ tags }) => JSON.stringify(tags)));
  const back = (/** @type {number} */ moment) => moment - zero;
  return curves.map((curve) => ({
    ...curve,
    key: keyOf(i, curve.key),
    tags: sets.size > 1 ? curve.tags : {},
    time: curve.time.map(back),
    breaks: curve.breaks.map(back),
  }));
}

/** A panel for each measure that is not zero throughout, with a line for each run.
 * @param {Compared[]} runs
 * @returns {import("../base/types.js").PanelDefinition[]} */
function panelsOf(runs) {
  /** @type {Map<string, import("../base/types.js").PanelDefinition>} */
  const panels = new Map();
  runs.forEach(({ run, measures }, i) => {
    for (const { key, title, group, label, unit, scale, max, min } of measures) {
      if (max === 0 && min === 0) continue;
      const name = title === label ? title : `${title} · ${label}`;
      const panel = panels.get(key) ?? { id: key, title: name, group, unit, series: [], chosen: true };
      panel.series.push({ key: keyOf(i, key), label: run.identifier, description: "", scale });
      panels.set(key, panel);
    }
  });
  // What not every run has is not compared; it is there, folded away.
  const all = [...panels.values()];
  const shared = (/** @type {import("../base/types.js").PanelDefinition} */ { series }) => series.length === runs.length;
  if (!all.some((panel) => !panel.group && shared(panel))) return all.map((panel) => ({ ...panel, group: "" }));
  return all.map((panel) => (shared(panel) ? panel : { ...panel, group: OTHERS }));
}
