// The page: a list of runs, and the one that was picked.

import { pushAddress, readAddress, replaceAddress } from "./address.js";
import { ApiError, getRuns } from "./api.js";
import { byId } from "./dom.js";
import { closeDrawer, wireDrawer } from "./drawer.js";
import { repeat } from "./live.js";
import { wirePrinting } from "./print.js";
import { livenessOf } from "./run-state.js";
import { RunList } from "./runs.js";
import { RunView } from "./run-view.js";
import { setState, showMessage, showNotice, wireCopy } from "./screen.js";
import { wireToolbar } from "./toolbar.js";

const POLL_MS = 2_000;
const SLOW_POLL_MS = 10_000; // the list, and a run that is silent

const view = new RunView((error) => failed(error, () => view.complete()));
const list = new RunList(pick);
let listed = 0; // when the list was fetched
let looked = 0; // when the run was asked for what is new
let ended = false; // the session
/** @type {(() => Promise<void>) | null} what has failed, to be tried again */
let pending = null;

/** Fetch the list; show what the address says. */
async function start() {
  await fetchList();
  if (list.runs.length) await showPlace();
  else showEmpty();
}

async function fetchList() {
  list.show(await getRuns(new AbortController().signal));
  listed = Date.now();
}

async function showPlace() {
  const place = readAddress();
  const newest = list.runs.find((run) => run.points > 0) ?? list.runs[0];
  const identifier = place.run ?? newest.identifier;
  if (place.run === null) replaceAddress(identifier, null);
  list.select(identifier);
  await view.open(identifier, place.run === null ? null : place.range);
}

function showEmpty() {
  view.close();
  showMessage("empty", "No runs yet", "Send one with three lines of Python. It shows here by itself.");
}

/** @param {string} identifier */
function pick(identifier) {
  if (closeDrawer()) byId("main").focus({ preventScroll: true });
  pushAddress(identifier);
  scrollTo({ top: 0 });
  attempt(showPlace);
}

/** Do something; when it fails, say so, and try again later where that may help.
 * @param {() => Promise<void>} action
 */
async function attempt(action) {
  try {
    await action();
    pending = null;
    showNotice(null);
  } catch (error) {
    failed(error, action);
  }
}

/** Look what is new. Tells whether the server answered.
 * @returns {Promise<boolean>}
 */
async function poll() {
  if (ended) return true;
  if (pending) await attempt(pending);
  else if (document.body.dataset.state === "empty") await attempt(start);
  else await attempt(look);
  return byId("notice").textContent === "";
}

async function look() {
  const now = Date.now();
  const live = view.run !== null && livenessOf(view.run) === "live";
  if (now - listed >= SLOW_POLL_MS) await fetchList();
  if (!live && now - looked < SLOW_POLL_MS) return;
  looked = now;
  await view.refresh();
}

/** Say what went wrong.
 * @param {unknown} error
 * @param {() => Promise<void>} action  what was tried
 */
function failed(error, action) {
  // An answer for which nobody waits any more.
  if (error instanceof DOMException && error.name === "AbortError") return;
  if (!(error instanceof ApiError)) {
    showMessage("error", "This page has a fault", String(error));
    throw error;
  }
  pending = null;
  if (error.status === 401) {
    ended = true;
    view.close();
    showMessage("error", "Your session has ended", "To go on, run “multimeter-visu open” in a terminal.");
  } else if (error.status === 404 && action !== look) {
    view.close();
    showMessage("error", "There is no such run", `“${readAddress().run}” may have been removed. Pick another one.`);
  } else {
    showNotice(`${error.message.replace(/\.$/, "")}, trying again.`);
    if (action === look) return;
    setState("error");
    pending = action;
  }
}

wireDrawer();
wireCopy();
wireToolbar({
  pan: (part) => view.pan(part),
  zoom: (factor) => view.zoom(factor),
  reset: () => view.setRange(null),
});
wirePrinting(view);
addEventListener("popstate", () => attempt(showPlace));
document.addEventListener("themechange", () => view.redraw());
attempt(start);
repeat(poll, POLL_MS);
