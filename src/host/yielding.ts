/**
 * Long work in parts. It is a generator that yields wherever others may have the thread: one function serves callers that want
 * the answer at once and those that must leave a page responsive.
 */

/** Milliseconds for which the thread is kept: a third of a frame of a page, for what comes last may take another. */
const KEPT = 5;

/** To the end, at once. */
export function atOnce<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** When others last had the thread: works that follow one another without a pause are one task. */
let since = 0;

/** Lets others have the thread. */
export const pause = async (): Promise<void> => {
  await new Promise((resolve) => setTimeout(resolve, 0));
  since = performance.now();
};

/** To the end, with pauses: none of the parts between two yields is cut, so they should be short. */
export async function inParts<T>(work: Generator<void, T>): Promise<T> {
  for (;;) {
    if (performance.now() - since >= KEPT) await pause();
    const { done, value } = work.next();
    if (done) return value;
  }
}
