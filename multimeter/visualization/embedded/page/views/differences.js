// The tables of a comparison: what each run has, and how far that is from the first one.

import { byId, element } from "../base/dom.js";
import { estimateText, formatted } from "../base/format.js";

/** @typedef {import("../base/types.js").ComparedRun} Compared */
/** @typedef {{title: string, unit: string, values: (number | undefined)[], texts?: string[]}} Row */

/** @param {Compared[]} runs
 * @param {string[]} colors */
export function showDifferences(runs, colors) {
  const figures = [...new Map(runs.flatMap(({ run }) => run.figures.map((figure) => [figure.id, figure]))).values()];
  const table = byId("differences");
  fill(table, runs, colors, figures.map(({ id, title, unit }) => {
    const found = runs.map(({ run }) => run.figures.find((figure) => figure.id === id));
    return { title, unit, values: found.map((each) => each?.value ?? undefined), texts: found.map((each) => estimateText(each, unit)) };
  }));
  const all = element("table", {}, element("thead", {}, element("tr")), element("tbody"));
  fill(all, runs, colors, rowsOf(runs));
  const frame = element("div", { class: "table-frame", tabindex: "0", role: "region", "aria-label": "All measures" }, all);
  const details = byId("all-measures");
  details.replaceChildren(/** @type {Node} */ (details.querySelector("summary")), frame);
}

/** A row for each statistic of each measure that any run has.
 * @param {Compared[]} runs
 * @returns {Row[]} */
function rowsOf(runs) {
  const keys = [...new Set(runs.flatMap(({ measures }) => measures.map(({ key }) => key)))];
  return keys.flatMap((key) => {
    const found = runs.map(({ measures }) => measures.find((measure) => measure.key === key));
    const one = found.find((each) => each !== undefined);
    if (!one || found.every((each) => !each || (each.max === 0 && each.min === 0))) return [];
    const row = (/** @type {string} */ name, /** @type {string} */ unit, /** @type {"max" | "mean" | "total"} */ what) => ({
      title: `${one.title} · ${one.label}: ${name}`, unit, values: found.map((each) => each?.[what] ?? undefined),
    });
    const rows = [row("peak", one.unit, "max"), row("mean", one.unit, "mean")];
    return one.total_unit ? [...rows, row("total", one.total_unit, "total")] : rows;
  });
}

/** @param {HTMLElement} table
 * @param {Compared[]} runs
 * @param {string[]} colors
 * @param {Row[]} rows */
function fill(table, runs, colors, rows) {
  const heads = runs.map(({ run }, i) => {
    const swatch = element("i", { class: "swatch" });
    swatch.style.backgroundColor = colors[i];
    return element("th", { scope: "col", class: "number", title: run.identifier }, swatch, element("span", { class: "name" }, run.identifier));
  });
  table.querySelector("thead tr")?.replaceChildren(element("td"), ...heads);
  table.querySelector("tbody")?.replaceChildren(...rows.map(({ title, unit, values, texts }) => {
    const cells = values.map((value, i) => {
      const change = i ? changeText(values[0], value) : "";
      const cell = element("td", { class: "number" }, texts ? texts[i] : formatted(value, unit));
      if (change) cell.append(" ", element("span", { class: "change", "data-sign": change[0] }, change));
      return cell;
    });
    return element("tr", {}, element("th", { scope: "row", title }, title), ...cells);
  }));
}

/** How far a value is from the one of the first run.
 * @param {number | undefined} first
 * @param {number | undefined} value */
export function changeText(first, value) {
  if (first === undefined || value === undefined || first === 0) return "";
  const part = (value - first) / Math.abs(first);
  if (Math.abs(part) < 0.0005) return "=";
  const size = Math.abs(part) >= 9.995 ? `×${formatted(value / first, "none")}` : `${(Math.abs(part) * 100).toFixed(Math.abs(part) < 0.0995 ? 1 : 0)} %`;
  return `${part > 0 ? "+" : "−"}${size}`;
}
