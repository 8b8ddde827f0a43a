/**
 * Calls a simulator for many rows of parameters: cut into batches, several calls at a time, each with its repetitions.
 * What fails for good is cut in halves until the rows that are to blame stand alone.
 */
import { describe } from "../checks/arguments.ts";
import { pause } from "../host/yielding.ts";
import type { CallSettings, Simulator } from "../problem/simulator.ts";
import { makeStop, withRetries } from "./retry.ts";

/** What became of one row: its data (M), or why there are none. */
export interface Outcome {
  readonly row: number;
  readonly data: Float32Array | null;
  readonly cause?: Error;
}

export interface Job {
  readonly run: Simulator;
  readonly calls: CallSettings;
  readonly M: number;
  /** Of how many the rows are, for messages. */
  readonly count: number;
  readonly thetaOf: (row: number) => Float64Array;
  readonly seedOf: (row: number) => number;
  readonly signal?: AbortSignal;
}

/** An answer of the wrong form: a mistake in the simulator, that no repetition mends. */
const misfit = (message: string): Error =>
  Object.assign(new Error(`simulate: ${message}`), { permanent: true, misfit: true });
const isMisfit = (error: unknown): boolean => (error as { misfit?: unknown }).misfit === true;

const SHOWN = 8;
/** Parameters for messages. */
export const showTheta = (theta: Float64Array): string => {
  const shown = Array.from(theta.subarray(0, SHOWN), (x) => String(Number(x.toPrecision(6))));
  return `θ = (${shown.join(", ")}${theta.length > SHOWN ? `, … ${theta.length} numbers` : ""})`;
};

/** The error that names the parameters and the cause. */
export function failureOf({ thetaOf, count, calls }: Job, { row, cause }: Outcome): Error {
  const tries = calls.retries > 0 ? `, in up to ${calls.retries + 1} tries` : "";
  const where = `${showTheta(thetaOf(row))}, row ${row + 1} of ${count}`;
  return new Error(`simulate: expected data for ${where}${tries}, got ${cause?.message ?? "none"}`, { cause });
}

/** Checks the form of an answer, and tells rows of finite numbers from others. */
function readAnswer(answer: unknown, rows: readonly number[], M: number): Outcome[] {
  if (!Array.isArray(answer)) throw misfit(`expected ${rows.length} rows of data, got ${describe(answer)}`);
  if (answer.length !== rows.length)
    throw misfit(`expected ${rows.length} rows of data for ${rows.length} parameters, got ${answer.length}`);
  return rows.map((row, i) => {
    const values = answer[i] as ArrayLike<number> | undefined;
    if (typeof values !== "object" || values === null || values.length !== M)
      throw misfit(`expected ${M} numbers in row ${row + 1}, got ${values?.length ?? describe(values)}`);
    const data = new Float32Array(M);
    for (let j = 0; j < M; j++) {
      if (typeof values[j] !== "number")
        throw misfit(`expected numbers in row ${row + 1}, got ${describe(values[j])} in column ${j + 1}`);
      data[j] = values[j];
      if (!Number.isFinite(data[j])) {
        const large = Number.isFinite(values[j]) ? " (too large for single precision)" : "";
        const cause = new Error(`${values[j]}${large} in column ${j + 1}, where a finite number is needed`);
        return { row, data: null, cause };
      }
    }
    return { row, data };
  });
}

/** Milliseconds that simulators that answer at once may keep the thread. */
const KEEP_MS = 50;

/**
 * Simulates rows. `finished` is told of each call's rows as they come, in whatever order; it may throw to end it all.
 * When the signal is aborted no call is begun any more, those under way are waited for, and what they give is kept.
 * @throws the first error of a row under `failures: "stop"`, of an answer of the wrong form, or of `finished`.
 */
export async function runCalls(
  job: Job,
  rows: readonly number[],
  finished: (outcomes: readonly Outcome[]) => void | Promise<void>,
): Promise<void> {
  const { run, calls, M, thetaOf, seedOf } = job;
  const stop = makeStop(job.signal);

  const call = (some: readonly number[], retries: number): Promise<Outcome[]> =>
    withRetries(
      async (signal) => readAnswer(await run(some.map(thetaOf), { signal, seeds: some.map(seedOf) }), some, M),
      { ...calls, retries, stop },
    );

  /** Outcomes of rows whose call may fail; fewer than there are rows only when all is to end. */
  async function* solve(some: readonly number[], whole: boolean): AsyncGenerator<Outcome[]> {
    let error: unknown;
    try {
      yield await call(some, whole || some.length === 1 ? calls.retries : 0);
      return;
    } catch (thrown) {
      if (isMisfit(thrown)) throw thrown;
      error = thrown;
    }
    if (stop.stopped) return; // a call that was cut short says nothing of its rows
    if (some.length > 1) {
      const half = some.length >> 1;
      for (const part of [some.slice(0, half), some.slice(half)]) {
        if (!stop.stopped) yield* solve(part, false);
      }
      return;
    }
    const cause = error instanceof Error ? error : new Error(describe(error));
    yield [{ row: some[0], data: null, cause }];
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
