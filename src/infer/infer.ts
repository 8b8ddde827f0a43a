/** Inference: an inverse map applied to observations, in one forward pass for any number of them. */

import type { Executor, Rows } from "../backends/backend.ts";
import { type BackendOptions, backendTable, withDefaults } from "../backends/select.ts";
import { expectRoom, flag, type OptionsOf, option, readOptions, seed, whole } from "../checks/options.ts";
import { stretched, stretchedCovariance } from "../distributions/distribution.ts";
import { encodeObservations, packObservations } from "../model/encode-observations.ts";
import { expectMap } from "../model/expect.ts";
import type { InverseMap } from "../model/model.ts";
import { areSingle, withCentre, withoutCentre } from "../numbers/offsets.ts";
import { packed, symmetric, timesOwnTranspose } from "../numbers/triangles.ts";
import {
  drawnSummary,
  expectFinite,
  extended,
  gaussianSummary,
  makePosterior,
  type Posterior,
  type Summary,
} from "../posterior/posterior.ts";
import type { Observed } from "../problem/layout.ts";
import { observedNoise } from "../problem/observed-noise.ts";
import { checkData, isRows } from "../problem/problem.ts";
import type { Observation } from "../problem/set.ts";
import type { CorrectedPosterior, CorrectOptions } from "../sampling/correct.ts";
import { shareFarther, warningOf } from "./foreign.ts";

export const inferTable = {
  /** Draws that mean, covariance and quantiles are computed from where the guide has no closed form. */
  draws: option(whole(2), 4096),
  /** Seed of those draws. */
  seed: option(seed, 0, "seed of the draws"),
  /**
   * Whether mean, covariance and quantiles can be read right away. On wasm in the caller's thread they are computed when one of
   * them is first read. WebGPU and workers cannot answer at once, so there `infer` computes them, unless this is false:
   * then `await posterior.summary()` does.
   */
  moments: option(flag, true, "compute mean, covariance and quantiles"),
  /**
   * The noise of the observation, for maps that were trained with `noise`: { scale }, a factor of the noise of the problem, one number or
   * one for each of the data; or a list of them, one for each observation. By default the noise of the problem, scale 1.
   */
  noise: option(observedNoise),
  ...backendTable,
};
/** Options of `infer`. */
export type InferOptions = OptionsOf<typeof inferTable>;

/** The posterior of one observation by an inverse map. */
export interface AmortisedPosterior extends Posterior {
  /** The map that it comes from. */
  readonly map: InverseMap;
  /** How far the observation lies from all simulations: between 1 and 2 for a usual one (nn/distance.ts). */
  readonly distance: number;
  /** Share of held-out simulations that lie as far or farther: near 0 for an observation unlike any of them. */
  readonly farther: number;
  /** A warning where the observation lies outside of everything simulated; undefined for a usual one. */
  readonly warning: string | undefined;
  /** Computes mean, sd, covariance, quantiles and `draws`, after which they can be read. */
  summary(): Promise<Summary>;
  /**
   * Corrects this posterior to the exact one, asymptotically, and reports how far the result can be trusted: by importance
   * weights, or by chains where weights are not enough.
   * @throws where the problem is not known or has no likelihood, with what to do.
   */
  correct(options?: CorrectOptions): Promise<CorrectedPosterior>;
}

/**
 * The posterior of one observation y (M), or the posteriors of many: a list of N rows (M).
 * NaN and null stand for missing data, where the map was trained with `missing`. A map of a problem of sets takes a set, or a list of sets.
 * @throws when a row has the wrong length or holds a number that is not finite, where the map was not trained for what is missing or for
 * the noise scale, and on invalid options.
 */
export function infer(map: InverseMap, y: Observation, options?: InferOptions): Promise<AmortisedPosterior>;
export function infer(
  map: InverseMap,
  y: readonly Observation[],
  options?: InferOptions,
): Promise<AmortisedPosterior[]>;
export async function infer(
  map: InverseMap,
  y: Observation | readonly Observation[],
  options: InferOptions = {},
): Promise<AmortisedPosterior | AmortisedPosterior[]> {
  expectMap("infer", map);
  const { draws, seed, moments, noise, ...where } = readOptions("infer", inferTable, options);
  const { D } = map.spec;
  expectRoom("infer", "draws", draws, D);
  const sets = map.spec.rows?.set;
  const rows = sets
    ? (await import("../problem/set-rows.ts")).setRows(map.spec, sets, y)
    : checkData(map.spec, y as ArrayLike<number>, map.spec.rows?.missing);
  const { refined } = map.spec;
  if (refined && rows.some((row) => row.some((v, m) => Math.fround(v) !== Math.fround(refined.y[m]))))
    throw new Error(
      "infer: expected the observation that this map was refined for, got another; use the map that was refined",
    );
  // A page whose noise is that of the problem does not load scales.
  const observed: readonly Observed[] =
    noise === undefined && !map.spec.rows?.scale
      ? rows.map((y) => ({ y }))
      : (await import("./observe.ts")).observe(map, rows, noise);
  const backend = withDefaults(map.backend, where);
  const executor = await map.executor("posterior", backend);
  const encoded = await encodeObservations(map, packObservations(map, observed), backend);
  const C = encoded.context.length / rows.length;
  const coarse = map.work.data !== null && areSingle(y as ArrayLike<number>) ? COARSE : undefined;
  const posteriors: AmortisedPosterior[] = [];
  for (const [i, row] of rows.entries()) {
    const context = encoded.context.subarray(i * C, (i + 1) * C) as Float32Array;
    // Overflow on the way: farther than any number.
    const distance = Number.isNaN(encoded.distance[i]) ? Number.POSITIVE_INFINITY : encoded.distance[i];
    const owner = rows.length > 1 ? `infer: y, row ${i + 1}` : "infer";
    const closed = map.closedForm
      ? closedSummary(map, encoded.mean.subarray(i * D, (i + 1) * D), encoded.factor, i)
      : undefined;
    const notFound = encoded.found?.[i] === 0 ? NOT_FOUND : undefined;
    const own = { row, scale: observed[i].scale, context, distance, closed, reasons: [coarse, notFound] };
    posteriors.push(await posteriorOf({ owner, map, backend, executor, draws, seed, moments, ...own }));
  }
  return isRows(y) ? posteriors : posteriors[0];
}

