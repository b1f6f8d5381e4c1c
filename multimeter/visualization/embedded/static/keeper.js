// What a page does again and again: look what is new, and try again what has failed.

import { ApiError } from "./api.js";
import { byId } from "./dom.js";
import { repeat } from "./live.js";
import { setState, showMessage, showNotice } from "./screen.js";

/** @typedef {() => Promise<void>} Action */

export class Keeper {
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
  keep(start, look, pause) {
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
