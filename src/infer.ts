/** Inference: an inverse map applied to measurements, one forward pass for any number of them. */

import type { BackendOptions } from "./backends/select.ts";
import { expectCount, expectMap, expectOptions, expectSeed } from "./checks.ts";
import { describe } from "./distributions/arguments.ts";
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
  expectMap("infer", map);
  expectOptions("infer", options, ["draws", "seed", "backend", "kernels"]);
  const posteriors = await inferRows(map, checkData(map.spec, y), options);
  return isRows(y) ? posteriors : posteriors[0];
}

async function inferRows(map: InverseMap, rows: readonly Float64Array[], options: InferOptions): Promise<Posterior[]> {
  const { draws = 4096, seed = 0, backend, kernels } = options;
  const { D, M } = map.spec;
  expectCount("infer", "draws", draws, 2, D);
  expectSeed("infer", seed);
  const N = rows.length;
  const where = backend === undefined && kernels === undefined ? undefined : { backend, kernels };
  const engine = await map.engine("posterior", where);
  const y = new Float32Array(N * M);
  for (const [i, row] of rows.entries()) y.set(row, i * M);
  const over = y.findIndex((x) => !Number.isFinite(x));
  if (over >= 0) {
    const where = N > 1 ? `y, row ${Math.floor(over / M) + 1}` : "y";
    const value = rows[Math.floor(over / M)][over % M];
    throw new Error(`${where}: expected numbers of single precision, got ${value} in column ${(over % M) + 1}`);
  }
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
      sample: async (count, own = {}) => {
        expectCount("sample", "a count", count, 1, D);
        expectOptions("sample", own, ["seed"]);
        const { seed: ownSeed = 0 } = own;
        expectSeed("sample", ownSeed);
        return sample(i, count, ownSeed);
      },
      logProb: async (theta) => {
        const flat = flatten(theta, D);
        const count = flat.length / D;
        const density = await map.engine("density", where);
        const out = await density.run("logProb", {
          rows: count,
          repeat: count,
          inputs: { context: context(i), theta: Float32Array.from(flat) },
        });
        // The map to the whole line takes what is outside of the support for its edge.
        const { low, high, mean, sd } = map.prior;
        const some = (s: number, test: (x: number, d: number) => boolean): boolean =>
          flat.subarray(s * D, (s + 1) * D).some(test);
        const outside = (s: number): boolean => some(s, (x, d) => !(x >= low[d] && x <= high[d]));
        // So far out that single precision overflows on the way: there is no density.
        const far = (s: number): boolean => some(s, (x, d) => Math.abs(x - mean[d]) > FAR * sd[d]);
        return Float64Array.from(out.logProb, (value, s) =>
          outside(s) || (Number.isNaN(value) && far(s)) ? Number.NEGATIVE_INFINITY : value,
        );
      },
    };
  });
}

/** Standard deviations of the prior. */
const FAR = 1e6;

/** Parameters (S, D), flat or row by row, as one list. @throws on rows of another length and on what is no number. */
function flatten(theta: ArrayLike<number> | readonly ArrayLike<number>[], D: number): Float64Array {
  const expected = `logProb: expected parameters (S, ${D})`;
  if (typeof theta !== "object" || theta === null || !("length" in theta))
    throw new Error(`${expected}, got ${describe(theta)}`);
  const rows: readonly ArrayLike<number>[] = isRows(theta) ? theta : [theta];
  const odd = isRows(theta) ? rows.findIndex((row) => row?.length !== D) : -1;
  if (odd >= 0) throw new Error(`${expected}, got ${rows[odd]?.length ?? describe(rows[odd])} in row ${odd + 1}`);
  const flat = rows.flatMap((row) => Array.from(row));
  if (flat.length === 0 || flat.length % D !== 0) throw new Error(`${expected}, got ${flat.length} numbers`);
  const bad = flat.findIndex((x) => typeof x !== "number" || Number.isNaN(x));
  if (bad >= 0)
    throw new Error(`logProb: expected numbers, got ${describe(flat[bad])} in row ${Math.floor(bad / D) + 1}`);
  return Float64Array.from(flat);
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
  const times = Number.isFinite(ratio) ? `${ratio.toFixed(2)} times` : "immeasurably many times";
  return `the datum is ${times} as far from the simulations as the farthest of ${spec.problem}'s held-out ones: the posterior is extrapolated`;
}
