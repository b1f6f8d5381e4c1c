// The page of a comparison: two to eight runs, aligned on their starts or on a mark.

import { addressOf, readComparePlace, replaceComparePlace } from "../base/address.js";
import { byId, element } from "../base/dom.js";
import { showMessage, timing } from "../base/page-state.js";
import { Poller } from "../base/poller.js";
import { CompareView } from "../views/compare-view.js";
import { showDifferences } from "../views/differences.js";
import { wireToolbar } from "../views/toolbar.js";

const POLL_MS = 2_000;
const FEWEST = 2;
const MOST = 8;

const opened = timing("open");
const place = readComparePlace();
const poller = new Poller();
const align = /** @type {HTMLSelectElement} */ (byId("align"));
const view = new CompareView(remember, (error) => poller.fail(error, () => show()));

async function start() {
  if (place.runs.length < FEWEST || place.runs.length > MOST) {
    showMessage("error", "Two to eight runs can be compared", "Tick them in the table of runs.");
    return;
  }
  await view.load(place.runs, poller.signal);
  byId("view").hidden = false;
  align.append(...view.labels().map((label) => element("option", { value: label }, `mark “${label}”`)));
  align.value = place.align;
  if (align.selectedIndex < 0) align.value = "";
  view.range = place.range;
  document.title = `${place.runs.length} runs compared · Multimeter`;
  await show();
  opened();
}

async function show() {
  showHead();
  await view.show(align.value);
}

function showHead() {
  const colors = view.colors();
  byId("compared").replaceChildren(...view.runs.map(({ run }, i) => {
    const swatch = element("i", { class: "swatch" });
    swatch.style.backgroundColor = colors[i];
    return element("li", {}, element("a", { href: addressOf(run.identifier), "data-run": run.identifier, title: run.identifier }, swatch, element("span", { class: "name" }, run.identifier)));
  }));
  showDifferences(view.runs, colors);
}

function remember() {
  replaceComparePlace({ runs: place.runs, align: view.align, range: view.range });
}

/** Look what is new while one of the runs goes on. */
async function look() {
  if (!view.runs.some(({ run }) => run.state === "live") || document.body.dataset.state !== "ready") return;
  const before = view.runs.map(({ run }) => run.points).join();
  await view.load(place.runs, poller.signal);
  if (view.runs.map(({ run }) => run.points).join() !== before) await show();
}

/** @type {import("../base/poller.js").Poller["refused"]} */
poller.refused = (error, action) => {
  if (error.status !== 404 || action === look) return false;
  byId("view").hidden = true;
  showMessage("error", "One of these runs is not there", error.message);
  return true;
};
align.addEventListener("change", () => {
  view.range = null;
  poller.attempt(show);
});
wireToolbar({
  pan: (part) => view.pan(part),
  zoom: (factor) => view.zoom(factor),
  reset: () => view.setRange(null),
});
document.addEventListener("themechange", () => {
  showHead();
  view.redraw();
});
poller.run(start, look, POLL_MS);
