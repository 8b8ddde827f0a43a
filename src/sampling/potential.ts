/**
 * The density that samplers evaluate: the log posterior density on the whole line, in prior standard deviations
 * (distributions/frame.ts),
 *
 *   U(z) = log p(y | θ) + log p(θ) − log |dz/dθ|,   θ = T⁻¹(z),
 *
 * and its gradient, in f64, for rows of many observations at once. The executor of a problem and backend is cached.
 */
import type { Executor } from "../backends/backend.ts";
import { cachedBy, cachedByBackend } from "../backends/executor-cache.ts";
import { type BackendOptions, createExact } from "../backends/select.ts";
import { frameOf } from "../distributions/frame.ts";
import { cast, input, mul, sub } from "../graph/build.ts";
import { grad } from "../graph/grad.ts";
import { compile, type Program } from "../graph/program.ts";
import { atOnce } from "../host/yielding.ts";
import { STREAMS } from "../numbers/random.ts";
import { lacksDensity, potential, sourceOf } from "../problem/likelihood.ts";
import type { Problem } from "../problem/problem.ts";
import { centred, restored, workOf } from "../problem/work.ts";

/** Rows of a shard: the chains of two observations, so that tensors between kernels stay in cache. */
export const SHARD_ROWS = 16;

/**
 * Plans for a problem with a forward model in ops: `gradient` (U and ∇U) and `density` (U) of z, with one row of data for many
 * rows of z; `joint`, log p(y, θ) of θ; `toLine` and `toTheta` between θ and z; `starts`, draws of the prior.
 */
export function samplerProgram(problem: Problem): Program {
  const work = workOf(problem);
  const { D, layout, prior, centre } = work;
  const frame = frameOf(prior);
  const dtype = "f64";
  const z = input("z", D, { dtype });
  const y = input("y", layout.width, { dtype, repeat: true });
  const theta = input("theta", D, { dtype });
  const at = frame.fromGuide(z);
  const value = sub(potential(work, at, y), frame.logDet(at));
  const gradient = grad(value, [z])[0] ?? mul(z, 0);
  return atOnce(
    compile({
      gradient: { outputs: { value, gradient }, rows: SHARD_ROWS },
      density: { outputs: { value }, rows: SHARD_ROWS },
      joint: { outputs: { value: potential(problem, theta, y) }, rows: SHARD_ROWS },
      toLine: { outputs: { z: frame.toGuide(centred(theta, centre)), logDet: frame.logDet(centred(theta, centre)) } },
      // Rounded first, so that θ stays in the support.
      toTheta: { outputs: { theta: restored(frame.fromGuide(cast(z, "f32")), centre) } },
      starts: { outputs: { z: frame.toGuide(prior.draw(STREAMS.prior, dtype)) } },
    }),
  );
}

export interface Sampler {
  readonly executor: Executor;
  readonly program: Program;
}

const kept = cachedBy((problem: Problem) =>
  cachedByBackend(async (options): Promise<Sampler> => {
    const program = samplerProgram(problem);
    return { program, executor: await createExact(program, options) };
  }),
);

/**
 * The sampler of a problem, cached as long as the problem lives.
 * @throws for a problem without a forward model in ops, with the name of `owner`.
 */
export async function samplerOf(owner: string, problem: Problem, options: BackendOptions = {}): Promise<Sampler> {
  if (problem.forward !== null && lacksDensity(problem))
    throw new Error(
      `${owner}: expected noise with a log-density, got "${problem.noise.name}" of "${problem.name}", which has only draw; give its logDensity`,
    );
  if (problem.forward === null)
    throw new Error(
      `${owner}: expected a problem with a forward model written with ops, got "${problem.name}", which has ${sourceOf(problem)}, so its likelihood and derivatives are not known; use a surrogate() of it, or write the model with ops`,
    );
  return kept(problem)(options);
}
