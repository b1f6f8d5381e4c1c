// The list of codenames to choose from: filtered while typing, several at once.

import { byId, element } from "../base/dom.js";
import { formatted } from "../base/format.js";
import { clockText, dateText, utcOffset } from "../base/time.js";

/** @typedef {import("../base/types.js").Codename} Codename */

export class CodenameList {
  /** @param {() => void} onChange  others are chosen */
  constructor(onChange) {
    this.onChange = onChange;
    this.list = byId("codenames");
    this.search = /** @type {HTMLInputElement} */ (byId("search"));
    /** @type {Codename[]} */
    this.all = [];
    /** @type {string[]} in the order in which they were chosen */
    this.chosen = [];
    /** @type {Map<string, {row: HTMLElement, box: HTMLInputElement, swatch: HTMLElement}>} */
    this.rows = new Map();
    this.search.addEventListener("input", () => this.filter());
    this.search.addEventListener("keydown", (event) => this.searchKey(event));
    this.list.addEventListener("change", (event) => this.changed(event));
    this.list.addEventListener("keydown", (event) => this.listKey(event));
    byId("choose-none").addEventListener("click", () => this.choose([]));
  }

  /** @param {Codename[]} all */
  show(all) {
    const shown = (/** @type {Codename[]} */ some) => JSON.stringify(some.map(({ codename, unit, description }) => [codename, unit, description]));
    const same = shown(all) === shown(this.all);
    this.all = all;
    if (!same) this.build();
    for (const each of all) {
      const row = this.rows.get(each.codename)?.row;
      if (row) row.title = aboutText(each);
    }
  }

  build() {
    const focused = document.activeElement instanceof HTMLInputElement ? document.activeElement.value : "";
    this.rows.clear();
    for (const each of this.all) this.rows.set(each.codename, rowOf(each));
    const legend = this.list.querySelector("legend");
    this.list.replaceChildren(...(legend ? [legend] : []), ...[...this.rows.values()].map(({ row }) => row));
    this.tick();
    this.filter();
    this.rows.get(focused)?.box.focus();
  }

  /** Choose these and no others; tells whoever listens.
   * @param {string[]} chosen */
  choose(chosen) {
    this.chosen = chosen;
    this.tick();
    this.onChange();
  }

  /** Give the chosen ones their colours. @param {Map<string, string>} colors */
  paint(colors) {
    for (const [codename, { swatch }] of this.rows) swatch.style.backgroundColor = colors.get(codename) ?? "";
  }

  tick() {
    for (const [codename, { box }] of this.rows) box.checked = this.chosen.includes(codename);
    byId("choose-none").hidden = this.chosen.length === 0;
    this.count();
  }

  filter() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { row } of this.rows.values()) {
      row.hidden = !words.every((word) => row.textContent?.toLowerCase().includes(word));
    }
    this.count();
  }

  count() {
    const all = `${this.all.length.toLocaleString("en")} ${this.all.length === 1 ? "codename" : "codenames"}`;
    const found = this.visible().length;
    const some = found === this.all.length ? all : `${found.toLocaleString("en")} of ${all}`;
    byId("codename-count").textContent = this.chosen.length ? `${some}, ${this.chosen.length} shown` : some;
  }

  visible() {
    return [...this.rows.values()].filter(({ row }) => !row.hidden).map(({ box }) => box);
  }

  /** @param {Event} event */
  changed({ target }) {
    if (!(target instanceof HTMLInputElement)) return;
    const others = this.chosen.filter((codename) => codename !== target.value);
    this.choose(target.checked ? [...others, target.value] : others);
  }

  /** @param {KeyboardEvent} event */
  searchKey(event) {
    const first = this.visible()[0];
    if (event.key === "ArrowDown") first?.focus();
    else if (event.key === "Enter") first?.click();
    else if (event.key === "Escape" && this.search.value) {
      this.search.value = "";
      this.filter();
    } else return;
    event.preventDefault();
  }

  /** @param {KeyboardEvent} event */
  listKey(event) {
    const boxes = this.visible();
    const i = boxes.indexOf(/** @type {HTMLInputElement} */ (document.activeElement));
    /** @type {Record<string, HTMLElement | undefined>} */
    const targets = {
      ArrowDown: boxes[i + 1],
      ArrowUp: i <= 0 ? this.search : boxes[i - 1],
      Home: boxes[0],
      End: boxes[boxes.length - 1],
    };
    if (!(event.key in targets)) return;
    event.preventDefault();
    targets[event.key]?.focus();
  }
}

/** @param {Codename} codename */
function rowOf({ codename, unit, description }) {
  const box = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox", value: codename }));
  const swatch = element("i", { class: "swatch" });
  const name = element("span", { class: "name" }, codename);
  if (description) name.append(element("span", { class: "description" }, description));
  const shown = unit === "short" || unit === "none" ? "" : unit;
  const row = element("label", { class: "codename", "data-codename": codename }, box, swatch, name, element("span", { class: "unit" }, shown));
  return { row, box, swatch };
}

/** @param {Codename} codename */
function aboutText({ codename, points, end }) {
  const offset = utcOffset(end);
  const count = `${formatted(points, "short")} ${points === 1 ? "value" : "values"}`;
  return `${codename}: ${count}, the last one ${dateText(end, offset)}, ${clockText(end, offset)}`;
}
