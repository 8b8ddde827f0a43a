// Potentials of a problem with their gradients, and simulations, of many samples in one run.

import { performance } from "node:perf_hooks";
import type { Executor, Rows } from "../../src/backends/backend.ts";
import { createWasm } from "../../src/backends/wasm/executor.ts";
import { input } from "../../src/graph/build.ts";
import { grad } from "../../src/graph/grad.ts";
import { compile, type Program } from "../../src/graph/program.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { normalAt } from "../../src/numbers/random.ts";
import { potential } from "../../src/problem/likelihood.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { darcy } from "../../src/problems/darcy.ts";
import { eit } from "../../src/problems/eit.ts";
import { type Candidate, compare, relative } from "../driver.ts";
import { table } from "../report.ts";
import { builds, stepsOf } from "./wasm-internals.ts";

export const SAMPLES = 160;
const SEED = 21;

/** Plans `gradient`: log p(y | θ) + log p(θ) (B) and its gradient (B, D); `forward`: data (B, M). All in f64. */
export function gradientProgram(problem: Problem): Program {
  const theta = input("theta", problem.D, { dtype: "f64" });
  const value = potential(problem, theta, input("y", problem.M, { dtype: "f64" }));
  const [gradient] = grad(value, [theta]) as [Tensor];
  const forward = problem.forward as (theta: Tensor) => Tensor;
  return atOnce(
    compile({ gradient: { outputs: { value, gradient } }, forward: { outputs: { data: forward(theta) } } }),
  );
}

/** θ from the prior, (SAMPLES, D). */
export function draws({ prior, D }: Problem, stream: number): Float64Array {
  const at = (i: number): number => normalAt(SEED, stream, 0, Math.floor(i / D), i % D);
  return Float64Array.from({ length: SAMPLES * D }, (_, i) => prior.mean[i % D] + prior.sd[i % D] * at(i));
}

/** Step of the central differences, and their tolerance: the potential is piecewise smooth. */
const STEP = 1e-5;
const TOLERANCE = 1e-4;

type Inputs = Readonly<Record<"theta" | "y", Float64Array>>;

/** Compares gradients along a direction with central differences, for every sample. @throws if they differ */
async function checkGradient(executor: Executor, { D }: Problem, inputs: Inputs): Promise<void> {
  const along = (i: number): number => (i % 2 === 0 ? 1 : -0.5);
  const value = async (step: number): Promise<Rows> => {
    const theta = inputs.theta.map((v, i) => v + step * along(i));
    return (await executor.run("gradient", { rows: SAMPLES, inputs: { ...inputs, theta } })).value;
  };
  const [before, after] = [await value(-STEP), await value(STEP)];
  const { gradient } = await executor.run("gradient", { rows: SAMPLES, inputs });
  const [got, want] = [new Float64Array(SAMPLES), new Float64Array(SAMPLES)];
  for (let row = 0; row < SAMPLES; row++) {
    want[row] = (after[row] - before[row]) / (2 * STEP);
    for (let d = 0; d < D; d++) got[row] += gradient[row * D + d] * along(row * D + d);
  }
  relative("gradient", got, want, TOLERANCE);
}

/** Milliseconds a gradient and a simulation, of SAMPLES in a run. */
export async function gradients(): Promise<void> {
  for (const problem of [eit, darcy]) {
    const program = gradientProgram(problem);
    const candidates: Candidate[] = [];
    for (const build of builds()) {
      const executor = await createWasm(program, { build });
      const forward = () => executor.run("forward", { rows: SAMPLES, inputs: { theta: draws(problem, 1) } });
      const y = Float64Array.from((await forward()).data);
      const inputs = { theta: draws(problem, 2), y };
      await checkGradient(executor, problem, inputs);
      const gradient = () => executor.run("gradient", { rows: SAMPLES, inputs });
      candidates.push({ name: `simulation, ${build}`, units: SAMPLES, run: async () => void (await forward()) });
      candidates.push({ name: `gradient, ${build}`, units: SAMPLES, run: async () => void (await gradient()) });
    }
    const title = `${problem.name}: the data of a sample, and its potential with gradient; ${SAMPLES} per run, f64`;
    await compare(title, candidates, { clock: "cpu", seconds: 8, rounds: 7 });
  }
}

/** Milliseconds per sample that each op of the gradient takes, records run one after the other. */
export async function profile(): Promise<void> {
  for (const problem of [eit, darcy]) {
    const program = gradientProgram(problem);
    const { shardRows, records, outputs, values } = program.plans.gradient;
    const rows = Math.min(SAMPLES, shardRows);
    const executor = await createWasm(program);
    const inputs = { theta: draws(problem, 1).subarray(0, rows * problem.D), y: new Float64Array(rows * problem.M) };
    await executor.run("gradient", { rows, inputs });
    const steps = stepsOf(executor, "gradient", rows, shardRows);
    const names = [...records.shard.map(({ op }) => op), ...outputs.map(() => "output")];
    const times: number[][] = steps.map(() => []);
    const end = performance.now() + 4000;
    while (performance.now() < end) {
      for (const [i, { run }] of steps.entries()) {
        const start = performance.now();
        run();
        times[i].push(performance.now() - start);
      }
    }
    const total = new Map<string, number>();
    // On a machine with other load the lower quartile is closer to the time of the work alone.
    for (const [i, t] of times.entries())
      total.set(names[i], (total.get(names[i]) ?? 0) + t.sort((a, b) => a - b)[Math.floor(t.length / 4)] / rows);
    const sum = [...total.values()].reduce((a, b) => a + b);
    const lines = [...total]
      .sort((a, b) => b[1] - a[1])
      .map(([name, ms]) => [name, `${ms.toFixed(4)} ms`, `${((100 * ms) / sum).toFixed(1)} %`]);
    console.log(`\n${problem.name}, gradient by op, ${rows} rows (${values.length} values), ${executor.device}:`);
    console.log(table([...lines, ["all", `${sum.toFixed(4)} ms`, ""]]));
  }
}
