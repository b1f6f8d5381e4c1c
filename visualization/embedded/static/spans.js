// The table of what a run did between its marks.

import { byId, element } from "./dom.js";
import { formatted } from "./format.js";

/** @typedef {{label: string, start: number, stop: number, [figure: string]: any}} Span  times in ns */

/** @param {Span[]} spans
 * @param {number} start  of the run, ns
 * @param {(range: import("./types.js").Range) => void} onPick */
export function showSpans(spans, start, onPick) {
  const frame = byId("spans");
  frame.hidden = spans.length === 0;
  const heads = /** @type {HTMLElement[]} */ ([...frame.querySelectorAll("th[data-column]")]);
  const body = /** @type {HTMLElement} */ (frame.querySelector("tbody"));
  body.replaceChildren(...spans.map((span) => {
    /** @type {Record<string, any>} */
    const values = { ...span, start: (span.start - start) / 1e9, duration: (span.stop - span.start) / 1e9 };
    const cells = heads.map(({ dataset: { column = "", unit = "" } }) => {
      if (column !== "label") return element("td", { class: "number" }, formatted(values[column], unit));
      const button = element("button", { type: "button", class: "link", title: "Show this span" }, span.label || "(start)");
      button.addEventListener("click", () => onPick({ from: span.start / 1e6, to: span.stop / 1e6 }));
      return element("th", { scope: "row" }, button);
    });
    return element("tr", {}, ...cells);
  }));
}
