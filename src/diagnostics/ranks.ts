/**
 * Where true parameters stand among draws of their posteriors: the one pass over simulated cases that calibration (sbc.ts),
 * coverage (coverage.ts) and TARP (tarp.ts) are read from. For a case (θ*, y), θ* from the prior and y from θ*, and L draws
 * θ_1 … θ_L of q(· | y),
 *
 *   r = #{ l : s(θ_l, y) < s(θ*, y) },   uniform on 0 … L if q is the posterior, for any s of parameters and data.
 *
 * Taken for s are the parameters, log q, the distance from a reference point, and whatever else is asked for. Equal values
 * (of parameters that are clamped, say) are ordered at random.
 */

import { describe } from "../checks/arguments.ts";
import { expectOptions, expectSeed } from "../checks/options.ts";
import { normalAt, STREAMS, uniformAt } from "../numbers/random.ts";
import type { Posterior } from "../posterior/posterior.ts";
import { expectWhole, flatRows, momentsOf, type Rows } from "./arrays.ts";

/** s(θ, y) of parameters (S, D), row by row, and data (M): one number a row, (S). */
export interface Quantity {
  readonly name: string;
  readonly of: (theta: Float64Array, y: ArrayLike<number>) => ArrayLike<number> | Promise<ArrayLike<number>>;
}

export interface RankOptions {
  /** Draws L a case; default 199. */
  readonly draws?: number;
  /** Default 0. Each case draws with a seed of its own, `seed` and its number. */
  readonly seed?: number;
  /** Names of the parameters (D). */
  readonly names?: readonly string[];
  /** What else is ranked. */
  readonly quantities?: readonly Quantity[];
  /** Reference points (N, D) of TARP. Default: normal with the mean and sd of the true parameters, blind to the data. */
  readonly references?: Rows;
  readonly onProgress?: (done: number, count: number) => void;
  readonly signal?: AbortSignal;
}

/** Ranks of N truths, 0 … `draws`. */
export interface Ranks {
  readonly count: number;
  readonly draws: number;
  readonly parameters: readonly { readonly name: string; readonly ranks: Int32Array }[];
  readonly quantities: readonly { readonly name: string; readonly ranks: Int32Array }[];
  /** Draws whose log q is *above* that of the truth: the smallest region of highest density that holds it has so many. */
  readonly density: Int32Array;
  /** Draws nearer to the reference point than the truth, in sd of the true parameters. */
  readonly distance: Int32Array;
}

/** How many of values[1 …] are below values[0], equals by chance u in (0, 1). */
function rank(values: ArrayLike<number>, u: number): number {
  let [less, equal] = [0, 0];
  for (let l = 1; l < values.length; l++) {
    if (values[l] < values[0]) less++;
    else if (values[l] === values[0]) equal++;
  }
  return less + Math.floor(u * (equal + 1));
}

/**
 * Ranks the true parameters (N, D) of N cases among draws of the N posteriors of their data. The cases must be as the model
 * says: parameters from the prior (not a proposal), data simulated from them. 1000 cases show miscalibration of some 5 %.
 * @throws when counts do not match, or a log-density is NaN; the signal's reason when it is aborted.
 */
export async function rankTruths(
  posteriors: readonly Pick<Posterior, "y" | "mean" | "sample" | "logProb">[],
  theta: Rows,
  options: RankOptions = {},
): Promise<Ranks> {
  const known = ["draws", "seed", "names", "quantities", "references", "onProgress", "signal"];
  expectOptions("rankTruths", options, known);
  const { draws: L = 199, seed = 0, quantities = [], onProgress, signal } = options;
  expectWhole("rankTruths", "draws", L, 2);
  expectSeed("rankTruths", seed);
  if (!Array.isArray(posteriors) || posteriors.length === 0)
    throw new Error(`rankTruths: expected a list of posteriors, got ${describe(posteriors)}`);
  const [N, D] = [posteriors.length, posteriors[0].mean.length];
  const truths = flatRows("rankTruths", "theta", theta, D);
  if (truths.length !== N * D)
    throw new Error(
      `rankTruths: expected the parameters of ${N} cases, as many as posteriors, got ${truths.length / D}`,
    );
  const names = options.names ?? Array.from({ length: D }, (_, d) => `θ${d + 1}`);
  if (names.length !== D) throw new Error(`rankTruths: expected ${D} names, got ${names.length}`);
  const { mean, sd } = momentsOf(truths, D);
  const references =
    options.references === undefined
      ? Float64Array.from(truths, (_, i) => {
          const d = i % D;
          return mean[d] + sd[d] * normalAt(seed, STREAMS.references, 0, (i - d) / D, d);
        })
      : flatRows("rankTruths", "references", options.references, D);
  if (references.length !== N * D)
    throw new Error(`rankTruths: expected ${N} references, got ${references.length / D}`);

  const list = (): Int32Array => new Int32Array(N);
  const parameters = names.map((name) => ({ name, ranks: list() }));
  const others = quantities.map(({ name, of }) => ({ name, of, ranks: list() }));
  const [density, distance] = [list(), list()];
  const rows = new Float64Array((L + 1) * D); // the truth, then the draws
  for (let i = 0; i < N; i++) {
    const { y, sample, logProb } = posteriors[i];
    rows.set(truths.subarray(i * D, (i + 1) * D));
    rows.set(await sample(L, { seed: seed + i }), D);
    const chance = (column: number): number => uniformAt(seed, STREAMS.ties, 0, i, column);
    parameters.forEach(({ ranks }, d) => {
      ranks[i] = rank(
        Float64Array.from({ length: L + 1 }, (_, l) => rows[l * D + d]),
        chance(d),
      );
    });
    const away = Float64Array.from({ length: L + 1 }, (_, l) => {
      let sum = 0;
      for (let d = 0; d < D; d++) sum += ((rows[l * D + d] - references[i * D + d]) / sd[d]) ** 2;
      return sum;
    });
    distance[i] = rank(away, chance(D));
    density[i] = rank(negated(await logProb(rows), i), chance(D + 1));
    for (const [k, { of, name, ranks }] of others.entries()) {
      const values = await of(rows, y);
      if (values.length !== L + 1)
        throw new Error(`rankTruths: expected ${L + 1} numbers from "${name}", got ${values.length}`);
      ranks[i] = rank(values, chance(D + 2 + k));
    }
    onProgress?.(i + 1, N);
    signal?.throwIfAborted();
  }
  return {
    count: N,
    draws: L,
    parameters,
    quantities: others.map(({ name, ranks }) => ({ name, ranks })),
    density,
    distance,
  };
}

/** −log q: what is densest stands lowest. */
function negated(values: Float64Array, i: number): Float64Array {
  const bad = values.findIndex((v) => Number.isNaN(v));
  if (bad >= 0) throw new Error(`rankTruths: expected log-densities, got NaN in case ${i + 1}, draw ${bad}`);
  return values.map((v) => -v);
}
