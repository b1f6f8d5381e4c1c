// The time range in words, and the buttons and keys that change it.

import { byId } from "../base/dom.js";
import { rangeText } from "../base/time.js";

const STEP = 0.25; // of the range, to pan
const CLOSER = 0.5;

/**
 * @typedef {object} RangeActions
 * @property {(part: number) => void} pan
 * @property {(factor: number) => void} zoom
 * @property {() => void} reset
 */

/** @type {[string, string[], (actions: RangeActions) => void][]} */
const BUTTONS = [
  ["earlier", ["ArrowLeft"], (actions) => actions.pan(-STEP)],
  ["later", ["ArrowRight"], (actions) => actions.pan(STEP)],
  ["zoom-in", ["+", "="], (actions) => actions.zoom(CLOSER)],
  ["zoom-out", ["-"], (actions) => actions.zoom(1 / CLOSER)],
  ["full-range", ["0"], (actions) => actions.reset()],
];

/** @param {RangeActions} actions */
export function wireToolbar(actions) {
  for (const [id, , act] of BUTTONS) document.getElementById(id)?.addEventListener("click", () => act(actions));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || writesText(event.target)) return;
    if (byId("toolbar").offsetParent === null) return; // nothing is shown
    const found = BUTTONS.find(([, keys]) => keys.includes(event.key));
    if (!found) return;
    event.preventDefault();
    found[2](actions);
  });
}

/** @param {import("../base/types.js").Range | null} range
 * @param {boolean} whole  whether it is all of the run
 * @param {number} offset  minutes to add to UTC */
export function showRange(range, whole, offset) {
  byId("toolbar").hidden = !range;
  if (!range) return;
  byId("when").textContent = rangeText(range, offset);
  for (const [id] of BUTTONS) document.getElementById(id)?.setAttribute("aria-disabled", String(whole && id !== "zoom-in"));
  const main = byId("main");
  main.dataset.from = String(Math.floor(range.from));
  main.dataset.to = String(Math.ceil(range.to));
}

/** @param {EventTarget | null} target */
function writesText(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement || (target instanceof HTMLElement && target.isContentEditable);
}
