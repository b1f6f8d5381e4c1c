// Poll the server for news, and retry what failed, less often while it goes on failing.

import { ApiError } from "./api.js";
import { byId } from "./dom.js";
import { setState, showMessage, showNotice } from "./page-state.js";

/** @typedef {() => Promise<void>} Action */

export class Poller {
  constructor() {
    /** @type {Action | null} what has failed, to be tried again */
    this.pending = null;
    /** @type {Action} */
    this.look = async () => {};
    this.ended = false; // the session
    this.signal = new AbortController().signal; // of what is fetched in the background
    /** @type {(error: ApiError, action: Action | null) => boolean} tells whether it has dealt with it */
    this.refused = () => false;
  }

  /** Begin, and look what is new for ever.
   * @param {Action} start
   * @param {Action} look
   * @param {number} pause  ms
   */
  run(start, look, pause) {
    this.look = look;
    this.attempt(start);
    repeat(() => this.poll(), pause);
  }

  /** Do something; when it fails, say so, and try again later where that may help.
   * @param {Action} action */
  async attempt(action) {
    try {
      await action();
      this.pending = null;
      showNotice(null);
    } catch (error) {
      this.fail(error, action);
    }
  }

  /** Tells whether the server answered. @returns {Promise<boolean>} */
  async poll() {
    if (this.ended) return true;
    await this.attempt(this.pending ?? this.look);
    return byId("notice").textContent === "";
  }

  /** Say what went wrong.
   * @param {unknown} error
   * @param {Action | null} [action]  what was tried
   */
  fail(error, action = null) {
    // An answer for which nobody waits any more.
    if (error instanceof DOMException && error.name === "AbortError") return;
    if (!(error instanceof ApiError)) {
      showMessage("error", "This page has a fault", String(error));
      throw error;
    }
    this.pending = null;
    if (error.status === 401) {
      this.ended = true;
      for (const article of document.querySelectorAll("article")) article.hidden = true;
      showMessage("error", "Your session has ended", "To go on, run “multimeter-visu open” in a terminal.");
    } else if (!this.refused(error, action)) {
      showNotice(`${error.message.replace(/\.$/, "")}, trying again.`);
      if (action === this.look) return;
      setState("error");
      this.pending = action;
    }
  }
}

// Doing something again and again while the page is looked at; less often while it fails.

const LONGEST_PAUSE_MS = 30_000;

/** Repeat a task for ever.
 * @param {() => Promise<boolean>} task  says whether it worked
 * @param {number} pause                 ms between two times
 */
export async function repeat(task, pause) {
  let failures = 0;
  for (;;) {
    const longer = Math.min(LONGEST_PAUSE_MS, pause * 2 ** failures);
    await new Promise((resolve) => setTimeout(resolve, longer));
    await visible();
    failures = (await task()) ? 0 : failures + 1;
  }
}

function visible() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
}
