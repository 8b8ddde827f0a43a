/** Inference: an inverse map applied to measurements, one forward pass for any number of them. */

import type { Rows } from "../backends/backend.ts";
import { backendTable, withDefaults } from "../backends/select.ts";
import { expectRoom, type OptionsOf, option, readOptions, type SettingsOf, seed, whole } from "../checks/options.ts";
import { encode } from "../model/encode-observations.ts";
import { expectMap } from "../model/expect.ts";
import type { InverseMap } from "../model/model.ts";
import { drawnSummary, gaussianSummary, makePosterior, type Posterior, type Summary } from "../posterior/posterior.ts";
import { checkData, isRows } from "../problem/problem.ts";
import type { CorrectedPosterior, CorrectOptions } from "../sampling/correct.ts";

export const inferTable = {
  /** Draws that mean, covariance and quantiles are computed from where the guide has no closed form. */
  draws: option(whole(2), 4096),
  /** Seed of those draws. */
  seed: option(seed, 0),
  ...backendTable,
};
export type InferOptions = OptionsOf<typeof inferTable>;

/** A posterior that an inverse map answers. */
export interface AmortisedPosterior extends Posterior {
  readonly map: InverseMap;
  /** How far the datum lies from everything simulated: between 1 and 2 for a usual one (nn/distance.ts). */
  readonly distance: number;
  /** Share of held-out simulations that lie farther: near 0 for a datum unlike any. */
  readonly farther: number;
  /** Says that the datum lies outside of what was simulated; undefined for a usual one. */
  readonly warning: string | undefined;
  /**
   * The exact posterior, asymptotically, with what tells whether to believe it: importance weights, or chains where those are
   * not enough. @throws where the problem is not known, or has no likelihood, with what to do.
   */
  correct(options?: CorrectOptions): Promise<CorrectedPosterior>;
}

/**
 * Posteriors of one measurement (M), or of many: a list of rows.
 * @throws when a row has the wrong length or holds a number that is not finite.
 */
export function infer(map: InverseMap, y: ArrayLike<number>, options?: InferOptions): Promise<AmortisedPosterior>;
export function infer(
  map: InverseMap,
  y: readonly ArrayLike<number>[],
  options?: InferOptions,
): Promise<AmortisedPosterior[]>;
export async function infer(
  map: InverseMap,
  y: ArrayLike<number> | readonly ArrayLike<number>[],
  options: InferOptions = {},
): Promise<AmortisedPosterior | AmortisedPosterior[]> {
  expectMap("infer", map);
  const settings = readOptions("infer", inferTable, options);
  const posteriors = await inferRows(map, checkData(map.spec, y), settings);
  return isRows(y) ? posteriors : posteriors[0];
}

async function inferRows(
  map: InverseMap,
  rows: readonly Float64Array[],
  { draws, seed, ...options }: SettingsOf<typeof inferTable>,
): Promise<AmortisedPosterior[]> {
  const { D, M } = map.spec;
  expectRoom("infer", "draws", draws, D);
  const N = rows.length;
  const backend = withDefaults(map.backend, options);
  const engine = await map.engine("posterior", backend);
  const y = new Float32Array(N * M);
  for (const [i, row] of rows.entries()) y.set(row, i * M);
  const over = y.findIndex((x) => !Number.isFinite(x));
  if (over >= 0) {
    const where = N > 1 ? `y, row ${Math.floor(over / M) + 1}` : "y";
    const value = rows[Math.floor(over / M)][over % M];
    throw new Error(`${where}: expected numbers of single precision, got ${value} in column ${(over % M) + 1}`);
  }
  const encoded = await encode(map, y, backend);
  const C = encoded.context.length / N;
  const context = (i: number): Float32Array => encoded.context.subarray(i * C, (i + 1) * C) as Float32Array;
  // Each observation draws as if it were alone: what it is answered does not depend on the others.
  const sample = (i: number, rows: number, seedOf: number) =>
    engine.run("sample", { rows, repeat: rows, inputs: { context: context(i) }, seed: seedOf });
  const summaries: Summary[] = [];
  const densities: (Rows | undefined)[] = []; // of the draws of summaries: corrections weigh them
  for (let i = 0; i < N; i++) {
    if (map.closedForm) {
      summaries.push(closedSummary(map, encoded.mean.subarray(i * D, (i + 1) * D), encoded.factor, i));
    } else {
      const { theta, logProb } = await sample(i, draws, seed);
      summaries.push(drawnSummary(theta as Float32Array, D));
      densities[i] = logProb;
    }
  }

  return rows.map((row, i): AmortisedPosterior => {
    const distance = encoded.distance[i];
    const farther = shareFarther(map.spec.distances, distance);
    const posterior = makePosterior({
      prior: map.prior,
      y: row,
      summary: summaries[i],
      warning: warningOf(map, distance, farther),
      draw: async (count, ownSeed) => (await sample(i, count, ownSeed)).theta as Float32Array,
      density: async (theta, count) => {
        const density = await map.engine("density", backend);
        const inputs = { context: context(i), theta: Float32Array.from(theta) };
        return (await density.run("logProb", { rows: count, repeat: count, inputs })).logProb;
      },
    });
    // Loaded when it is asked for: a page that only infers does without.
    const correct: AmortisedPosterior["correct"] = async (own) => {
      const source = { owner: map.spec.problem, problem: map.problem, posterior: made, logQ: densities[i], backend };
      return (await import("../sampling/correct.ts")).correct(source, own);
    };
    const made = { ...posterior, map, distance, farther, correct };
    return made;
  });
}

/** Closed form of a Gaussian guide: z ~ N(m, L Lᵀ), θ = μ + σ z. */
function closedSummary(
  { spec: { D }, prior }: InverseMap,
  m: ArrayLike<number>,
  factors: ArrayLike<number>,
  i: number,
): Summary {
  const size = (D * (D + 1)) / 2;
  const entry = (r: number, c: number): number => factors[i * size + (r * (r + 1)) / 2 + c] * prior.realSd[r];
  const covariance = new Float64Array(D * D);
  for (let r = 0; r < D; r++) {
    for (let c = 0; c <= r; c++) {
      let sum = 0;
      for (let k = 0; k <= c; k++) sum += entry(r, k) * entry(c, k);
      covariance[r * D + c] = covariance[c * D + r] = sum;
    }
  }
  return gaussianSummary(
    Float64Array.from({ length: D }, (_, d) => prior.realMean[d] + prior.realSd[d] * m[d]),
    covariance,
  );
}

/** Share of the held-out distances above `distance`, from their quantiles. */
function shareFarther(quantiles: readonly number[], distance: number): number {
  const below = quantiles.filter((q) => q <= distance).length;
  return Math.max(0, 1 - below / quantiles.length);
}

function warningOf({ spec }: InverseMap, distance: number, farther: number): string | undefined {
  if (farther > 0) return undefined;
  const largest = spec.distances[spec.distances.length - 1];
  const ratio = Math.sqrt(distance / largest);
  const times = Number.isFinite(ratio) ? `${ratio.toFixed(2)} times` : "immeasurably many times";
  return `the datum is ${times} as far from the simulations as the farthest of ${spec.problem}'s held-out ones: the posterior is extrapolated`;
}
