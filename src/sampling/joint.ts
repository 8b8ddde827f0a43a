/**
 * The density that weights need, log p(y, θ) = log p(y | θ) + log p(θ): by the forward model in ops, or by the data of a simulator
 * and the problem's noise model. Weights need no derivatives, so a simulator is enough.
 */
import type { Rows } from "../backends/backend.ts";
import { cachedBy, cachedByBackend } from "../backends/executor-cache.ts";
import { type BackendOptions, createExact } from "../backends/select.ts";
import { isInside } from "../distributions/distribution.ts";
import { add, input } from "../graph/build.ts";
import { cost } from "../graph/plan.ts";
import { compile } from "../graph/program.ts";
import { atOnce } from "../host/yielding.ts";
import { logLikelihood } from "../problem/likelihood.ts";
import type { Problem } from "../problem/problem.ts";
import { dataAt } from "../simulate/data-at.ts";
import { samplerOf } from "./potential.ts";

const DRAWS = 2048;
const LEAST_DRAWS = 1024;
/** Operations that the forward model may take for all of them: some tens of milliseconds. */
const FLOPS = 5e8;

export interface Joint {
  /** log p(y, θ) (S) of θ (S, D) within the support of the prior; NaN or −∞ where there is no density. */
  readonly of: (theta: Float64Array) => Promise<Rows>;
  /** Draws to weigh by default: fewer where the forward model is expensive. */
  readonly draws: number;
}

/** Whether p(y | θ) can be evaluated: the problem tells its data without noise, and the noise. */
export const hasLikelihood = ({ forward, simulate, noise }: Problem): boolean =>
  !noise.lacks.includes("logDensity") && (forward !== null || simulate !== null);

/** Plan `joint` of θ, noise-free data and y. */
const kept = cachedBy((problem: Problem) =>
  cachedByBackend(async (backend) => {
    const { D, M, layout, prior } = problem;
    const dtype = "f64";
    const theta = input("theta", D, { dtype });
    const clean = input("clean", M, { dtype });
    const y = input("y", layout.width, { dtype, repeat: true });
    const value = add(logLikelihood({ ...problem, forward: () => clean }, theta, y), prior.logDensity(theta));
    const program = atOnce(compile({ joint: { outputs: { value } } }));
    return { executor: await createExact(program, backend) };
  }),
);

/** The density of a problem that has a likelihood, for data y (M). `seed` and `signal` are passed on to a simulator. */
export async function jointOf(
  problem: Problem,
  y: Float64Array,
  backend: BackendOptions,
  { seed, signal }: { readonly seed: number; readonly signal?: AbortSignal },
): Promise<Joint> {
  const { D, forward, prior, calls } = problem;
  if (forward !== null) {
    const { executor, program } = await samplerOf("correct", problem, backend);
    const affordable = Math.floor(FLOPS / Math.max(1, cost(program.plans.joint, 8).flops / 8));
    return {
      draws: Math.min(DRAWS, Math.max(LEAST_DRAWS, affordable)),
      of: async (theta) => {
        const rows = theta.length / D;
        return (await executor.run("joint", { rows, repeat: rows, inputs: { theta, y } })).value;
      },
    };
  }
  const { executor } = await kept(problem)(backend);
  return {
    draws: LEAST_DRAWS,
    of: async (theta) => {
      // A simulator is asked within the support alone: elsewhere there is no density, and perhaps no answer.
      const inside = Array.from({ length: theta.length / D }, (_, s) => s).filter((s) => {
        const point = theta.subarray(s * D, (s + 1) * D);
        return isInside(prior, point) && point.every(Number.isFinite);
      });
      const values = new Float64Array(theta.length / D).fill(Number.NEGATIVE_INFINITY);
      const rows = inside.length;
      if (rows === 0) return values;
      const some = Float64Array.from(inside.flatMap((s) => Array.from(theta.subarray(s * D, (s + 1) * D))));
      const { failures } = calls;
      const { data } = await dataAt("correct", problem, some, { ...backend, failures, seed, signal });
      const { value } = await executor.run("joint", { rows, repeat: rows, inputs: { theta: some, clean: data, y } });
      for (const [i, s] of inside.entries()) values[s] = value[i];
      return values;
    },
  };
}
