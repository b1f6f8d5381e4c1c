// The table of what a run did between its marks.

import { byId, element, patchRows } from "./dom.js";
import { formatted } from "./format.js";

/** @typedef {{label: string, start: number, stop: number, [figure: string]: any}} Span  times in ns */

/** @type {Span[]} those in the table: the last one of a run that goes on grows */
let shown = [];

/** @param {Span[]} spans
 * @param {number} start  of the run, ns
 * @param {(range: import("./types.js").Range) => void} onPick */
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
