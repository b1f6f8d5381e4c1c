// The page of one run, and the list to pick another one from.

import { pushAddress, readAddress } from "../base/address.js";
import { ApiError, getRun, getRuns } from "../base/api.js";
import { byId } from "../base/dom.js";
import { showMessage } from "../base/page-state.js";
import { Poller } from "../base/poller.js";
import { closeDrawer, wireDrawer } from "../views/drawer.js";
import { RunList } from "../views/run-list.js";
import { RunView } from "../views/run-view.js";
import { wireToolbar } from "../views/toolbar.js";

const POLL_MS = 2_000;
const SLOW_POLL_MS = 10_000; // the list, and a run that is silent

const poller = new Poller();
const view = new RunView((error) => poller.fail(error, () => view.complete()));
const list = new RunList(pick);
let listed = 0; // when the list was fetched
let looked = 0; // when the run was asked for what is new
let waiting = false; // the run of the address is not there yet

/** Fetch the list; show what the address says. */
async function start() {
  await Promise.all([fetchList(), showPlace()]);
  list.select(readAddress().run);
}

async function fetchList() {
  list.show(await getRuns(poller.signal));
  listed = Date.now();
}

async function showPlace() {
  const { run, range, hidden, unfolded } = readAddress();
  waiting = false;
  list.select(run);
  view.hidden = new Set(hidden);
  view.unfolded = new Set(unfolded);
  await view.open(run, range);
}

/** @param {string} identifier */
function pick(identifier) {
  if (closeDrawer()) byId("main").focus({ preventScroll: true });
  pushAddress(identifier, view);
  scrollTo({ top: 0 });
  poller.attempt(showPlace);
}

/** Look what is new. */
async function look() {
  if (waiting && !(await hasCome(readAddress().run))) return;
  if (waiting) return start();
  const now = Date.now();
  const live = view.run?.state === "live";
  if (now - listed >= SLOW_POLL_MS) await fetchList();
  if (!live && now - looked < SLOW_POLL_MS) return;
  looked = now;
  await view.refresh();
}

/** Tells whether a run is there. @param {string} run */
async function hasCome(run) {
  try {
    await getRun(run, poller.signal);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}

// A link may be older than its run: wait for it.
/** @type {import("../base/poller.js").Poller["refused"]} */
poller.refused = (error, action) => {
  if (error.status !== 404 || action === look) return false;
  view.close();
  waiting = true;
  const { run } = readAddress();
  showMessage("empty", `Waiting for the first point of ${run}…`, "It shows here by itself. If the run was removed, or has another name, pick another one from the list.");
  return true;
};
wireDrawer();
wireToolbar({
  pan: (part) => view.pan(part),
  zoom: (factor) => view.zoom(factor),
  reset: () => view.setRange(null),
});
wirePrinting(view);
addEventListener("popstate", () => poller.attempt(showPlace));
document.addEventListener("themechange", () => view.redraw());
poller.run(start, look, POLL_MS);

// On paper: light colours, one column as wide as a page.

const PAPER_WIDTH = "680px";

/** @param {import("../views/run-view.js").RunView} view */
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
