// The page of logged values: codenames to choose from, a time, and their curves.

import { readLogPlace, replaceLogPlace } from "../base/address.js";
import { getCodenames } from "../base/api.js";
import { byId } from "../base/dom.js";
import { showMessage, timing, wireCopy } from "../base/page-state.js";
import { Poller } from "../base/poller.js";
import { CodenameList } from "../views/codename-list.js";
import { wireDrawer } from "../views/drawer.js";
import { LogView } from "../views/log-view.js";
import { rangeOf, TimeChooser } from "../views/time-choice.js";
import { wireToolbar } from "../views/toolbar.js";

const POLL_MS = 2_000;
const LIST_MS = 10_000;
const STEPS = 300; // a range that moves is fetched again after this part of it
const SLOWEST_MS = 30_000;
const FIRST_CHOICE = 4; // codenames, where nobody has chosen any

const opened = timing("open");
const place = readLogPlace();
const poller = new Poller();
const list = new CodenameList(() => poller.attempt(show));
const chooser = new TimeChooser(choose);
const view = new LogView({ choose, reset: () => choose({ last: moving }), fail: (error) => poller.fail(error) });
const logAxis = /** @type {HTMLInputElement} */ (byId("log-axis"));
const apart = /** @type {HTMLInputElement} */ (byId("apart"));
let moving = Number(byId("panels").dataset.firstRange); // the last range that moved, in s
let time = place.time;
let listed = 0; // when the codenames were fetched
let fetched = 0; // when their values were

async function start() {
  await fetchList();
  if (!list.all.length) {
    showMessage("empty", "Nothing is logged yet", "Log values with a few lines of Python. They show here by themselves.");
    return;
  }
  byId("view").hidden = false;
  byId("message").hidden = true;
  if (!list.chosen.length) list.chosen = firstChoice();
  list.tick();
  await show();
  opened();
}

async function fetchList() {
  list.show(await getCodenames(poller.signal));
  listed = Date.now();
}

/** What the address says, else what was written last. */
function firstChoice() {
  if (place.codenames.length) return place.codenames;
  return [...list.all].sort((a, b) => b.end - a.end).slice(0, FIRST_CHOICE).map(({ codename }) => codename);
}

/** The shortest time that moves in which there is something, else around the last value. */
function firstTime() {
  const newest = Math.max(...list.all.map(({ end }) => end));
  const age = (Date.now() - newest) / 1e3;
  const last = [moving, ...chooser.lengths()].find((length) => length > age);
  return last ? { last } : { from: newest - moving * 1e3, to: newest + 1e3 };
}

async function show() {
  time ??= firstTime();
  if ("last" in time) moving = time.last;
  const how = { log: logAxis.checked, apart: apart.checked };
  const chosen = list.chosen.flatMap((name) => list.all.filter(({ codename }) => codename === name));
  replaceLogPlace({ codenames: list.chosen, time, ...how });
  chooser.show(time, Date.now());
  byId("live").hidden = !("last" in time);
  fetched = Date.now();
  const shown = view.show(chosen, time, how);
  list.paint(view.colors());
  await shown;
}

/** @param {import("../views/time-choice.js").Choice} choice */
function choose(choice) {
  time = choice;
  poller.attempt(show);
}

/** Look what is new. */
async function look() {
  const now = Date.now();
  if (!list.all.length) return start();
  if (now - listed >= LIST_MS) await fetchList();
  if (!time || !("last" in time) || document.body.dataset.state !== "ready") return;
  const { from, to } = rangeOf(time, now);
  if (now - fetched < Math.min(SLOWEST_MS, Math.max(POLL_MS, (to - from) / STEPS)) - 100) return;
  fetched = now;
  await view.fetch();
}

logAxis.checked = place.log;
apart.checked = place.apart;
for (const box of [logAxis, apart]) box.addEventListener("change", () => poller.attempt(show));
wireDrawer();
wireCopy();
wireToolbar({
  pan: (part) => view.pan(part),
  zoom: (factor) => view.zoom(factor),
  reset: () => choose({ last: moving }),
});
document.addEventListener("themechange", () => {
  list.paint(view.colors());
  view.redraw();
});
poller.run(start, look, POLL_MS);
