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
