// The page of health: what the store holds, and what deliveries have done.

import { getHealth, getHealthSeries } from "../base/api.js";
import { currentTheme } from "../base/colors.js";
import { byId, element } from "../base/dom.js";
import { formatted } from "../base/format.js";
import { setState, timing } from "../base/page-state.js";
import { Poller } from "../base/poller.js";
import { clockText, dateText, utcOffset } from "../base/time.js";
import { Board } from "../charts/board.js";

const POLL_MS = 5_000;
const PIXELS_OF_BUCKET = 2;
const FEWEST_BUCKETS = 150;
const FIRST_TAGS = ["sink", "host"]; // of those that stand below the program

const opened = timing("open");
const poller = new Poller();
const SOON = -5; // seconds by which clocks may differ
const nothing = () => {};
const board = new Board(byId("panels"), { select: nothing, pan: nothing, zoom: nothing, reset: nothing });
const heads = /** @type {HTMLElement[]} */ ([...byId("deliveries").querySelectorAll("th[data-column]")]);
const body = /** @type {HTMLElement} */ (byId("deliveries").querySelector("tbody"));
let range = { from: 0, to: 1 };
/** @type {import("../base/types.js").Held | null} */
let held = null;

async function look() {
  const { store, deliveries, all } = await getHealth(poller.signal);
  byId("view").hidden = false;
  for (const card of /** @type {HTMLElement[]} */ ([...byId("store").querySelectorAll("[data-figure]")])) {
    const { figure = "", unit = "" } = card.dataset;
    const value = store[figure];
    const shown = card.querySelector("dd");
    if (shown) shown.textContent = unit === "time" ? momentText(value) : formatted(value, unit);
  }
  byId("no-deliveries").hidden = deliveries.length > 0;
  byId("deliveries").hidden = deliveries.length === 0;
  const others = all - deliveries.length;
  byId("more-deliveries").hidden = others === 0;
  byId("more-deliveries").textContent = `${others} more spoke before these.`;
  body.replaceChildren(...deliveries.map(rowOf));
  await draw(deliveries);
  setState("ready");
  opened();
}

/** @param {import("../base/api.js").Delivered[]} deliveries */
async function draw(deliveries) {
  const now = Date.now();
  range = { from: now - Number(byId("panels").dataset.hours) * 3_600_000, to: now };
  const buckets = Math.max(FEWEST_BUCKETS, Math.round(board.plotWidth() / PIXELS_OF_BUCKET));
  held = deliveries.length ? await getHealthSeries(range, buckets, poller.signal) : null;
  const other = held?.curves.filter(({ max }) => max.some((value) => value > 0)) ?? []; // than zero
  const there = new Set(other.map(({ key }) => key));
  const shown = heads.filter(({ dataset: { column = "" } }) => there.has(column));
  board.build("health", shown.map((head) => {
    const { column = "", unit = "" } = head.dataset;
    const title = head.textContent ?? "";
    return { id: column, title, unit, series: [{ key: column, label: "", description: "", scale: 1 }] };
  }));
  if (!held) return;
  board.setData(held);
  await board.draw(frame(), poller.signal);
}

/** @returns {import("../base/types.js").Frame} */
function frame() {
  return { range, marks: [], offset: utcOffset(range.from), theme: currentTheme(), latest: true };
}

/** @param {import("../base/api.js").Delivered} delivery */
function rowOf({ tags, time, counts, state }) {
  const { program = "–", ...others } = tags;
  const keys = [...new Set([...FIRST_TAGS, ...Object.keys(others)])].filter((key) => key in others);
  const more = keys.map((key) => `${key} ${others[key]}`).join(" · ");
  const cells = heads.map(({ dataset: { column = "", unit = "", loss } }) => {
    const value = counts[column];
    const cell = element("td", { class: "number" }, value === undefined ? "" : formatted(Number(value), unit));
    cell.classList.toggle("lost", loss !== undefined && Number(value) > 0);
    return cell;
  });
  return element(
    "tr", {},
    element(
      "th", { scope: "row" },
      element("span", { class: "name", title: program }, program),
      element("span", { class: "name muted", title: more }, more),
    ),
    element("td", {}, element("span", { class: "badge", "data-live": state }, state)),
    ...cells,
    element("td", { class: "number", title: momentText(time) }, agoText(time)),
  );
}

/** @param {number} moment */
function agoText(moment) {
  const seconds = Math.round((Date.now() - moment) / 1000);
  return seconds < SOON ? momentText(moment) : `${formatted(Math.max(0, seconds), "s")} ago`;
}

/** @param {number | null} moment */
function momentText(moment) {
  if (moment === null) return "–";
  const offset = utcOffset(moment);
  return `${dateText(moment, offset)}, ${clockText(moment, offset).slice(0, 5)}`;
}

const redraw = () => held && board.drawInSight(frame());
document.addEventListener("themechange", redraw);
new ResizeObserver(redraw).observe(byId("panels"));
poller.run(look, look, POLL_MS);
