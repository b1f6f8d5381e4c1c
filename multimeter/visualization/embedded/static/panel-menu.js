// The menu of a panel: its picture, its values, and hiding it.

import { element } from "./dom.js";

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
