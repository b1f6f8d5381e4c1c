// Logged values on the page: what is fetched of them and how it is drawn.

import { getLogs, inNanoseconds } from "../base/api.js";
import { colorsOf, currentTheme, hue } from "../base/colors.js";
import { Debounce } from "../base/debounce.js";
import { byId } from "../base/dom.js";
import { setState, showNote, timing } from "../base/page-state.js";
import { panned, withMargin, zoomed } from "../base/range.js";
import { utcOffset } from "../base/time.js";
import { Board } from "../charts/board.js";
import { rangeOf } from "./time-choice.js";
import { showRange } from "./toolbar.js";

const PIXELS_OF_BUCKET = 2;
const FEWEST_BUCKETS = 150;
const MOST_BUCKETS = 2_000;
const SHORTEST_MS = 10;

/** @typedef {import("../base/types.js").Codename} Codename */
/** @typedef {import("../base/types.js").Range} Range */
/** @typedef {import("./time-choice.js").Choice} Choice */

/**
 * @typedef {object} LogEvents
 * @property {(choice: Choice) => void} choose    another time, chosen in a chart
 * @property {() => void} reset                   back to the time that moves
 * @property {(error: unknown) => void} fail
 */

export class LogView {
  /** @param {LogEvents} events */
  constructor(events) {
    this.events = events;
    /** @type {Codename[]} */
    this.codenames = [];
    /** @type {Choice} */
    this.time = { last: 3_600 };
    this.log = false;
    this.apart = false;
    /** @type {Map<string, number>} the hue of each codename that was ever shown */
    this.hues = new Map();
    this.task = new AbortController();
    this.debounce = new Debounce();
    this.range = rangeOf(this.time, Date.now());
    /** @type {import("../base/types.js").Held | null} */
    this.held = null;
    this.board = new Board(byId("panels"), {
      select: (range) => this.moveTo(range),
      pan: (part) => this.pan(part),
      zoom: (factor, centre) => this.zoom(factor, centre),
      reset: () => events.reset(),
    }, { csv: (panel) => this.csvAddress(panel) });
    let width = 0;
    new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width !== width && width) this.redraw();
      width = contentRect.width;
    }).observe(byId("panels"));
  }

  /** Show these codenames in this time.
   * @param {Codename[]} codenames
   * @param {Choice} time
   * @param {{log: boolean, apart: boolean}} how
   */
  async show(codenames, time, { log, apart }) {
    const done = timing("zoom");
    this.codenames = codenames;
    this.time = time;
    this.log = log;
    this.apart = apart;
    for (const { codename } of codenames) {
      if (!this.hues.has(codename)) this.hues.set(codename, hue(this.hues.size));
    }
    const { title = "" } = byId("panels").dataset;
    this.board.build("logs", panelsOf(codenames, apart, title), this.hues);
    showNote(codenames.length ? null : "Choose codenames from the list to see their values.");
    setState("loading");
    await this.fetch({ soon: this.held !== null });
    done();
  }

  /** Fetch what the time means now, and draw it.
   * @param {{soon?: boolean}} [when]  draw what is there, and fetch a little later
   */
  async fetch({ soon = false } = {}) {
    this.task.abort();
    this.task = new AbortController();
    const { signal } = this.task;
    this.range = rangeOf(this.time, Date.now());
    showRange(this.range, false, utcOffset(this.range.from));
    if (soon) {
      if (this.held) this.board.setData(this.held);
      const coming = this.debounce.wait(signal).then(() => this.complete(signal));
      this.redraw();
      await coming;
    } else {
      await this.complete(signal);
    }
  }

  /** @param {AbortSignal} signal */
  async complete(signal) {
    if (this.codenames.length) {
      const names = this.codenames.map(({ codename }) => codename);
      this.held = await getLogs(names, withMargin(this.range), this.buckets(), signal);
      signal.throwIfAborted();
      this.board.setData(this.held);
      await this.board.draw(this.frame(), signal);
    }
    setState("ready");
  }

  /** The address of the values of a panel. @param {import("../base/types.js").PanelDefinition} panel */
  csvAddress({ series }) {
    const { from, to } = this.range;
    const query = new URLSearchParams({ start: inNanoseconds(from), stop: inNanoseconds(to) });
    for (const { key } of series) query.append("codename", key);
    return `/api/logs/csv?${query}`;
  }

  buckets() {
    const wanted = Math.round(this.board.plotWidth() / PIXELS_OF_BUCKET);
    return Math.min(MOST_BUCKETS, Math.max(FEWEST_BUCKETS, wanted));
  }

  /** @returns {import("../base/types.js").Frame} */
  frame() {
    const { range, log } = this;
    return { range, marks: [], offset: utcOffset(range.from), theme: currentTheme(), latest: true, log };
  }

  redraw() {
    if (this.held) this.board.drawInSight(this.frame());
  }

  /** The colour of each codename that is shown. @returns {Map<string, string>} */
  colors() {
    const { dark } = currentTheme();
    return new Map(this.codenames.map(({ codename }) => [codename, colorOf(codename, this.hues, dark)]));
  }

  /** @param {number} part  of the range; negative is earlier */
  pan(part) {
    this.moveTo(panned(this.range, part));
  }

  /** @param {number} factor
   * @param {number} [centre] */
  zoom(factor, centre) {
    this.moveTo(zoomed(this.range, factor, centre));
  }

  /** @param {Range} range */
  moveTo({ from, to }) {
    if (to - from >= SHORTEST_MS) this.events.choose({ from: Math.round(from), to: Math.round(to) });
  }
}

/**
 * @param {string} codename
 * @param {Map<string, number>} hues
 * @param {boolean} dark
 */
function colorOf(codename, hues, dark) {
  const line = /** @type {any} */ ({ id: codename, series: { key: codename } });
  return colorsOf([line], hues, dark).get(codename)?.line ?? "";
}

/** Codenames of one unit share a panel, unless each is to be alone.
 * @param {Codename[]} codenames
 * @param {boolean} apart
 * @param {string} title  of a panel with several
 * @returns {import("../base/types.js").PanelDefinition[]}
 */
function panelsOf(codenames, apart, title) {
  /** @type {Map<string, Codename[]>} */
  const groups = new Map();
  for (const each of codenames) {
    const key = apart ? `codename:${each.codename}` : `unit:${each.unit}`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups].map(([id, some]) => ({
    id,
    title: some.length === 1 ? some[0].codename : title,
    unit: some[0].unit,
    series: some.map(({ codename, scale, description }) => ({ key: codename, label: codename, description, scale })),
    chosen: true,
  }));
}
