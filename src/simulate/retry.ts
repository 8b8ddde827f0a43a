/** Calls that may fail or hang: a time limit on each, repetitions with growing waits, and one way to stop all of them. */

/** Stops any number of calls and waits. It is no AbortSignal, because Node warns of more than ten listeners on one. */
export interface Stop {
  readonly stopped: boolean;
  readonly reason: unknown;
  readonly stop: (reason?: unknown) => void;
  /** Called at the stop; a finished call deletes its own entry. */
  readonly listeners: Set<() => void>;
  /** Stops listening to the signal. */
  readonly release: () => void;
}

/** A stop that follows a signal. */
export function makeStop(signal?: AbortSignal): Stop {
  const listeners = new Set<() => void>();
  const state = {
    stopped: false,
    reason: undefined as unknown,
    listeners,
    stop: (reason?: unknown): void => {
      if (state.stopped) return;
      state.stopped = true;
      state.reason = reason;
      for (const listener of [...listeners]) listener();
    },
    release: () => signal?.removeEventListener("abort", follow),
  };
  const follow = (): void => state.stop(signal?.reason);
  signal?.addEventListener("abort", follow);
  if (signal?.aborted) follow();
  return state;
}

/** How a call is repeated. */
export interface RetryOptions {
  readonly retries: number;
  /** Seconds before the first repetition, doubled at each. */
  readonly backoff: number;
  /** Seconds a call, 0 for any time. */
  readonly timeout: number;
  /** Ends waits, and aborts the signal of the call. */
  readonly stop?: Stop;
}

const LONGEST_WAIT = 30; // s

/** An error that repetitions would not mend. */
export const permanent = (message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { permanent: true });

/** Whether an error is one that repetitions would not mend. */
export const isPermanent = (error: unknown): boolean => (error as { permanent?: unknown } | null)?.permanent === true;

/** Waits for some seconds, or until the stop. */
function wait(seconds: number, stop: Stop): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      stop.listeners.delete(end);
      resolve();
    };
    const timer = setTimeout(end, 1000 * seconds);
    stop.listeners.add(end);
    if (stop.stopped) end();
  });
}

/**
 * One call, with a signal of its own that is aborted after `timeout` seconds or at the stop. After the time limit its result is no
 * longer awaited; after a stop the call itself decides when to end.
 */
async function withTimeout<T>(call: (signal: AbortSignal) => T | Promise<T>, timeout: number, stop: Stop): Promise<T> {
  const own = new AbortController();
  const end = (): void => own.abort(stop.reason);
  stop.listeners.add(end);
  if (stop.stopped) end();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let late: Error | undefined;
  const limit = new Promise<never>((_, reject) => {
    if (timeout <= 0) return;
    timer = setTimeout(() => {
      late = new Error(`expected an answer within ${timeout} s, got none`);
      own.abort(late);
      timer = setTimeout(() => reject(late), 0); // a call that ends by the signal may say where
    }, 1000 * timeout);
  });
  try {
    return await Promise.race([(async () => call(own.signal))(), limit]);
  } catch (error) {
    const says = late !== undefined && String((error as Error)?.message).includes(late.message);
    throw late !== undefined && !says ? late : error;
  } finally {
    clearTimeout(timer);
    stop.listeners.delete(end);
  }
}

/** A call that is repeated when it fails. @throws the last error, at once where it is permanent or at the stop. */
export async function withRetries<T>(
  call: (signal: AbortSignal) => T | Promise<T>,
  { retries, backoff, timeout, stop = makeStop() }: RetryOptions,
): Promise<T> {
  let pause = backoff;
  for (let left = retries; ; left--) {
    try {
      return await withTimeout(call, timeout, stop);
    } catch (error) {
      if (left <= 0 || isPermanent(error) || stop.stopped) throw error;
    }
    await wait(Math.min(pause, LONGEST_WAIT), stop);
    if (stop.stopped) throw new Error("stopped before it was tried again");
    pause *= 2;
  }
}
