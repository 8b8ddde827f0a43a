/** Calls that may fail or hang: a time limit on each, and repetitions with growing waits in between. */

export interface RetryOptions {
  readonly retries: number;
  /** Seconds before the first repetition, doubled at each. */
  readonly backoff: number;
  /** Seconds a call, 0 for any time. */
  readonly timeout: number;
  /** Ends waits, and is passed on to the call. */
  readonly signal?: AbortSignal;
}

const LONGEST_WAIT = 30; // s

/** What would fail again however often it is tried. */
export const permanent = (message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { permanent: true });

const isPermanent = (error: unknown): boolean => (error as { permanent?: unknown } | null)?.permanent === true;

/** Waits, or until the signal is aborted. */
export function wait(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, 1000 * seconds);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}

/**
 * One call, with a signal of its own that is aborted after `timeout` seconds or with the given one. What comes after the
 * time limit is not waited for; an abort leaves it to the call when to end.
 */
export async function withTimeout<T>(
  call: (signal: AbortSignal) => T | Promise<T>,
  { timeout, signal }: Pick<RetryOptions, "timeout" | "signal">,
): Promise<T> {
  const own = new AbortController();
  const pass = (): void => own.abort(signal?.reason);
  if (signal?.aborted) pass();
  signal?.addEventListener("abort", pass);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    if (timeout <= 0) return;
    timer = setTimeout(() => {
      const error = new Error(`expected an answer within ${timeout} s, got none`);
      reject(error); // before the call hears of it, whose own error would say less
      own.abort(error);
    }, 1000 * timeout);
  });
  try {
    return await Promise.race([(async () => call(own.signal))(), late]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", pass);
  }
}

/** A call that is repeated when it fails. @throws the last error; at once when it is permanent or the signal aborted. */
export async function withRetries<T>(call: (signal: AbortSignal) => T | Promise<T>, options: RetryOptions): Promise<T> {
  const { retries, backoff, signal } = options;
  let pause = backoff;
  for (let left = retries; ; left--) {
    try {
      return await withTimeout(call, options);
    } catch (error) {
      if (left <= 0 || isPermanent(error) || signal?.aborted) throw error;
    }
    await wait(Math.min(pause, LONGEST_WAIT), signal);
    if (signal?.aborted) throw new Error("stopped before it was tried again");
    pause *= 2;
  }
}
