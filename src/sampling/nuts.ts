/**
 * Posteriors by the no-U-turn sampler: asymptotically exact draws of
 *
 *   p(θ | y) ∝ p(y | θ) p(θ).
 *
 * This is the public function with its options; sample-chains.ts, which samples, is loaded at the first call.
 */
import { isRows, type Problem } from "../problem/problem.ts";
import type { Observation } from "../problem/set.ts";
import type { NutsOptions } from "./nuts-options.ts";
import type { SampledPosterior } from "./sampled.ts";

/**
 * Samples the posterior of one observation y (M), or the posteriors of many observations (a list of rows) together;
 * a problem of sets takes a set, or a list of sets.
 * @throws for a problem without a forward model in ops; if a row of y has the wrong length or a number that is not finite; if the
 *   density is not finite at a given start of a chain, or at 500 draws of the prior or posterior that it starts from; on invalid
 *   options; the signal's reason if it is aborted.
 */
export function nuts(problem: Problem, y: Observation, options?: NutsOptions): Promise<SampledPosterior>;
export function nuts(problem: Problem, y: readonly Observation[], options?: NutsOptions): Promise<SampledPosterior[]>;
export async function nuts(
  problem: Problem,
  y: Observation | readonly Observation[],
  options: NutsOptions = {},
): Promise<SampledPosterior | SampledPosterior[]> {
  const { sampleChains } = await import("./sample-chains.ts");
  const posteriors = await sampleChains(problem, y, options);
  return isRows(y) ? posteriors : posteriors[0];
}
