/** Shared by the tests of files. */
import * as assert from "uvu/assert";

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Whole 32-bit numbers, the same in every run. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
}

export function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert.instance(error, Error);
    return (error as Error).message;
  }
  return "nothing was thrown";
}

export async function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "nothing was thrown",
    (error: Error) => error.message,
  );
}
