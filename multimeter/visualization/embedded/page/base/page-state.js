// The state of the page: loading or ready, notices, messages, and how long things take.

import { byId } from "./dom.js";

/** @param {"loading" | "ready" | "empty" | "error"} state */
export function setState(state) {
  document.body.dataset.state = state;
  byId("main").setAttribute("aria-busy", String(state === "loading"));
  if (state === "ready" || state === "loading") byId("message").hidden = true;
}

/** A quiet line above the run; null takes it away.
 * @param {string | null} text */
export function showNotice(text) {
  const notice = byId("notice");
  notice.hidden = text === null;
  notice.textContent = text ?? "";
}

/** A line in the place of panels. @param {string | null} text */
export function showNote(text) {
  const note = byId("note");
  note.hidden = text === null;
  note.textContent = text ?? "";
}

/** Say something in the place of a run.
 * @param {"empty" | "error"} state
 * @param {string} title
 * @param {string} text
 */
export function showMessage(state, title, text) {
  setState(state);
  const message = byId("message");
  const [heading, paragraph] = [message.querySelector("h1"), message.querySelector("p")];
  if (heading) heading.textContent = title;
  if (paragraph) paragraph.textContent = text;
  message.hidden = false;
  document.title = "Multimeter";
}

/** The button that copies the lines of Python. */
export function wireCopy() {
  const button = byId("copy");
  const code = /** @type {HTMLElement} */ (byId("message").querySelector("code"));
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent ?? "");
      button.textContent = "Copied";
    } catch {
      getSelection()?.selectAllChildren(code); // Then ctrl+C does it.
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => (button.textContent = "Copy"), 2_000);
  });
}

// How long things take, for the browser's own tools: measures named "multimeter-…".

/** Begin to measure; what is returned ends it. A second call of that does nothing.
 * @param {"open" | "zoom" | "list"} what
 * @returns {() => void}
 */
export function timing(what) {
  const start = performance.now();
  let done = false;
  return () => {
    if (done) return;
    done = true;
    performance.measure(`multimeter-${what}`, { start, end: performance.now() });
  };
}
