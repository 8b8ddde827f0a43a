/** Calls that may fail or hang: a time limit on each, repetitions with growing waits in between, and one way to end all. */

/** Ends any number of calls and waits. An AbortSignal would do, but Node warns of more than ten listeners on one. */
export interface Stop {
  readonly stopped: boolean;
  readonly reason: unknown;
  readonly stop: (reason?: unknown) => void;
  /** Called when it stops; deleted when there is nothing left to end. */
  readonly listeners: Set<() => void>;
  /** Forgets the signal that it follows. */
  readonly release: () => void;
}

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

export interface RetryOptions {
  readonly retries: number;
  /** Seconds before the first repetition, doubled at each. */
  readonly backoff: number;
  /** Seconds a call, 0 for any time. */
  readonly timeout: number;
  /** Ends waits, and is passed on to the call. */
  readonly stop?: Stop;
}

const LONGEST_WAIT = 30; // s

/** What would fail again however often it is tried. */
export const permanent = (message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { permanent: true });

const isPermanent = (error: unknown): boolean => (error as { permanent?: unknown } | null)?.permanent === true;

/** Waits, or until it is stopped. */
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
 * One call, with a signal of its own that is aborted after `timeout` seconds or when it is stopped. What comes after the time
 * limit is not waited for; a stop leaves it to the call when to end.
 */
async function withTimeout<T>(call: (signal: AbortSignal) => T | Promise<T>, timeout: number, stop: Stop): Promise<T> {
  const own = new AbortController();
  const end = (): void => own.abort(stop.reason);
  stop.listeners.add(end);
  if (stop.stopped) end();
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
    stop.listeners.delete(end);
  }
}

/** A call that is repeated when it fails. @throws the last error; at once when it is permanent or all is stopped. */
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
