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
