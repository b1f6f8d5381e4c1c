// The list of runs to pick from: by day, newest first, searched while typing.

import { addressOf } from "../base/address.js";
import { byId, element } from "../base/dom.js";
import { estimateText, formatted } from "../base/format.js";
import { clockText, dateText, utcOffset } from "../base/time.js";
import { matching } from "./run-filter.js";
import { meaningOf } from "./run-header.js";

const MOST_SHOWN = 600; // more are found by searching

export class RunList {
  /** @param {(identifier: string) => void} onPick */
  constructor(onPick) {
    this.onPick = onPick;
    this.list = byId("run-list");
    this.search = /** @type {HTMLInputElement} */ (byId("search"));
    /** @type {import("../base/types.js").ListedRun[]} */
    this.runs = [];
    this.selected = "";
    this.shown = "";
    this.search.addEventListener("input", () => this.draw());
    this.search.addEventListener("keydown", (event) => this.searchKey(event));
    this.list.addEventListener("keydown", (event) => this.listKey(event));
    this.list.addEventListener("click", (event) => this.click(event));
    document.addEventListener("keydown", (event) => this.globalKey(event));
  }

  /** @param {import("../base/types.js").ListedRun[]} runs  newest first */
  show(runs) {
    this.runs = runs;
    this.draw();
  }

  /** @param {string} identifier */
  select(identifier) {
    this.selected = identifier;
    for (const item of this.items()) markSelected(item, identifier);
    this.items().find((item) => item.dataset.run === identifier)?.scrollIntoView({ block: "nearest" });
  }

  items() {
    return /** @type {HTMLElement[]} */ ([...this.list.querySelectorAll("a[data-run]")]);
  }

  draw() {
    const found = matching(this.runs, this.search.value, "");
    const wanted = JSON.stringify(found);
    if (wanted === this.shown) return;
    this.shown = wanted;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.run : undefined;
    this.list.replaceChildren(...byDay(found.slice(0, MOST_SHOWN)), ...moreNote(found.length));
    for (const item of this.items()) markSelected(item, this.selected);
    if (focused !== undefined) this.items().find((item) => item.dataset.run === focused)?.focus();
    byId("run-count").textContent = countText(found.length, this.runs.length);
  }

  /** @param {MouseEvent} event */
  click(event) {
    const item = event.target instanceof Element ? event.target.closest("a") : null;
    // With a modifier the browser opens the link elsewhere.
    if (!item || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.onPick(item.dataset.run ?? "");
  }

  /** @param {KeyboardEvent} event */
  searchKey(event) {
    const first = this.items()[0];
    if (event.key === "ArrowDown") first?.focus();
    else if (event.key === "Enter") first?.click();
    else if (event.key === "Escape" && this.search.value) {
      this.search.value = "";
      this.draw();
    } else return;
    event.preventDefault();
  }

  /** @param {KeyboardEvent} event */
  listKey(event) {
    const items = this.items();
    const i = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    /** @type {Record<string, HTMLElement | undefined>} */
    const targets = {
      ArrowDown: items[i + 1],
      ArrowUp: i <= 0 ? this.search : items[i - 1],
      Home: items[0],
      End: items[items.length - 1],
    };
    if (!(event.key in targets)) return;
    event.preventDefault();
    targets[event.key]?.focus();
  }

  /** @param {KeyboardEvent} event */
  globalKey(event) {
    if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
    event.preventDefault();
    this.search.focus();
  }
}

/** Runs under the day of their last point, which is their order.
 * @param {import("../base/types.js").ListedRun[]} runs
 * @returns {HTMLElement[]}
 */
function byDay(runs) {
  /** @type {HTMLElement[]} */
  const elements = [];
  /** @type {HTMLElement | undefined} */
  let rows;
  let current = "";
  for (const run of runs) {
    const day = dayOf(run);
    if (!rows || day !== current) {
      rows = element("ul");
      elements.push(element("section", { class: "day" }, element("h2", {}, day), rows));
      current = day;
    }
    rows.append(element("li", {}, rowOf(run)));
  }
  return elements;
}

/** @param {import("../base/types.js").Run} run */
function dayOf({ end }) {
  if (end === null) return "No points yet";
  const day = localDate(end);
  const now = Date.now();
  if (day === localDate(now)) return "Today";
  return day === localDate(now - 86_400_000) ? "Yesterday" : day;
}

/** @param {number} moment */
function localDate(moment) {
  return dateText(moment, utcOffset(moment));
}

/** @param {import("../base/types.js").ListedRun} run */
function rowOf(run) {
  const name = element("span", { class: "name" }, run.identifier);
  const row = element("a", { class: "run", href: addressOf(run.identifier), "data-run": run.identifier, title: run.identifier }, name);
  if (run.state !== "ended") {
    row.append(element("span", { class: "badge", "data-live": run.state, title: meaningOf(run.state) }, run.state));
  }
  row.append(element("span", { class: "facts" }, factsOf(run)));
  const tags = Object.entries(run.tags).map(([key, value]) => `${key} ${value}`).join(" · ");
  if (tags) row.append(element("span", { class: "tags", title: tags }, tags));
  return row;
}

/** @param {import("../base/types.js").ListedRun} run */
function factsOf({ start, end, points, figures }) {
  const count = `${formatted(points, "short")} ${points === 1 ? "point" : "points"}`;
  if (start === null || end === null) return count;
  const time = clockText(start, utcOffset(start)).slice(0, 5);
  const day = localDate(start) === localDate(end) ? "" : `${localDate(start)}, `;
  return `${day}${time} · ${estimateText(figures.duration, "s")} · ${count}`;
}

/** @param {number} found */
function moreNote(found) {
  if (found <= MOST_SHOWN) return [];
  return [element("p", { class: "more" }, `and ${found - MOST_SHOWN} older ones: search to find them`)];
}

/**
 * @param {number} found
 * @param {number} all
 */
function countText(found, all) {
  const text = `${all.toLocaleString("en")} ${all === 1 ? "run" : "runs"}`;
  return found === all ? text : `${found.toLocaleString("en")} of ${text}`;
}

/**
 * @param {HTMLElement} item
 * @param {string} identifier
 */
function markSelected(item, identifier) {
  if (item.dataset.run === identifier) item.setAttribute("aria-current", "page");
  else item.removeAttribute("aria-current");
}
