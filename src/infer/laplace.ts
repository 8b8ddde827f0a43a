/**
 * Laplace's approximation with the Gauss–Newton curvature (Tierney & Kadane, JASA 81 (1986); Bui-Thanh et al., SIAM J. Sci.
 * Comput. 35 (2013), §3): a Gaussian at the mode of each posterior, without training,
 *
 *   q(z | y) = N(z; m, H⁻¹),   m = argmax U,   log p(y) ≈ U(m) + D/2 log 2π − ½ log |H|,
 *
 * with z, U and H as in search/step.ts. It is exact for a linear model with normal prior and noise. Searches start near the prior's
 * centre and at draws from the prior; the Gaussian is at the mode with the largest mass.
 */

import type { Executor, Rows } from "../backends/backend.ts";
import { cachedBy, cachedByBackend } from "../backends/executor-cache.ts";
import { type BackendOptions, backendTable, createExact } from "../backends/select.ts";
import { expectRoom, type OptionsOf, oneOf, option, readOptions, seed, whole } from "../checks/options.ts";
import { type Distribution, isLinear, stretchedCovariance } from "../distributions/distribution.ts";
import { frameOf } from "../distributions/frame.ts";
import { add, cast, input, mul, random, square, sub, sumFeatures, triMul, triSolve } from "../graph/build.ts";
import { logDet } from "../graph/linear.ts";
import { compile, type Program } from "../graph/program.ts";
import { normalConstant } from "../guides/guide.ts";
import { atOnce } from "../host/yielding.ts";
import { STREAMS } from "../numbers/random.ts";
import { invert, packed, symmetric } from "../numbers/triangles.ts";
import { drawnSummary, gaussianSummary, makePosterior, type Posterior, type Summary } from "../posterior/posterior.ts";
import { expectProblem } from "../problem/expect.ts";
import { withNoiseOf } from "../problem/observed.ts";
import { observedNoise } from "../problem/observed-noise.ts";
import { isRows, type Problem } from "../problem/problem.ts";
import { seenBy } from "../problem/seen.ts";
import type { Observation } from "../problem/set.ts";
import { rowsOfData } from "../problem/set-rows.ts";
import { centred, restored, workOf } from "../problem/work.ts";
import type { CorrectedPosterior, CorrectOptions } from "../sampling/correct.ts";
import { climb } from "../search/climb.ts";
import { type Found, type Mode, massOf, rank, warningOf } from "../search/modes.ts";
import { type Curvature, curvatures, STEP_ROWS, traceStep } from "../search/step.ts";
import { SIMULATION_STEPS } from "../simulate/steps.ts";

export const laplaceTable = {
  /** Points that the search for the mode starts from: one near the prior's centre, then draws from the prior. */
  starts: option(whole(1), 5),
  /** Most steps of one search. */
  iterations: option(whole(1), 100),
  /**
   * "gauss-newton": first derivatives of the model, so that the curvature of the misfit is never negative. "newton": second
   * derivatives too, for models that are strongly curved within the posterior; each step costs more. Noise that does not state its
   * Fisher information takes "newton".
   */
  curvature: option(oneOf(...curvatures), "gauss-newton"),
  /** Draws from which mean, covariance and quantiles are computed if the prior has bounds. */
  draws: option(whole(2), 4096),
  /** Seed of the starts and of these draws. */
  seed: option(seed, 0),
  /** The noise of the observation: { scale }, a factor of the noise of the problem, or a list of them, one for each observation. */
  noise: option(observedNoise),
  ...backendTable,
};
/** Options of `laplace`. */
export type LaplaceOptions = OptionsOf<typeof laplaceTable>;

/** A posterior by Laplace's approximation: normal densities at the modes, on the whole line. */
export interface LaplacePosterior extends Posterior {
  readonly problem: Problem;
  /** The parameters (D) at the centre of the Gaussian on the whole line. */
  readonly mode: Float64Array;
  /** Whether the search ended within 1e-4 posterior standard deviations of the mode. */
  readonly converged: boolean;
  /** Steps of the search that found it. */
  readonly iterations: number;
  /** All modes found, the one described first. */
  readonly modes: readonly Mode[];
  /** Laplace's approximation of log p(y), by the mode described. */
  readonly logEvidence: number;
  /** Corrects to the exact posterior, asymptotically, as `correct` of an amortised posterior does. */
  correct(options?: CorrectOptions): Promise<CorrectedPosterior>;
}

const NEAR_CENTRE = 0.1;

/**
 * The posterior of one observation (M), or the posteriors of many observations (a list of rows) together, without training.
 * NaN and null stand for missing data; a problem of sets takes a set, or a list of sets.
 * @throws for a problem without a forward model in ops, or with noise that has no density of what was observed; if a row of data has the wrong length or a number that is not finite; if the
 * posterior is finite at none of the starts.
 */
