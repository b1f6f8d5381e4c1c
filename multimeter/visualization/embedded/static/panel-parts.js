// The elements that make up a panel.

import { element, setText, svgElement } from "./dom.js";
import { unitInTitle } from "./format.js";

/**
 * @param {import("./types.js").PanelDefinition} definition
 * @param {HTMLElement} legend
 * @param {HTMLElement} menu
 */
export function partsOf({ id, title, unit, description, series }, legend, menu) {
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
