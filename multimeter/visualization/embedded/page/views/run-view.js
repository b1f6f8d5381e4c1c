// One run on the page: what is fetched of it, which part is shown, and how it moves.

import { replaceAddress } from "../base/address.js";
import { getMarks, getRun, getSeries, getSpans, inNanoseconds } from "../base/api.js";
import { currentTheme } from "../base/colors.js";
import { Debounce } from "../base/debounce.js";
import { byId, element, patchRows } from "../base/dom.js";
import { formatted } from "../base/format.js";
import { setState, showNote, timing } from "../base/page-state.js";
import { fullRange, inside, panned, withMargin, zoomed } from "../base/range.js";
import { utcOffset } from "../base/time.js";
import { Board, folds } from "../charts/board.js";
import { gapsOf, longest, tailStart, withTail } from "../charts/curves.js";
import { showRun } from "./run-header.js";
import { showRange } from "./toolbar.js";

const PIXELS_OF_BUCKET = 2;
const FEWEST_BUCKETS = 150;
const GROWTH = 2; // of a run that goes on, before all of it is fetched again

/** @typedef {import("../base/types.js").RunDetails} RunDetails */
/** @typedef {import("../base/types.js").Range} Range */
/** @typedef {import("../base/types.js").Mark} Mark */

export class RunView {
  /** @param {(error: unknown) => void} onError  a part of the run cannot be fetched */
  constructor(onError) {
    this.onError = onError;
    /** @type {RunDetails | null} */
    this.run = null;
    /** @type {Mark[]} */
    this.marks = [];
    /** @type {Range | null} all of the run; null without points */
    this.limits = null;
    /** @type {Range | null} the part that is shown; null is all */
    this.range = null;
    /** @type {import("../base/types.js").Held | null} */
    this.held = null;
    this.buckets = FEWEST_BUCKETS;
    this.task = new AbortController();
    this.debounce = new Debounce();
    this.theme = currentTheme();
    this.board = new Board(byId("panels"), {
      select: (range) => this.setRange(range),
      pan: (part) => this.pan(part),
      zoom: (factor, centre) => this.zoom(factor, centre),
      reset: () => this.setRange(null),
    }, {
      csv: (panel) => this.csvAddress(panel),
      hide: (id) => this.hide(id, true),
      fold: (group, open) => this.fold(group, open),
    });
    /** @type {Set<string>} the panels that are hidden */
    this.hidden = new Set();
    /** @type {Set<string>} the groups of panels that are unfolded */
    this.unfolded = new Set();
    this.redrawWhenResized();
  }

  /** Show a run.
   * @param {string} identifier
   * @param {Range | null} range  null for all of it
   */
  async open(identifier, range) {
    const done = timing("open");
    const signal = this.begin();
    setState("loading");
    try {
      const [run, marks] = await Promise.all([getRun(identifier, signal), getMarks(identifier, signal)]);
      signal.throwIfAborted();
      this.held = null;
      this.take(run, marks);
      this.range = range && this.limits ? inside(range, this.limits) : null;
      byId("run").hidden = false;
      this.tellRange();
      await this.complete(signal);
      done();
      await this.showSpans(signal);
    } catch (error) {
      if (!signal.aborted) this.close();
      throw error;
    }
  }

  /** Stop what is going on; what follows has a signal of its own. */
  begin() {
    this.task.abort();
    this.task = new AbortController();
    return this.task.signal;
  }

  close() {
    this.begin();
    this.board.clear();
    this.run = null;
    this.held = null;
    this.limits = null;
    byId("run").hidden = true;
  }

  /** Make a run the one that is shown.
   * @param {RunDetails} run
   * @param {Mark[]} marks
   */
  take(run, marks) {
    this.run = run;
    this.marks = marks;
    this.limits = fullRange(run, marks);
    showRun(run, marks, this.offset());
    this.buildPanels(run);
    byId("export").setAttribute("href", `/api/export?${new URLSearchParams({ run: run.identifier })}`);
    const empty = run.state === "live" ? `Waiting for the first point of ${run.identifier}…` : "This run has no points.";
    showNote(this.limits ? null : empty);
  }

