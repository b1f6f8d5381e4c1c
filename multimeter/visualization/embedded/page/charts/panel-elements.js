// The elements of a panel: heading, chart, legend and menu.

import { element, setText, svgElement } from "../base/dom.js";
import { unitInTitle } from "../base/format.js";

/**
 * @param {import("../base/types.js").PanelDefinition} definition
 * @param {HTMLElement} legend
 * @param {HTMLElement} menu
 */
export function panelElements({ id, title, unit, description, series }, legend, menu) {
  const heading = element("h2");
  const unitText = element("span", { class: "unit" });
  setText(heading, title);
  if (description) heading.title = description;
  else if (series.length === 1) heading.title = series[0].description;
  setText(unitText, unitInTitle(unit));
  const chart = /** @type {HTMLCanvasElement} */ (element("canvas", { class: "chart", "aria-hidden": "true" }));
  const marks = element("div", { class: "marks" });
  const selection = element("div", { class: "selection", hidden: "" });
  const cursor = svgElement("svg", { class: "cursor", "aria-hidden": "true" });
  const quiet = element("p", { class: "quiet", hidden: "" });
  const readout = element("div", { class: "readout", hidden: "" });
  const plot = element("div", { class: "plot", role: "img" }, chart, marks, selection, cursor, quiet, readout);
  const root = element(
    "section",
    { class: "panel", "data-panel": id, "data-state": "loading", "data-marks": "0" },
    element("header", {}, heading, unitText, menu), plot, legend,
  );
  return { root, plot, chart, marks, selection, cursor, quiet, readout };
}

// The menu of a panel: its picture, its values, and hiding it.

/** @typedef {[string, () => void]} Item */

/**
 * @param {string} title  of the panel
 * @param {Item[]} items
 */
export function panelMenu(title, items) {
  const summary = element("summary", { "aria-label": `${title}: save or hide`, title: "Save or hide" });
  summary.append(element("span", { "aria-hidden": "true" }, "⋯"));
  const list = element("div", { class: "items" });
  const menu = /** @type {HTMLDetailsElement} */ (element("details", { class: "menu" }, summary, list));
  for (const [words, act] of items) {
    const button = element("button", { type: "button" }, words);
    button.addEventListener("click", () => {
      menu.open = false;
      summary.focus();
      act();
    });
    list.append(button);
  }
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    summary.focus();
    event.preventDefault();
  });
  menu.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget instanceof Node && !menu.contains(relatedTarget)) menu.open = false;
  });
  document.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Node && !menu.contains(target)) menu.open = false;
  });
  return menu;
}
