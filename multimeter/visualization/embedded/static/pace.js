// Not asking at each turn of a wheel: the first time at once, then when the hand rests.

const RESTED_MS = 250;
const DEBOUNCE_MS = 120;

export class Pace {
  constructor() {
    this.last = 0;
  }

  /** Wait, unless nothing was asked for a while.
   * @param {AbortSignal} signal  ends the wait with an error */
  async wait(signal) {
    const rested = performance.now() - this.last > RESTED_MS;
    this.last = performance.now();
    if (!rested) await new Promise((resolve) => setTimeout(resolve, DEBOUNCE_MS));
    signal.throwIfAborted();
  }
}
