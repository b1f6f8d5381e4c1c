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
