// What stands around the panels of a run: title, figures, texts, marks, meta data.

import { byId, element, setText } from "../base/dom.js";
import { estimateNote, estimateText } from "../base/format.js";
import { clockText, dateText } from "../base/time.js";

const MOST_MARKS = 1_000; // in the list
const SPEAK_MS = 20_000; // between two times that a screen reader says the figures

/**
 * @param {import("../base/types.js").RunDetails} run
 * @param {import("../base/types.js").Mark[]} marks
 * @param {number} offset  minutes to add to UTC
 */
export function showRun(run, marks, offset) {
  setText(byId("run-title"), run.identifier);
  document.title = `${run.identifier} · Multimeter`;
  showState(run);
  byId("run-about").replaceChildren(pointsText(run), ...severalText(run), ...Object.entries(run.tags).map(tagElement));
  byId("figures").replaceChildren(...run.figures.map(figureElement));
  speak(run);
  showPairs(byId("texts"), run.texts.map(({ label, value }) => [label, value]));
  showFolded(byId("mark-list"), marks.slice(0, MOST_MARKS).map(({ time, label }) => [momentText(time, offset), label]));
  showFolded(byId("meta"), Object.entries(run.meta_data).map(([key, value]) => [key, plain(value)]));
}

/** Say the figures of a run that moves to who cannot see them, but not all the time.
 * @param {import("../base/types.js").RunDetails} run */
function speak(run) {
  const spoken = byId("spoken");
  const now = Date.now();
  if (run.state !== "live" || now - Number(spoken.dataset.time ?? 0) < SPEAK_MS) return;
  spoken.dataset.time = String(now);
  spoken.textContent = run.figures.map((figure) => `${figure.title} ${estimateText(figure, figure.unit)}`).join(", ");
}

/**
 * @param {number} moment
 * @param {number} offset
 */
function momentText(moment, offset) {
  return `${dateText(moment, offset)}, ${clockText(moment, offset, 0)}`;
}

/**
 * @param {HTMLElement} details
 * @param {string[][]} pairs
 */
function showFolded(details, pairs) {
  showPairs(/** @type {HTMLElement} */ (details.querySelector("dl")), pairs);
  details.hidden = pairs.length === 0;
}

/** @param {import("../base/types.js").Run} run */
function showState(run) {
  const badge = byId("run-state");
  badge.dataset.live = run.state;
  badge.textContent = run.state;
  badge.title = meaningOf(run.state);
}

/** @param {import("../base/types.js").Run} run */
function pointsText(run) {
  const count = run.points.toLocaleString("en");
  return element("span", {}, `${count} ${run.points === 1 ? "point" : "points"}`);
}

/** Runs of one name share a series, but the figures are those of the last one.
 * @param {import("../base/types.js").RunDetails} run */
function severalText({ starts }) {
  if (starts.length < 2) return [];
  return [element("span", {}, `${starts.length} runs of this name; the figures are of the last one`)];
}

/** @param {[string, string]} tag */
function tagElement([key, value]) {
  const text = `${key} ${value}`;
  return element("span", { class: "tag", title: text }, element("span", { class: "key" }, key), ` ${value}`);
}

/** @param {import("../base/types.js").Figure} figure */
function figureElement(figure) {
  const note = estimateNote(figure, figure.unit);
  const shown = element("div", { class: "figure", "data-figure": figure.title, title: note },
    element("dt", {}, figure.title), element("dd", {}, estimateText(figure, figure.unit)));
  if (note) shown.append(element("dd", { class: "bounds" }, note));
  return shown;
}

/**
 * @param {HTMLElement} list
 * @param {string[][]} pairs
 */
function showPairs(list, pairs) {
  list.hidden = pairs.length === 0;
  list.replaceChildren(
    ...pairs.map(([key, value]) => {
      const [term, description] = [element("dt"), element("dd")];
      setText(term, key);
      setText(description, value);
      return element("div", {}, term, description);
    }),
  );
}

/** @param {unknown} value */
function plain(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

// How a run is, in words.

/** @type {Record<string, string>} */
const MEANINGS = {
  live: "Points come: what is shown moves by itself",
  ended: "Ended in order, or written by another client that has stopped",
  died: "Its program has stopped without ending the run",
  ahead: "Its last time is yet to come: whether points still come is not known",
};

/** What the state of a run means, for a tooltip.
 * @param {string} state */
export function meaningOf(state) {
  return MEANINGS[state] ?? "";
}