export function laplace(problem: Problem, y: Observation, options?: LaplaceOptions): Promise<LaplacePosterior>;
export function laplace(
  problem: Problem,
  y: readonly Observation[],
  options?: LaplaceOptions,
): Promise<LaplacePosterior[]>;
export async function laplace(
  problem: Problem,
  y: Observation | readonly Observation[],
  options: LaplaceOptions = {},
): Promise<LaplacePosterior | LaplacePosterior[]> {
  expectProblem("laplace", problem);
  const { starts, iterations, curvature, draws, seed, noise, ...backend } = readOptions(
    "laplace",
    laplaceTable,
    options,
  );
  expectRoom("laplace", "starts", starts, problem.D);
  expectRoom("laplace", "draws", draws, problem.D);
  const observed = withNoiseOf("laplace", rowsOfData(problem, y), noise);
  const seen = seenBy(problem, observed);
  const { rows } = seen;
  const { executor } = await kept(seen.problem)[curvature](backend);
  const drawn = await executor.run("starts", { rows: starts, seed, step: SIMULATION_STEPS.starts });
  // Not the centre itself: a symmetric model has a saddle there, which Gauss–Newton cannot distinguish from a mode.
  const z = split(drawn.z, problem.D).map((start, s) => (s === 0 ? start.map((x) => x * NEAR_CENTRE) : start));
  const ends = await climb(
    executor,
    "step",
    rows.flatMap(() => z),
    rows.flatMap((row) => z.map(() => row)),
    iterations,
  );
  const posteriors: LaplacePosterior[] = [];
  for (const i of rows.keys()) {
    const where = rows.length > 1 ? `y, row ${i + 1}` : "y";
    const found = rank(ends.slice(i * starts, (i + 1) * starts), problem, where);
    posteriors.push(
      await posteriorOf({ executor, problem, ...observed[i], found, draws, seed, iterations, curvature, backend }),
    );
  }
  return isRows(y) ? posteriors : posteriors[0];
}

const split = (flat: ArrayLike<number>, width: number): Float64Array[] =>
  Array.from({ length: flat.length / width }, (_, i) =>
    Float64Array.from({ length: width }, (_x, d) => flat[i * width + d]),
  );

const kept = cachedBy((problem: Problem) => {
  const of = (curvature: Curvature) =>
    cachedByBackend(async (backend) => ({ executor: await createExact(programOf(problem, curvature), backend) }));
  return { "gauss-newton": of("gauss-newton"), newton: of("newton") } satisfies Record<Curvature, unknown>;
});

/** Plans: `step`; `starts`, draws of the prior in z; `theta` of z; `sample` and `logProb` of the Gaussian. */
function programOf(problem: Problem, curvature: Curvature): Program {
  const work = workOf(problem);
  const { D, prior, centre } = work;
  const frame = frameOf(prior);
  const dtype = "f64";
  const z = input("z", D, { dtype });
  const mode = input("mode", D, { dtype, repeat: true });
  const factor = input("factor", packed(D), { dtype, repeat: true }); // of the precision: H = C Cᵀ
  const noise = cast(random("normal", D, STREAMS.posterior), dtype);
  const drawn = add(mode, triSolve(factor, noise, { transpose: true }));
  const theta = centred(input("theta", D, { dtype }), centre);
  const back = triMul(factor, sub(frame.toGuide(theta), mode), { transpose: true });
  const logQ = mul(sub(logDet(factor), sumFeatures(square(back))), 0.5);
  return atOnce(
    compile({
      step: { outputs: traceStep(work, curvature), rows: STEP_ROWS },
      starts: { outputs: { z: frame.toGuide(prior.draw(STREAMS.prior, dtype)) } },
      theta: { outputs: { theta: restored(frame.fromGuide(z), centre) } },
      // Rounded first, so that θ stays in the support.
      sample: { outputs: { theta: restored(frame.fromGuide(cast(drawn, "f32")), centre) } },
      logProb: { outputs: { logProb: add(add(logQ, normalConstant(D)), frame.logDet(theta)) } },
    }),
  );
}

/** Covariance (D, D) of a precision C Cᵀ, row by row, in the units of θ. */
const covarianceOf = (factor: Float64Array, prior: Distribution, D = prior.size): Float64Array =>
  stretchedCovariance(
    prior,
    symmetric(invert(factor)).map((v, k) => v * prior.realSd[Math.floor(k / D)] * prior.realSd[k % D]),
  );

interface Parts {
  readonly executor: Executor;
  readonly problem: Problem;
  readonly y: Float64Array;
  readonly scale?: ArrayLike<number> | undefined;
  readonly found: Found;
  readonly draws: number;
  readonly seed: number;
  readonly iterations: number;
  readonly curvature: Curvature;
  readonly backend: BackendOptions;
}

async function posteriorOf(parts: Parts): Promise<LaplacePosterior> {
  const { executor, problem, y, scale, found, draws, seed, iterations, curvature, backend } = parts;
  const { D, prior } = problem;
  const { modes } = found;
  const [{ at }] = modes;
  const given = { mode: at.z, factor: at.factor };
  const draw = async (count: number, own: number): Promise<Rows> =>
    (await executor.run("sample", { rows: count, repeat: count, inputs: given, seed: own })).theta;
  const z = new Float64Array(modes.length * D);
  for (const [k, mode] of modes.entries()) z.set(mode.at.z, k * D);
  const thetas = split((await executor.run("theta", { rows: modes.length, inputs: { z } })).theta, D);
  const summary: Summary = isLinear(prior)
    ? gaussianSummary(thetas[0], covarianceOf(at.factor, prior))
    : drawnSummary(await draw(draws, seed), D);
  const posterior = makePosterior({
    owner: "laplace",
    prior,
    y,
    scale,
    summary,
    warning: warningOf(found, iterations, curvature),
    draw,
    density: async (theta, count) =>
      (await executor.run("logProb", { rows: count, repeat: count, inputs: { ...given, theta } })).logProb,
  });
  return {
    ...posterior,
    problem,
    mode: thetas[0],
    converged: at.converged,
    iterations: at.iterations,
    modes: modes.map((mode, k) => ({ theta: thetas[k], logMass: massOf(mode.at), starts: mode.starts })),
    logEvidence: massOf(at),
    correct: async (own) => {
      const { correct } = await import("../sampling/correct.ts");
      const drawn = async (count: number) =>
        summary.draws && count * D <= summary.draws.length
          ? { theta: summary.draws.subarray(0, count * D) }
          : undefined;
      return correct({ owner: problem.name, problem, D, posterior, drawn, backend }, own);
    },
  };
}
