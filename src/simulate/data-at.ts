/** One simulation for each row of parameters, NaN where it fails. */
import { type BackendOptions, once } from "../backends/select.ts";
import { input } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import { atOnce } from "../host/yielding.ts";
import { randomWord, STREAMS } from "../numbers/random.ts";
import { sourceOf } from "../problem/likelihood.ts";
import type { Problem } from "../problem/problem.ts";
import { failureOf, type Job, runCalls } from "./calls.ts";
import { type Failures, refuseHopeless } from "./finite.ts";
import { SIMULATION_STEPS } from "./steps.ts";

export interface DataRequest extends BackendOptions {
  readonly signal?: AbortSignal;
  /** Whether a failed simulation ends the call. */
  readonly failures: Failures;
  /** Seed of the noise that a simulator adds itself. */
  readonly seed: number;
}

/**
 * Data (N, M) of parameters (N, D), NaN for failures, and the reason of the first failure, if it is known.
 * @throws for a problem without forward model and simulator; if a simulator fails and `failures` is "stop", or if all calls fail.
 */
export async function dataAt(
  owner: string,
  problem: Problem,
  theta: Float64Array,
  { seed, signal, failures, ...backend }: DataRequest,
): Promise<{ readonly data: Float64Array; readonly fault?: string }> {
  const { D, M, forward, simulate, name, calls } = problem;
  if (forward !== null) {
    const program = atOnce(compile({ predict: { outputs: { data: forward(input("theta", D, { dtype: "f64" })) } } }));
    return once(program, backend, async (executor) => {
      const { data } = await executor.run("predict", { rows: theta.length / D, inputs: { theta } });
      return { data: Float64Array.from(data), fault: executor.fault() };
    });
  }
  if (simulate === null)
    throw new Error(`${owner}: expected a forward model or a simulator, and "${name}" has ${sourceOf(problem)}`);
  const count = theta.length / D;
  const data = new Float64Array(count * M).fill(Number.NaN);
  const job: Job = {
    run: simulate,
    calls: { ...calls, failures },
    M,
    count,
    thetaOf: (row) => theta.slice(row * D, (row + 1) * D),
    seedOf: (row) => randomWord(seed, STREAMS.simulators, SIMULATION_STEPS.predict, row, 0),
    signal,
  };
  let [fault, failed, done]: [string | undefined, number, number] = [undefined, 0, 0];
  await runCalls(job, Array.from(new Uint8Array(count).keys()), (outcomes) => {
    for (const outcome of outcomes) {
      done++;
      if (outcome.data !== null) data.set(outcome.data, outcome.row * M);
      else if (failed++ === 0) fault = failureOf(job, outcome).message;
    }
    refuseHopeless(owner, failed, done, Number.POSITIVE_INFINITY, fault);
  });
  signal?.throwIfAborted();
  return { data, fault };
}
