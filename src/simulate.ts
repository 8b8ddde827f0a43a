/** Simulated data sets: parameters from the prior (or the proposal), noise-free data, noisy data. */

import type { Executor } from "./backends/backend.ts";
import { type BackendOptions, createExecutor } from "./backends/select.ts";
import { expectCount, expectOptions, expectProblem, expectSeed } from "./checks.ts";
import { describe } from "./distributions/arguments.ts";
import { bankRows, cast, input } from "./graph/build.ts";
import { compile } from "./graph/program.ts";
import type { DType, Tensor } from "./graph/tensor.ts";
import { STREAMS } from "./objectives/objective.ts";
import type { Problem } from "./problem.ts";

/** Steps of the counter that training never reaches: each use of simulations has its own draws. */
export const SIMULATION_STEPS = {
  bank: -1,
  heldOut: -2,
  fingerprint: -3,
  validation: -4,
  user: -5,
  starts: -6,
} as const;

export interface Simulations {
  readonly count: number;
  /** (count, D) */
  readonly theta: Float32Array;
  /** (count, M), without noise and with it. */
  readonly clean: Float32Array;
  readonly noisy: Float32Array;
}

/** Fresh parameters and data of a batch, drawn inside the plan: online simulation. Both f32. */
export function traceSimulation(problem: Problem, precision: DType): { theta: Tensor; clean: Tensor; noisy: Tensor } {
  if (problem.forward === null) throw new Error(`internal: "${problem.name}" has no forward model to trace`);
  const theta = (problem.proposal ?? problem.prior).draw(STREAMS.prior, precision);
  const clean = cast(problem.forward(theta), "f32");
  return { theta: cast(theta, "f32"), clean, noisy: problem.noise.draw(clean, STREAMS.noise) };
}

/** Pairs drawn from a bank of simulations, with fresh noise. */
export function traceBank(problem: Problem): { theta: Tensor; noisy: Tensor } {
  const clean = bankRows("clean", problem.M, STREAMS.bank);
  return { theta: bankRows("theta", problem.D, STREAMS.bank), noisy: problem.noise.draw(clean, STREAMS.noise) };
}

export interface SimulateOptions extends BackendOptions {
  /** Default 0. One seed gives the same simulations everywhere, and none that training sees. */
  readonly seed?: number;
}

/** Simulates `count` data sets: parameters from the prior (or the proposal), data without and with noise. */
export async function simulate(problem: Problem, count: number, options: SimulateOptions = {}): Promise<Simulations> {
  expectProblem("simulate", problem);
  expectCount("simulate", "a count", count, 1, problem.D + problem.M);
  expectOptions("simulate", options, ["seed", "backend", "kernels"]);
  const { seed = 0, ...backend } = options;
  expectSeed("simulate", seed);
  return simulateAt(problem, count, seed, SIMULATION_STEPS.user, backend);
}

/** Noise-free data (N, M) of parameters (N, D), row by row. @throws for a problem that is given by `simulate` alone. */
export async function predict(
  problem: Problem,
  theta: ArrayLike<number>,
  backend: BackendOptions = {},
): Promise<Float64Array> {
  expectProblem("predict", problem);
  expectOptions("predict", backend, ["backend", "kernels"]);
  const { D, forward, name } = problem;
  if (forward === null) throw new Error(`predict: expected a forward model in ops, and "${name}" has only simulate()`);
  if (typeof theta !== "object" || theta === null || !(theta.length > 0) || theta.length % D !== 0)
    throw new Error(`predict: expected parameters (N, ${D}), got ${theta?.length ?? describe(theta)} numbers`);
  const bad = Array.from(theta).findIndex((x) => !Number.isFinite(x));
  if (bad >= 0) {
    const got = describe(theta[bad]);
    throw new Error(`predict: expected finite numbers, got ${got} in row ${Math.floor(bad / D) + 1}`);
  }
  const program = compile({ predict: { outputs: { data: forward(input("theta", D, { dtype: "f64" })) } } });
  const inputs = { theta: Float64Array.from(theta) };
  return once(program, backend, async (executor) => {
    const { data } = await executor.run("predict", { rows: theta.length / D, inputs });
    refuseFault(executor, `predict: "${name}"`);
    return Float64Array.from(data);
  });
}