  /** @param {RunDetails} run */
  buildPanels(run) {
    const panels = this.limits ? run.panels : [];
    this.board.build(run.identifier, panels.filter(({ id }) => !this.hidden.has(id)));
    this.board.unfold(this.unfolded);
    const gone = panels.filter(({ id }) => this.hidden.has(id));
    byId("hidden").hidden = gone.length === 0;
    byId("hidden").replaceChildren("Hidden: ", ...gone.map(({ id, title }) => {
      const button = element("button", { type: "button", class: "text", title: "Show this panel", "data-show": id }, title);
      button.addEventListener("click", () => this.hide(id, false));
      return button;
    }));
  }

  /** @param {string} id  of a panel
   * @param {boolean} gone */
  hide(id, gone) {
    if (gone) this.hidden.add(id);
    else this.hidden.delete(id);
    if (!this.run) return;
    this.buildPanels(this.run);
    if (this.held) this.hold(this.held);
    this.tellRange();
    this.refine();
  }

  /** @param {string} group
   * @param {boolean} open */
  fold(group, open) {
    if (this.unfolded.has(group) === open) return;
    if (open) this.unfolded.add(group);
    else this.unfolded.delete(group);
    this.tellRange();
    if (open) this.refine();
  }

  /** The measures of the panels that are neither hidden nor folded away. @param {RunDetails} run */
  keysOf({ panels }) {
    const open = panels.filter((panel) => !this.hidden.has(panel.id) && (!folds(panel) || this.unfolded.has(panel.group ?? "")));
    return [...new Set(open.flatMap(({ series }) => series.map(({ key }) => key)))];
  }

  /** The address of the values of a panel. @param {import("../base/types.js").PanelDefinition} panel */
  csvAddress({ series }) {
    const range = this.range ?? this.limits ?? { from: 0, to: 0 };
    const query = new URLSearchParams({ run: this.run?.identifier ?? "", start: inNanoseconds(range.from), stop: inNanoseconds(range.to) });
    for (const { key } of series) query.append("key", key);
    return `/api/csv?${query}`;
  }

  /** Say what the run did between its marks. @param {AbortSignal} signal */
  async showSpans(signal) {
    const { run } = this;
    if (!run) return;
    const spans = this.marks.length ? await getSpans(run.identifier, signal) : [];
    signal.throwIfAborted();
    showSpans(spans, (run.start ?? 0) * 1e6, (range) => this.setRange(range));
  }

  /** Fetch and draw what is to be seen.
   * @param {AbortSignal} [signal] */
  async complete(signal = this.begin()) {
    const range = this.range ?? this.limits;
    if (this.run && range) {
      this.hold(await this.fetchAll(this.run, range, signal));
      signal.throwIfAborted();
      await this.board.draw(this.frame(range), signal);
    }
    setState("ready");
  }

  /**
   * @param {RunDetails} run
   * @param {Range} range
   * @param {AbortSignal} signal
   */
  async fetchAll(run, range, signal) {
    this.buckets = Math.max(FEWEST_BUCKETS, Math.round(this.board.plotWidth() / PIXELS_OF_BUCKET));
    const wide = this.range ? withMargin(range) : range;
    const held = await getSeries(run.identifier, this.keysOf(run), wide, this.buckets, signal);
    signal.throwIfAborted();
    return held;
  }

  /** @param {import("../base/types.js").Held} held */
  hold(held) {
    this.held = held;
    this.board.setData(held);
  }

  /** @param {Range} range
   * @returns {import("../base/types.js").Frame} */
  frame(range) {
    const latest = this.run?.state === "live" && !this.range;
    const gaps = this.held ? gapsOf(this.held) : [];
    const peaks = this.run?.peaks ?? [];
    return { range, marks: this.marks, offset: this.offset(), theme: this.theme, latest, gaps, peaks };
  }

  offset() {
    return utcOffset(this.limits?.from ?? Date.now());
  }

  /** Say in the toolbar and in the address what is shown. */
  tellRange() {
    showRange(this.range ?? this.limits, !this.range, this.offset());
    if (this.run) replaceAddress(this.run.identifier, this.range, this);
  }

  /** @param {Range | null} range  null for all of the run */
  setRange(range) {
    if (!this.limits) return;
    this.range = range && inside(range, this.limits);
    this.tellRange();
    this.refine();
  }

