/**
 * Calls a simulator for many rows of parameters: in batches, several calls at a time, each with its repetitions. A batch that still
 * fails is cut in halves, until the rows to blame stand alone.
 */
import { toError } from "../checks/arguments.ts";
import { pause } from "../host/yielding.ts";
import type { CallSettings, Simulator } from "../problem/simulator.ts";
import { answerReader, isMisfit, type Outcome } from "./answer.ts";
import { makeStop, withRetries } from "./retry.ts";

/** A simulator and the rows that it is called for. */
export interface Job {
  readonly run: Simulator;
  readonly calls: CallSettings;
  readonly M: number;
  /** Number of all rows, for messages. */
  readonly count: number;
  readonly thetaOf: (row: number) => Float64Array;
  readonly seedOf: (row: number) => number;
  readonly signal?: AbortSignal;
}

const SHOWN = 8;
/** Larger numbers are shown with all their digits, because their spread may be small beside them. */
const FAR = 1e5;
/** Parameters in a message. */
export const showTheta = (theta: Float64Array): string => {
  const shown = Array.from(theta.subarray(0, SHOWN), (x) => String(Math.abs(x) < FAR ? Number(x.toPrecision(6)) : x));
  return `θ = (${shown.join(", ")}${theta.length > SHOWN ? `, … ${theta.length} numbers` : ""})`;
};

/** The error of a failed row, with its parameters and the cause. */
export function failureOf({ thetaOf, count, calls }: Job, { row, cause }: Outcome): Error {
  const tries = calls.retries > 0 ? `, in up to ${calls.retries + 1} tries` : "";
  const where = `${showTheta(thetaOf(row))}, row ${row + 1} of ${count}`;
  return new Error(`simulate: expected data for ${where}${tries}, got ${cause?.message ?? "none"}`, { cause });
}

const isPromise = <T>(x: T | Promise<T>): x is Promise<T> =>
  typeof (x as Partial<Promise<T>> | null)?.then === "function";

/** Milliseconds between pauses, for simulators that answer at once and never give up the thread. */
const KEEP_MS = 50;

/**
 * Simulates rows. `finished` is called with the outcomes of each call as they arrive, in any order; an error in it ends all calls.
 * When the signal is aborted no further call begins; calls under way are awaited, and their results are kept. The steps are functions
 * inside of this one, because they share the queue of batches and the reason to stop.
 * @throws the first error of a row under `failures: "stop"`, of an answer of the wrong form, or of `finished`.
 */
export async function runCalls(
  job: Job,
  rows: readonly number[],
  finished: (outcomes: readonly Outcome[]) => void | Promise<void>,
): Promise<void> {
  const { run, calls, M, thetaOf, seedOf } = job;
  const stop = makeStop(job.signal);

  const begin = answerReader(M);
  const call = (some: readonly number[], retries: number): Promise<Outcome[]> =>
    withRetries(
      (signal): Outcome[] | Promise<Outcome[]> => {
        const read = begin();
        const answer = run(some.map(thetaOf), { signal, seeds: some.map(seedOf) });
        // What is no promise is read before another call can begin.
        return isPromise(answer) ? answer.then((rows) => read(rows, some)) : read(answer, some);
      },
      { ...calls, retries, stop },
    );

  /** The outcomes of rows whose call may fail. They are fewer than the rows only when everything is to end. */
  async function* solve(some: readonly number[], whole: boolean): AsyncGenerator<Outcome[]> {
    let error: unknown;
    try {
      yield await call(some, whole || some.length === 1 ? calls.retries : 0);
      return;
    } catch (thrown) {
      if (isMisfit(thrown)) throw thrown;
      error = thrown;
    }
    if (stop.stopped) return; // a call that was cut short tells nothing about its rows
    if (some.length > 1) {
      const half = some.length >> 1;
      for (const part of [some.slice(0, half), some.slice(half)]) {
        if (!stop.stopped) yield* solve(part, false);
      }
      return;
    }
    yield [{ row: some[0], data: null, cause: toError(error) }];
  }

  function* batches(): Generator<readonly number[]> {
    for (let from = 0; from < rows.length; from += calls.batch) yield rows.slice(from, from + calls.batch);
  }
  const queue = batches();
  let kept = performance.now();
  let failed: unknown;
  const fail = (error: unknown): void => {
    failed ??= error;
    stop.stop();
  };
  const work = async (): Promise<void> => {
    for (const batch of queue) {
      if (stop.stopped) return;
      try {
        for await (const outcomes of solve(batch, true)) {
          await finished(outcomes.filter(({ data }) => data !== null || calls.failures === "drop"));
          const bad = outcomes.find(({ data }) => data === null);
          if (bad !== undefined && calls.failures === "stop") throw failureOf(job, bad);
        }
      } catch (error) {
        fail(error);
        return;
      }
      if (performance.now() - kept < KEEP_MS) continue;
      await pause();
      kept = performance.now();
    }
  };
  try {
    await Promise.all(Array.from({ length: calls.concurrency }, work));
  } finally {
    stop.release();
  }
  if (failed !== undefined) throw failed;
}