/** No sample ends as NaN in silence: what went wrong in a run is thrown, and names the sample. */
function refuseFault(executor: Executor, owner: string): void {
  const fault = executor.fault();
  if (fault !== undefined) throw new Error(`${owner}: ${fault}`);
}

/** Simulations at a step of the counter of draws. */
export async function simulateAt(
  problem: Problem,
  count: number,
  seed: number,
  step: number,
  options: BackendOptions = {},
): Promise<Simulations> {
  if (problem.forward === null) return simulateOutside(problem, count, seed, step, options);
  const program = compile({ simulate: { outputs: traceSimulation(problem, "f64") } });
  const out = await once(program, options, async (executor) => {
    const simulated = await executor.run("simulate", { rows: count, seed, step });
    refuseFault(executor, `simulate: "${problem.name}"`);
    return simulated;
  });
  return {
    count,
    theta: out.theta as Float32Array,
    clean: out.clean as Float32Array,
    noisy: out.noisy as Float32Array,
  };
}

/** A simulator that is a function: parameters from the backend, data from the function, noise from the backend. */
async function simulateOutside(
  problem: Problem,
  count: number,
  seed: number,
  step: number,
  options: BackendOptions,
): Promise<Simulations> {
  const { D, M } = problem;
  const program = compile({
    prior: { outputs: { theta: (problem.proposal ?? problem.prior).draw(STREAMS.prior, "f64") } },
    noise: { outputs: { noisy: problem.noise.draw(input("clean", M), STREAMS.noise) } },
  });
  return once(program, options, async (executor) => {
    const drawn = (await executor.run("prior", { rows: count, seed, step })).theta;
    const rows = Array.from({ length: count }, (_, i) => Float64Array.from(drawn.subarray(i * D, (i + 1) * D)));
    const data = await (problem.simulate as NonNullable<Problem["simulate"]>)(rows);
    if (!Array.isArray(data)) throw new Error(`simulate: expected ${count} rows of data, got ${typeof data}`);
    if (data.length !== count)
      throw new Error(`simulate: expected ${count} rows of data for ${count} parameters, got ${data.length}`);
    const clean = new Float32Array(count * M);
    data.forEach((row, i) => {
      if (row?.length !== M)
        throw new Error(`simulate: expected ${M} numbers in row ${i + 1}, got ${row?.length ?? typeof row}`);
      for (let j = 0; j < M; j++)
        if (!Number.isFinite(row[j]))
          throw new Error(`simulate: expected finite numbers, got ${row[j]} in row ${i + 1}`);
      clean.set(row, i * M);
    });
    const { noisy } = await executor.run("noise", { rows: count, seed, step, inputs: { clean } });
    return { count, theta: Float32Array.from(drawn), clean, noisy: noisy as Float32Array };
  });
}

/** Noise sd of each datum (M), from the noise itself, so that any noise model will do. */
export function noiseSd({ clean, noisy }: Pick<Simulations, "clean" | "noisy">, M: number): Float64Array {
  const sum = new Float64Array(M);
  for (let i = 0; i < clean.length; i++) {
    const noise = noisy[i] - clean[i];
    sum[i % M] += noise * noise;
  }
  return sum.map((s) => Math.sqrt((s * M) / clean.length));
}

/** An executor for one use. */
export async function once<T>(
  program: Parameters<typeof createExecutor>[0],
  options: BackendOptions,
  use: (executor: Executor) => Promise<T>,
): Promise<T> {
  const executor = await createExecutor(program, options);
  try {
    return await use(executor);
  } finally {
    executor.dispose();
  }
}
