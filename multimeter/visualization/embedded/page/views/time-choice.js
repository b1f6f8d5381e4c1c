// Which time is shown: the last so many seconds, which moves, or from here to there.

import { byId, element } from "../base/dom.js";
import { formatted } from "../base/format.js";
import { asLocal, utcOffset } from "../base/time.js";

/** @typedef {{last: number} | import("../base/types.js").Range} Choice  `last` in seconds */

/** The range that a choice means at a moment.
 * @param {Choice} choice
 * @param {number} now
 * @returns {import("../base/types.js").Range}
 */
export function rangeOf(choice, now) {
  return "last" in choice ? { from: now - choice.last * 1e3, to: now } : choice;
}

export class TimeChooser {
  /** @param {(choice: Choice) => void} onChoose */
  constructor(onChoose) {
    this.select = /** @type {HTMLSelectElement} */ (byId("range"));
    this.from = /** @type {HTMLInputElement} */ (byId("from"));
    this.to = /** @type {HTMLInputElement} */ (byId("to"));
    this.select.addEventListener("change", () => {
      if (this.select.value) onChoose({ last: Number(this.select.value) });
      else byId("between").hidden = false;
      if (!this.select.value) this.from.focus();
    });
    for (const input of [this.from, this.to]) {
      input.addEventListener("change", () => {
        const [from, to] = [momentIn(this.from), momentIn(this.to)];
        const valid = from < to;
        for (const each of [this.from, this.to]) each.setAttribute("aria-invalid", String(!valid));
        if (valid) onChoose({ from, to });
      });
    }
  }

  /** The ranges that can be chosen, in seconds. */
  lengths() {
    return [...this.select.options].map(({ value }) => Number(value)).filter(Boolean);
  }

  /** One more to choose from, as an address asks for it. @param {number} length  seconds */
  offer(length) {
    this.select.prepend(element("option", { value: String(length) }, `Last ${formatted(length, "s")}`));
  }

  /** @param {Choice} choice
   * @param {number} now */
  show(choice, now) {
    if ("last" in choice && !this.lengths().includes(choice.last)) this.offer(choice.last);
    const value = "last" in choice ? String(choice.last) : "";
    this.select.value = value;
    byId("between").hidden = value !== "";
    const { from, to } = rangeOf(choice, now);
    for (const [input, moment] of /** @type {const} */ ([[this.from, from], [this.to, to]])) {
      if (document.activeElement !== input) input.value = localText(moment);
      input.setAttribute("aria-invalid", "false");
    }
  }
}

/** @param {HTMLInputElement} input  of local time */
function momentIn(input) {
  return new Date(input.value).getTime();
}

/** @param {number} moment */
function localText(moment) {
  return new Date(asLocal(moment, utcOffset(moment))).toISOString().slice(0, 19);
}
