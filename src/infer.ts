/** Inference: an inverse map applied to measurements, one forward pass for any number of them. */

import type { BackendOptions } from "./backends/select.ts";
import { probit } from "./math.ts";
import type { InverseMap } from "./model.ts";
import { checkData, isRows } from "./problem.ts";

export interface InferOptions extends BackendOptions {
  /** Draws that mean, covariance and quantiles are taken from where the guide has no closed form; default 4096. */
  readonly draws?: number;
  /** Seed of those draws; default 0. */
  readonly seed?: number;
}

export interface Posterior {
  readonly map: InverseMap;
  /** The data (M). */
  readonly y: Float64Array;
  /** (D) */
  readonly mean: Float64Array;
  /** (D), square roots of the diagonal of the covariance. */
  readonly sd: Float64Array;
  /** (D, D), row by row. */
  readonly covariance: Float64Array;
  /** Quantiles of each parameter (D). @throws unless 0 < p < 1. */
  quantile(p: number): Float64Array;
  /** Draws (count, D). */
  sample(count: number, options?: { seed?: number }): Promise<Float32Array>;
  /** log q(θ | y) (S) of parameters (S, D), flat or row by row. */
  logProb(theta: ArrayLike<number> | readonly ArrayLike<number>[]): Promise<Float64Array>;
  /** The draws (S, D) that mean, covariance and quantiles were taken from; null where those are in closed form. */
  readonly draws: Float32Array | null;
  /** How far the datum lies from everything simulated: about 1 for a usual one. */
  readonly distance: number;
  /** Share of held-out simulations that lie farther: near 0 for a datum unlike any. */
  readonly farther: number;
  /** Says that the datum lies outside of what was simulated; undefined for a usual one. */
  readonly warning: string | undefined;
}

/**
 * Posteriors of one measurement (M), or of many: a list of rows.
 * @throws when a row has the wrong length or holds a number that is not finite.
 */
export function infer(map: InverseMap, y: ArrayLike<number>, options?: InferOptions): Promise<Posterior>;
export function infer(map: InverseMap, y: readonly ArrayLike<number>[], options?: InferOptions): Promise<Posterior[]>;
export async function infer(
  map: InverseMap,
  y: ArrayLike<number> | readonly ArrayLike<number>[],
  options: InferOptions = {},
): Promise<Posterior | Posterior[]> {
  const posteriors = await inferRows(map, checkData(map.spec, y), options);
  return isRows(y) ? posteriors : posteriors[0];
}

async function inferRows(map: InverseMap, rows: readonly Float64Array[], options: InferOptions): Promise<Posterior[]> {
  const { draws = 4096, seed = 0, backend, kernels } = options;
  const { D, M } = map.spec;
  if (!Number.isInteger(draws) || draws < 2) throw new Error(`infer: expected draws of at least 2, got ${draws}`);
  if (!Number.isInteger(seed)) throw new Error(`infer: expected a whole number as seed, got ${seed}`);
  const N = rows.length;
  const engine = await map.engine(backend === undefined && kernels === undefined ? undefined : { backend, kernels });
  const y = new Float32Array(N * M);
  for (const [i, row] of rows.entries()) y.set(row, i * M);
  const encoded = await engine.run("encode", { rows: N, inputs: { y } });
  const C = encoded.context.length / N;
  const context = (i: number): Float32Array => encoded.context.subarray(i * C, (i + 1) * C) as Float32Array;
  // Each observation draws as if it were alone: what it is answered does not depend on the others.
  const sample = async (i: number, count: number, seedOf: number): Promise<Float32Array> => {
    const out = await engine.run("sample", {
      rows: count,
      repeat: count,
      inputs: { context: context(i) },
      seed: seedOf,
    });
    return out.theta as Float32Array;
  };
  const summaries: Summary[] = [];
  for (let i = 0; i < N; i++) {
    summaries.push(
      map.closedForm
        ? gaussianSummary(map, encoded.mean.subarray(i * D, (i + 1) * D), encoded.factor, i)
        : drawnSummary(await sample(i, draws, seed), D),
    );
  }

  return rows.map((row, i): Posterior => {
    const distance = encoded.distance[i];
    const farther = shareFarther(map.spec.distances, distance);
    return {
      map,
      y: row,
      ...summaries[i],
      distance,
      farther,
      warning: warningOf(map, distance, farther),
      sample: async (count, { seed: own = 0 } = {}) => {
        if (!Number.isInteger(count) || count < 1)
          throw new Error(`sample: expected a count of at least 1, got ${count}`);
        if (!Number.isInteger(own)) throw new Error(`sample: expected a whole number as seed, got ${own}`);
        return sample(i, count, own);
      },
      logProb: async (theta) => {
        const isFlat = typeof theta[0] === "number";
        const flat = Float64Array.from(
          isFlat ? (theta as ArrayLike<number>) : (theta as ArrayLike<number>[]).flatMap((t) => Array.from(t)),
        );
        if (flat.length === 0 || flat.length % D !== 0)
          throw new Error(`logProb: expected parameters (S, ${D}), got ${flat.length} numbers`);
        const bad = flat.findIndex(Number.isNaN);
        if (bad >= 0) throw new Error(`logProb: expected numbers, got NaN in row ${Math.floor(bad / D) + 1}`);
        const count = flat.length / D;
        const out = await engine.run("logProb", {
          rows: count,
          repeat: count,
          inputs: { context: context(i), theta: Float32Array.from(flat) },
        });
        // The map to the whole line takes what is outside of the support for its edge.
        const { low, high } = map.prior;
        const outside = (s: number): boolean =>
          low.some((l, d) => !(flat[s * D + d] >= l && flat[s * D + d] <= high[d]));
        return Float64Array.from(out.logProb, (value, s) => (outside(s) ? Number.NEGATIVE_INFINITY : value));
      },
    };
  });
}

