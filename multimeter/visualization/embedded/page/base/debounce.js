// Debounce requests: the first is sent at once, those of a moving wheel when it rests.

const RESTED_MS = 250;
const DEBOUNCE_MS = 120;

export class Debounce {
  /** @param {() => number} now  the time in ms */
  constructor(now = () => performance.now()) {
    this.now = now;
    this.last = -Infinity;
  }

  /** Wait, unless nothing was asked for a while.
   * @param {AbortSignal} signal  ends the wait with an error */
  async wait(signal) {
    const rested = this.now() - this.last > RESTED_MS;
    this.last = this.now();
    if (!rested) await new Promise((resolve) => setTimeout(resolve, DEBOUNCE_MS));
    signal.throwIfAborted();
  }
}