const NOT_FOUND = "the search for the mode that the guide starts from did not converge: correct() this posterior";
const COARSE =
  "the observation is given in single precision, which has lost digits of data so far from 0: give numbers of double precision";

/** An observation that is encoded. */
export interface Encoded {
  /** Opens messages. */
  readonly owner: string;
  readonly map: InverseMap;
  readonly backend: BackendOptions;
  /** Executor of the map's program "posterior". */
  readonly executor: Executor;
  /** The observation (M), NaN where data are missing, and its noise scale, where that was given. */
  readonly row: Float64Array;
  readonly scale: ArrayLike<number> | undefined;
  /** (C) */
  readonly context: Float32Array;
  readonly distance: number;
  /** Undefined where the summary is computed from `draws` draws with `seed`. */
  readonly closed: Summary | undefined;
  readonly draws: number;
  readonly seed: number;
  readonly moments: boolean;
  /** What makes it doubtful, beside the distance. */
  readonly reasons: readonly (string | undefined)[];
}

/** The posterior of one observation. It draws as if it were alone, so that it does not depend on the others. */
export async function posteriorOf(encoded: Encoded): Promise<AmortisedPosterior> {
  const { owner, map, backend, executor, row, scale, context, distance, closed, draws, seed, moments, reasons } =
    encoded;
  expectFinite(owner, "context", context); // draws are made later, if at all
  const request = (count: number, own: number) => ({ rows: count, repeat: count, inputs: { context }, seed: own });
  const sample = (count: number, own: number) => executor.run("sample", request(count, own));
  const thetaOf = ({ theta }: Record<string, Rows>): Rows => withCentre(theta, map.work.parameters);
  /** The first draws of the summary, as many as were asked for. */
  let drawn: Record<string, Rows> | undefined;
  const lacks = (count: number): boolean => closed === undefined && !(drawn && drawn.logProb.length >= count);
  const drawNow = (): Record<string, Rows> => {
    if (lacks(draws)) drawn = executor.runNow?.("sample", request(draws, seed)) ?? drawn;
    if (drawn && !lacks(draws)) return drawn;
    throw new Error(
      `${owner}: expected "await posterior.summary()" before mean, sd, covariance, quantiles or draws, because of moments: false`,
    );
  };
  const draw = async (count = draws): Promise<typeof drawn> => {
    if (lacks(count)) drawn = await sample(count, seed);
    return drawn;
  };
  if (moments && !executor.runNow) await draw();
  const farther = shareFarther(map.spec.distances, distance);
  const posterior = makePosterior({
    owner,
    prior: map.prior,
    y: row,
    scale,
    summary: closed ?? (() => drawnSummary(thetaOf(drawNow()), map.spec.D)),
    warning: [...reasons, warningOf(map.spec, row, distance)].filter(Boolean).join("; ") || undefined,
    draw: async (count, own) => thetaOf(await sample(count, own)),
    density: async (theta, count) => {
      const density = await map.executor("density", backend);
      const inputs = { context, theta: withoutCentre(theta, map.work.parameters) };
      return (await density.run("logProb", { rows: count, repeat: count, inputs })).logProb;
    },
  });
  // Corrections are loaded when one is asked for, so that a page that only infers does not load them.
  const correct: AmortisedPosterior["correct"] = async (options) =>
    (await import("./correct-amortised.ts")).correctAmortised(
      { owner, map, posterior: made, backend, draws, draw },
      options,
    );
  const summary: AmortisedPosterior["summary"] = async () => {
    await draw();
    const { mean, sd, covariance, draws, quantile } = made;
    return { mean, sd, covariance, draws, quantile };
  };
  const made = extended(posterior, { map, distance, farther, summary, correct });
  return made;
}

/** The summary of row i of a Gaussian guide, in closed form: z ~ N(m, L Lᵀ), θ = μ + A σ z. `factors` holds L packed, row by row. */
export function closedSummary(
  { spec: { D }, work: { prior, parameters } }: InverseMap,
  m: ArrayLike<number>,
  factors: ArrayLike<number>,
  i: number,
): Summary {
  const size = packed(D);
  const scaled = Float64Array.from({ length: size }, (_, k) => factors[i * size + k]);
  for (let r = 0, at = 0; r < D; r++) for (let c = 0; c <= r; c++, at++) scaled[at] *= prior.realSd[r];
  const covariance = stretchedCovariance(prior, symmetric(timesOwnTranspose(scaled)));
  const shift = stretched(
    prior,
    prior.realSd.map((s, d) => s * m[d]),
  );
  const mean = prior.mean.map((x, d) => x + shift[d]);
  return gaussianSummary(withCentre(mean, parameters), covariance);
}
