// The table of runs. Rows are made as far as somebody scrolls, so that thousands cost little.

import { addressOf } from "../base/address.js";
import { byId, element, patchRow } from "../base/dom.js";
import { estimateNote, estimateText } from "../base/format.js";
import { clockText, dateText, utcOffset } from "../base/time.js";
import { meaningOf } from "./run-header.js";

const ROWS_AT_ONCE = 200;

/** @typedef {import("../base/types.js").ListedRun} Run */

export class RunTable {
  /**
   * @param {(column: string) => void} onSort
   * @param {(key: string, value: string) => void} onTag
   * @param {(identifier: string, ticked: boolean) => void} onTick
   */
  constructor(onSort, onTag, onTick) {
    this.table = byId("run-table");
    this.body = /** @type {HTMLElement} */ (this.table.querySelector("tbody"));
    this.heads = /** @type {HTMLElement[]} */ ([...this.table.querySelectorAll("th[data-column]")]);
    /** @type {Run[]} */
    this.runs = [];
    /** @type {Set<string>} */
    this.ticked = new Set();
    /** @type {Map<string, {row: HTMLElement, said: string}>} */
    this.rows = new Map();
    this.shown = 0;
    this.table.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("button") : null;
      const { column } = button?.closest("th")?.dataset ?? {};
      if (column) onSort(column);
      else if (button) onTag(button.dataset.key ?? "", button.dataset.value ?? "");
    });
    this.body.addEventListener("change", ({ target }) => {
      if (target instanceof HTMLInputElement) onTick(target.value, target.checked);
    });
    this.observer = new IntersectionObserver((entries) => entries.at(-1)?.isIntersecting && this.addRows(), { rootMargin: "800px" });
    this.observer.observe(byId("more"));
  }

  /** @param {Run[]} runs  in the order of the rows
   * @param {Set<string>} ticked
   * @param {{column: string, descending: boolean}} order */
  show(runs, ticked, order) {
    this.ticked = ticked;
    for (const head of this.heads) {
      if (head.dataset.column === order.column) head.setAttribute("aria-sort", order.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    const same = runs.length === this.runs.length && runs.every((run, i) => run.identifier === this.runs[i].identifier);
    this.runs = runs;
    if (same) return this.update();
    this.shown = Math.min(runs.length, Math.max(ROWS_AT_ONCE, this.focusedPlace() + 1));
    const focused = document.activeElement;
    this.body.replaceChildren(...runs.slice(0, this.shown).map((run) => this.rowOf(run)));
    if (focused instanceof HTMLElement && this.body.contains(focused)) focused.focus();
    byId("none").hidden = runs.length > 0;
    this.lookAgain();
  }

  /** New figures in the rows that are there. */
  update() {
    for (const run of this.runs.slice(0, this.shown)) {
      const before = this.rows.get(run.identifier);
      const said = JSON.stringify(run);
      if (before && before.said !== said) {
        patchRow(before.row, this.makeRow(run));
        before.said = said;
      }
      this.rowOf(run);
    }
  }

  /** Whoever scrolls fast is at the end again before anybody has seen that it moved. */
  lookAgain() {
    this.observer.unobserve(byId("more"));
    this.observer.observe(byId("more"));
  }

  /** Where the row is that has the focus; -1 if none has. */
  focusedPlace() {
    const identifier = document.activeElement?.closest("tr")?.dataset.run;
    return identifier === undefined ? -1 : this.runs.findIndex((run) => run.identifier === identifier);
  }

  addRows() {
    const more = this.runs.slice(this.shown, this.shown + ROWS_AT_ONCE);
    this.shown += more.length;
    this.body.append(...more.map((run) => this.rowOf(run)));
    if (more.length) this.lookAgain();
  }

  /** The row of a run: the one that is there, unless it would say something else.
   * @param {Run} run */
  rowOf(run) {
    const said = JSON.stringify(run);
    const before = this.rows.get(run.identifier);
    const row = before?.said === said ? before.row : this.makeRow(run);
    if (row !== before?.row) this.rows.set(run.identifier, { row, said });
    const box = row.querySelector("input");
    if (box) box.checked = this.ticked.has(run.identifier);
    return row;
  }

  /** @param {Run} run */
  makeRow(run) {
    const box = element("input", { type: "checkbox", value: run.identifier, "aria-label": `Compare ${run.identifier}` });
    const link = element("a", { href: addressOf(run.identifier), title: run.identifier, "data-run": run.identifier }, run.identifier);
    const cells = this.heads.map((head) => {
      const { column = "", unit = "" } = head.dataset;
      if (column === "identifier") return element("th", { class: column, scope: "row" }, link);
      const cell = element("td", { class: column, "data-title": head.textContent?.trim() ?? "" }, ...contentOf(run, column, unit));
      if (unit !== "text" && unit !== "time") cell.classList.add("number");
      return cell;
    });
    return element("tr", { "data-run": run.identifier }, element("td", { class: "tick" }, box), ...cells);
  }
}

/**
 * @param {Run} run
 * @param {string} column
 * @param {string} unit
 * @returns {(Node | string)[]}
 */
function contentOf(run, column, unit) {
  if (column === "state") return [element("span", { class: "badge", "data-live": run.state, title: meaningOf(run.state) }, run.state)];
  if (column === "start") return [momentText(run.start)];
  if (column === "tags") return Object.entries(run.tags).map(([key, value]) => tagButton(key, value));
  const figure = run.figures[column];
  if (figure === undefined) return [];
  return [element("span", { title: estimateNote(figure, unit) }, estimateText(figure, unit))];
}

/** @param {number | null} moment */
function momentText(moment) {
  if (moment === null) return "";
  const offset = utcOffset(moment);
  return `${dateText(moment, offset)}, ${clockText(moment, offset)}`;
}

/** @param {string} key
 * @param {string} value */
function tagButton(key, value) {
  const title = `Only runs with ${key} ${value}`;
  const button = element("button", { type: "button", title }, `${key} ${value}`);
  button.dataset.key = key;
  button.dataset.value = value;
  return button;
}
