// On paper: light colours, one column as wide as a page.

import { byId } from "./dom.js";

const PAPER_WIDTH = "680px";

/** @param {import("./run-view.js").RunView} view */
export function wirePrinting(view) {
  const root = document.documentElement;
  const panels = byId("panels");
  /** @type {string | undefined} */
  let theme;
  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    panels.classList.add("printed");
    panels.style.width = PAPER_WIDTH;
    view.redraw({ everything: true });
  });
  addEventListener("afterprint", () => {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    panels.classList.remove("printed");
    panels.style.width = "";
    view.redraw({ everything: true });
  });
}
