// The page of all runs: to find one, or to tick some and compare them.

import { getRuns } from "../base/api.js";
import { byId } from "../base/dom.js";
import { setState, showMessage, timing, wireCopy } from "../base/page-state.js";
import { Poller } from "../base/poller.js";
import { matching, sorted, wordFor } from "../views/run-filter.js";
import { RunTable } from "../views/run-table.js";

const POLL_MS = 2_000;
const SLOW_POLL_MS = 10_000; // while no run is live
const FEWEST = 2; // to compare

const opened = timing("open");
const poller = new Poller();
const search = /** @type {HTMLInputElement} */ (byId("search"));
const state = /** @type {HTMLSelectElement} */ (byId("state"));
const sort = /** @type {HTMLSelectElement} */ (byId("sort"));
const table = new RunTable(sortBy, addTag, tick);
const most = Number(byId("run-table").dataset.most);
/** @type {import("../base/types.js").ListedRun[]} */
let runs = [];
/** @type {Set<string>} */
const ticked = new Set();
let order = { column: "start", descending: true };
let fetched = 0;

async function fetchRuns() {
  runs = await getRuns(poller.signal);
  fetched = Date.now();
  byId("view").hidden = runs.length === 0;
  if (runs.length) {
    draw();
    setState("ready");
    opened();
  } else {
    showMessage("empty", "No runs yet", "Send one with three lines of Python. It shows here by itself.");
  }
}

function draw() {
  const done = timing("list");
  const found = matching(runs, search.value, state.value);
  table.show(sorted(found, order.column, order.descending), ticked, order);
  sort.value = order.column;
  const all = `${runs.length.toLocaleString("en")} ${runs.length === 1 ? "run" : "runs"}`;
  byId("run-count").textContent = found.length === runs.length ? all : `${found.length.toLocaleString("en")} of ${all}`;
  showTicked();
  rememberPlace();
  done();
}

function showTicked() {
  byId("ticked").hidden = ticked.size === 0;
  const enough = ticked.size >= FEWEST && ticked.size <= most;
  const hint = ticked.size < FEWEST ? ": tick one more to compare" : ticked.size > most ? `: at most ${most} can be compared` : "";
  byId("ticked-count").textContent = `${ticked.size} ticked${hint}`;
  const link = byId("compare");
  if (enough) link.setAttribute("href", `/compare?${new URLSearchParams([...ticked].map((run) => ["run", run]))}`);
  else link.removeAttribute("href");
  link.setAttribute("aria-disabled", String(!enough));
}

/** @param {string} column */
function sortBy(column) {
  const descending = order.column === column ? !order.descending : column !== "identifier" && column !== "state";
  order = { column, descending };
  draw();
}

/** @param {string} key
 * @param {string} value */
function addTag(key, value) {
  const word = wordFor(key, value);
  if (!search.value.includes(word)) search.value = `${search.value} ${word}`.trim();
  draw();
}

/** @param {string} identifier
 * @param {boolean} on */
function tick(identifier, on) {
  if (on) ticked.add(identifier);
  else ticked.delete(identifier);
  showTicked();
}

/** The address says what is filtered and how it is sorted. */
function rememberPlace() {
  const query = new URLSearchParams();
  if (search.value.trim()) query.set("search", search.value.trim());
  if (state.value) query.set("state", state.value);
  if (order.column !== "start" || !order.descending) query.set("sort", (order.descending ? "-" : "") + order.column);
  history.replaceState(null, "", query.size ? `/?${query}` : "/");
}

function readPlace() {
  const query = new URLSearchParams(location.search);
  search.value = query.get("search") ?? "";
  state.value = query.get("state") ?? "";
  if (state.selectedIndex < 0) state.value = "";
  const by = query.get("sort") ?? "-start";
  const column = by.replace(/^-/, "");
  if (table.heads.some((head) => head.dataset.column === column)) order = { column, descending: by.startsWith("-") };
}

async function look() {
  const live = runs.length === 0 || runs.some((run) => run.state === "live");
  if (live || Date.now() - fetched >= SLOW_POLL_MS) await fetchRuns();
}

readPlace();
wireCopy();
search.addEventListener("input", draw);
search.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !search.value) return;
  search.value = "";
  draw();
});
state.addEventListener("change", draw);
sort.addEventListener("change", () => {
  order = { column: sort.value, descending: sort.value !== "identifier" && sort.value !== "state" };
  draw();
});
byId("untick").addEventListener("click", () => {
  ticked.clear();
  draw();
  search.focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
  event.preventDefault();
  search.focus();
});
poller.run(fetchRuns, look, POLL_MS);
