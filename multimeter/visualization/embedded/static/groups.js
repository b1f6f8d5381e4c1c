// Groups of panels, each under a heading that folds them away.

import { element } from "./dom.js";

/** Whether a panel can be folded away; a dashboard of one's own is there to be seen.
 * @param {{id: string, group?: string}} definition */
export function folds({ id, group }) {
  return Boolean(group) && !id.startsWith("own:");
}

/** The groups in the order of their first panels; those without one are left out.
 * @param {import("./panel.js").Panel[]} panels
 * @param {import("./board.js").Fold} [onFold]
 * @returns {Map<string, HTMLDetailsElement>} by title
 */
export function groupsOf(panels, onFold) {
  const folding = panels.filter(({ definition }) => folds(definition));
  const titles = new Set(folding.map(({ definition }) => definition.group ?? ""));
  return new Map([...titles].map((title) => {
    const inside = folding.filter(({ definition }) => definition.group === title);
    const count = `${inside.length} ${inside.length === 1 ? "panel" : "panels"}`;
    const details = /** @type {HTMLDetailsElement} */ (element(
      "details", { class: "group", "data-group": title },
      element("summary", {}, element("h2", {}, title), element("span", { class: "count" }, count)),
      element("div", { class: "panels" }, ...inside.map((panel) => panel.root)),
    ));
    details.addEventListener("toggle", () => onFold?.(title, details.open));
    return [title, details];
  }));
}
