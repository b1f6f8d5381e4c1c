// The legend of a panel: one button for each line, with its value at some moment.

import { element, setText } from "../base/dom.js";

export class Legend {
  /**
   * @param {(id: string) => void} onToggle  a click: this line on or off
   * @param {(id: string) => void} onOnly    a double click: only this line, or all
   */
  constructor(onToggle, onOnly) {
    this.root = element("ul", { class: "legend" });
    /** @type {Map<string, {button: HTMLElement, swatch: HTMLElement, value: HTMLElement}>} */
    this.entries = new Map();
    this.onToggle = onToggle;
    this.onOnly = onOnly;
  }

  /**
   * @param {import("../base/types.js").Line[]} lines
   * @param {Map<string, import("../base/colors.js").Color>} colors
   * @param {(line: import("../base/types.js").Line) => boolean} isShown
   */
  show(lines, colors, isShown) {
    const ids = lines.map((line) => line.id);
    if (JSON.stringify(ids) !== JSON.stringify([...this.entries.keys()])) this.build(lines);
    for (const line of lines) {
      const entry = this.entries.get(line.id);
      if (!entry) continue;
      entry.swatch.style.backgroundColor = colors.get(line.id)?.line ?? "";
      entry.button.setAttribute("aria-pressed", String(isShown(line)));
    }
  }

  /** @param {import("../base/types.js").Line[]} lines */
  build(lines) {
    this.entries.clear();
    this.root.replaceChildren(...lines.map((line) => this.entryOf(line)));
  }

  /** @param {import("../base/types.js").Line} line */
  entryOf(line) {
    const swatch = element("i", { class: "swatch" });
    const value = element("span", { class: "value" });
    const label = element("span", { class: "label" }, line.label);
    const button = element("button", { type: "button", "data-series": line.series.key }, swatch, label, value);
    const description = line.series.description;
    button.title = description ? `${line.label}: ${description}` : line.label;
    button.addEventListener("click", () => this.onToggle(line.id));
    button.addEventListener("dblclick", () => this.onOnly(line.id));
    this.entries.set(line.id, { button, swatch, value });
    return element("li", {}, button);
  }

  /** Say values behind the labels; a line that is not in the map says none.
   * @param {Map<string, string>} values  by the id of the line
   */
  say(values) {
    for (const [id, { value }] of this.entries) setText(value, values.get(id) ?? "");
  }
}
