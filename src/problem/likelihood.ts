/** The likelihood of a problem, and its absence in words. */
import { expectBatch } from "../distributions/distribution.ts";
import { add, cast, tile } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Problem } from "./problem.ts";
import type { Simulator } from "./simulator.ts";

/** Whether the noise has no density: data that include theirs, or a likelihood() of draws alone. */
export const lacksDensity = ({ noise }: Pick<Problem, "noise">): boolean => noise.lacks.includes("logDensity");

/** Why a problem has no likelihood with derivatives, in words; null where it has one. */
export function whyNoLikelihood(problem: Problem): string | null {
  if (problem.forward === null) return sourceOf(problem);
  return lacksDensity(problem) ? `noise "${problem.noise.name}" without logDensity` : null;
}

/** The source of the data of a problem without a forward model in ops, in words. */
export const sourceOf = (problem: { readonly simulate?: Simulator | null }): string =>
  problem.simulate ? "only simulate()" : "only pairs from elsewhere";

/**
 * log p(y | θ), (T·B, 1), of the type of θ, for θ (T·B, D) and rows of data (T·B, width), or (B, width) for all tiles alike; the width
 * is M where the problem is not one of rows with circumstances.
 * @throws when the problem has no forward model in ops, and so no likelihood.
 */
export function logLikelihood(
  problem: Pick<Problem, "name" | "D" | "layout" | "forward" | "noise"> & Partial<Pick<Problem, "simulate">>,
  theta: Tensor,
  y: Tensor,
): Tensor {
  const { name, D, layout, forward, noise } = problem;
  if (forward === null) {
    throw new Error(
      `${name}: expected a forward model written with ops, got ${sourceOf(problem)}, which has no likelihood; use objective "npe"`,
    );
  }
  expectBatch(name, "theta", theta, D);
  expectBatch(name, "y", y, layout.width);
  const data = cast(y, theta.dtype);
  const clean = forward(theta);
  return noise.at(theta, clean).logDensity(data.rows === 1 ? tile(data, theta.rows) : data, clean);
}

/** log p(y | θ) + log p(θ), (T·B, 1): the log posterior up to a constant. The arguments are those of `logLikelihood`. */
export const potential = (problem: Problem, theta: Tensor, y: Tensor): Tensor =>
  add(logLikelihood(problem, theta, y), problem.prior.logDensity(theta));
