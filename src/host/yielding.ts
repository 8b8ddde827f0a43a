/**
 * Long work in parts. The work is a generator that yields wherever other tasks may run. One function then serves callers that
 * want the result at once (`atOnce`) and callers that must keep a page responsive (`inParts`).
 */

/** Milliseconds before a pause: a third of a frame of a page, because the last part before it may take another third. */
const PART_MS = 5;

/** Runs work to its end without pauses. */
export function atOnce<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** Time of the last pause: pieces of work that follow one another without a pause are one task to the page. */
let since = 0;

/** Lets other tasks run. */
export const pause = async (): Promise<void> => {
  await new Promise((resolve) => setTimeout(resolve, 0));
  since = performance.now();
};

/** Runs work to its end with pauses. A part between two yields is never interrupted, so parts should be short. */
export async function inParts<T>(work: Generator<void, T>): Promise<T> {
  for (;;) {
    if (performance.now() - since >= PART_MS) await pause();
    const { done, value } = work.next();
    if (done) return value;
  }
}
