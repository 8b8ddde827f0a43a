/**
 * Long work in parts. It is a generator that yields wherever others may have the thread: one function serves callers that want
 * the answer at once and those that must leave a page responsive.
 */

/** Milliseconds for which the thread is kept: half a frame of a page. */
const KEPT = 8;

/** To the end, at once. */
export function atOnce<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** Lets others have the thread. */
export const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** To the end, with pauses: none of the parts between two yields is cut, so they should be short. */
export async function inParts<T>(work: Generator<void, T>): Promise<T> {
  for (let since = performance.now(); ; ) {
    const { done, value } = work.next();
    if (done) return value;
    if (performance.now() - since < KEPT) continue;
    await pause();
    since = performance.now();
  }
}
