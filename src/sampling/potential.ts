/**
 * What samplers evaluate: the log posterior density on the whole line, in prior standard deviations (density.ts),
 *
 *   U(z) = log p(y | θ) + log p(θ) − log |dz/dθ|,   θ = T⁻¹(z),
 *
 * with its gradient, in f64, for rows of many observations at once. One executor a problem and backend is made and kept.
 */
import type { Executor } from "../backends/backend.ts";
import { type BackendOptions, backendKey, createExact } from "../backends/select.ts";
import { frameOf } from "../density.ts";
import { cast, input, mul, sub } from "../graph/build.ts";
import { grad } from "../graph/grad.ts";
import { compile, type Program } from "../graph/program.ts";
import { type Problem, potential, sourceOf } from "../problem.ts";
import { STREAMS } from "../random.ts";

/** Rows of a shard: what the chains of two observations take, so that tensors between kernels stay in cache. */
export const SHARD_ROWS = 16;

/**
 * Plans: `gradient` (U and ∇U) of z and y, one row of data for many of z; `value` of θ alone, its log density log p(y, θ);
 * `toLine` and `toTheta` between θ and z; `starts` draws of the prior.
 * @throws for a problem without a forward model in ops; `owner` is named.
 */
export function samplerProgram(owner: string, problem: Problem): Program {
  const { D, M, prior, name } = problem;
  if (problem.forward === null)
    throw new Error(
      `${owner}: expected a problem with a forward model written with ops, got "${name}", which has ${sourceOf(problem)}, so its likelihood and derivatives are not known; fit a surrogate() of it and use that, or write the model with ops`,
    );
  const frame = frameOf(prior);
  const dtype = "f64";
  const z = input("z", D, { dtype });
  const y = input("y", M, { dtype, repeat: true });
  const theta = input("theta", D, { dtype });
  const at = frame.fromGuide(z);
  const value = sub(potential(problem, at, y), frame.logDet(at));
  const gradient = grad(value, [z])[0] ?? mul(z, 0);
  return compile({
    gradient: { outputs: { value, gradient }, rows: SHARD_ROWS },
    density: { outputs: { value }, rows: SHARD_ROWS },
    joint: { outputs: { value: potential(problem, theta, y) }, rows: SHARD_ROWS },
    toLine: { outputs: { z: frame.toGuide(theta), logDet: frame.logDet(theta) } },
    toTheta: { outputs: { theta: frame.fromGuide(cast(z, "f32")) } }, // rounded before, so that it stays in the support
    starts: { outputs: { z: frame.toGuide(prior.draw(STREAMS.prior, dtype)) } },
  });
}

export interface Sampler {
  readonly executor: Executor;
  readonly program: Program;
}

const kept = new WeakMap<Problem, Map<string, Promise<Sampler>>>();

/** What samples a problem: made at the first use, kept as long as the problem, so that a second use compiles nothing. */
export function samplerOf(owner: string, problem: Problem, options: BackendOptions = {}): Promise<Sampler> {
  const known = kept.get(problem) ?? new Map<string, Promise<Sampler>>();
  kept.set(problem, known);
  const key = backendKey(options);
  const before = known.get(key);
  if (before) return before;
  const make = async (): Promise<Sampler> => {
    const program = samplerProgram(owner, problem);
    return { program, executor: await createExact(program, options) };
  };
  const made = make();
  known.set(key, made);
  made.catch(() => known.delete(key));
  return made;
}