  /** @param {number} part  of the range; negative is earlier */
  pan(part) {
    if (this.range) this.setRange(panned(this.range, part));
  }

  /** @param {number} factor
   * @param {number} [centre] */
  zoom(factor, centre) {
    const range = this.range ?? this.limits;
    if (range) this.setRange(zoomed(range, factor, centre));
  }

  /** Show the range at once with what is there, and soon with finer buckets. */
  async refine() {
    const done = timing("zoom");
    const signal = this.begin();
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

  /** Look whether the run has gone on. */
  async refresh() {
    const { run, task: { signal } } = this;
    if (!run || document.body.dataset.state !== "ready") return;
    const now = await getRun(run.identifier, signal);
    if (now.points === run.points && now.end === run.end && now.state === run.state) return;
    const marks = await getMarks(run.identifier, signal);
    const range = this.range ?? fullRange(now, marks);
    const held = range && (await this.fetchNew(run, now, range, signal));
    signal.throwIfAborted();
    this.take(now, marks);
    if (held) this.hold(held);
    this.tellRange();
    this.redraw();
    await this.showSpans(signal);
  }

  /** Fetch what is new, or all when that has become too much.
   * @param {RunDetails} before
   * @param {RunDetails} now
   * @param {Range} range
   * @param {AbortSignal} signal
   */
  async fetchNew(before, now, range, signal) {
    const { held } = this;
    const same = JSON.stringify(before.panels) === JSON.stringify(now.panels) && before.start === now.start;
    const more = now.state === "live" && held && longest(held) <= this.buckets * GROWTH;
    if (!same || !more) return this.fetchAll(now, range, signal);
    const to = Math.min(this.range ? withMargin(range).to : Infinity, now.end ?? range.to);
    const from = tailStart(held);
    if (from >= to) return held;
    // One more: the first and the last bucket may be cut.
    const buckets = Math.ceil((to - from) / held.bucket) + 1;
    if (!(buckets <= this.buckets * GROWTH)) return this.fetchAll(now, range, signal);
    return withTail(held, await getSeries(now.identifier, this.keysOf(now), { from, to }, buckets, signal));
  }

  /** Draw what is in sight again, as colours, width or range have changed.
   * @param {{everything?: boolean}} [which]  also what is out of sight, for printing
   */
  redraw({ everything = false } = {}) {
    this.theme = currentTheme();
    const range = this.range ?? this.limits;
    if (!range || !this.held) return;
    if (everything) this.board.drawAtOnce(this.frame(range));
    else this.board.drawInSight(this.frame(range));
  }

  redrawWhenResized() {
    let width = 0;
    new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width !== width && width) this.redraw();
      width = contentRect.width;
    }).observe(byId("panels"));
  }
}

// The table of what a run did between its marks.

/** @typedef {{label: string, start: number, stop: number, [figure: string]: any}} Span  times in ns */

/** @type {Span[]} those in the table: the last one of a run that goes on grows */
let shown = [];

/** @param {Span[]} spans
 * @param {number} start  of the run, ns
 * @param {(range: import("../base/types.js").Range) => void} onPick */
export function showSpans(spans, start, onPick) {
  const frame = byId("spans");
  frame.hidden = spans.length === 0;
  const heads = /** @type {HTMLElement[]} */ ([...frame.querySelectorAll("th[data-column]")]);
  const body = /** @type {HTMLElement} */ (frame.querySelector("tbody"));
  shown = spans;
  const rows = spans.map((span, i) => {
    /** @type {Record<string, any>} */
    const values = { ...span, start: (span.start - start) / 1e9, duration: (span.stop - span.start) / 1e9 };
    const cells = heads.map(({ dataset: { column = "", unit = "" } }) => {
      if (column !== "label") return element("td", { class: "number" }, formatted(values[column], unit));
      const button = element("button", { type: "button", class: "link", title: "Show this span" }, span.label || "(start)");
      button.addEventListener("click", () => onPick({ from: shown[i].start / 1e6, to: shown[i].stop / 1e6 }));
      return element("th", { scope: "row" }, button);
    });
    return element("tr", {}, ...cells);
  });
  patchRows(body, rows);
}