type Summary = Pick<Posterior, "mean" | "sd" | "covariance" | "quantile" | "draws">;

const checkedLevel = (p: number): number => {
  if (!(p > 0 && p < 1)) throw new Error(`quantile: expected a level between 0 and 1, got ${p}`);
  return p;
};

/** Closed form of a Gaussian guide: z ~ N(m, L Lᵀ), θ = μ + σ z. */
function gaussianSummary(
  { spec: { D }, prior }: InverseMap,
  m: ArrayLike<number>,
  factors: ArrayLike<number>,
  i: number,
): Summary {
  const size = (D * (D + 1)) / 2;
  const entry = (r: number, c: number): number => factors[i * size + (r * (r + 1)) / 2 + c] * prior.realSd[r];
  const mean = Float64Array.from({ length: D }, (_, d) => prior.realMean[d] + prior.realSd[d] * m[d]);
  const covariance = new Float64Array(D * D);
  for (let r = 0; r < D; r++) {
    for (let c = 0; c <= r; c++) {
      let sum = 0;
      for (let k = 0; k <= c; k++) sum += entry(r, k) * entry(c, k);
      covariance[r * D + c] = covariance[c * D + r] = sum;
    }
  }
  const sd = mean.map((_, d) => Math.sqrt(covariance[d * D + d]));
  return {
    mean,
    sd,
    covariance,
    draws: null,
    quantile: (p) => mean.map((v, d) => v + sd[d] * probit(checkedLevel(p))),
  };
}

/** Mean, covariance and quantiles of draws (S, D). */
function drawnSummary(draws: Float32Array, D: number): Summary {
  const S = draws.length / D;
  const mean = new Float64Array(D);
  for (let k = 0; k < draws.length; k++) mean[k % D] += draws[k] / S;
  const covariance = new Float64Array(D * D);
  for (let s = 0; s < S; s++) {
    for (let r = 0; r < D; r++) {
      const a = draws[s * D + r] - mean[r];
      for (let c = 0; c <= r; c++) covariance[r * D + c] += (a * (draws[s * D + c] - mean[c])) / (S - 1);
    }
  }
  for (let r = 0; r < D; r++) for (let c = 0; c < r; c++) covariance[c * D + r] = covariance[r * D + c];
  const column = (d: number): Float64Array => Float64Array.from({ length: S }, (_, s) => draws[s * D + d]).sort();
  let columns: Float64Array[] | undefined; // sorted at the first question
  return {
    mean,
    covariance,
    draws,
    sd: mean.map((_, d) => Math.sqrt(covariance[d * D + d])),
    quantile: (p) => {
      columns ??= Array.from({ length: D }, (_, d) => column(d));
      return Float64Array.from(columns, (sorted) => interpolate(sorted, checkedLevel(p)));
    },
  };
}

/** Linear between order statistics, as R's type 7. */
function interpolate(sorted: Float64Array, p: number): number {
  const at = p * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
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
  return `the datum is ${ratio.toFixed(2)} times as far from the simulations as the farthest of ${spec.problem}'s held-out ones: the posterior is extrapolated`;
}
