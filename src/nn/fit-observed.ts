/**
 * The frozen entries of features of rows with circumstances (observed.ts), in f64. Means of the data are c = c̄ + H z + ρ, with H by least
 * squares: where they are linear in z, and z has the mean 0 and the covariance 1 of its frame, the moments below are exact, however few
 * the simulations. In units of the noise,
 *
 *   H Hᵀ + cov ρ = Σ_k λ_k u_k u_kᵀ,   G = [u_k √λ_k],   B_k = u_kᵀ H / √λ_k,   S = 1 − Bᵀ B.
 */
import type { DataKind } from "../distributions/noise/noise.ts";
import { inParts, pause } from "../host/yielding.ts";
import { columnMeans, columnSds, quantileOf, sumOfSquares, weightedMoments } from "../numbers/moments.ts";
import { leadingDirections } from "../numbers/principal.ts";
import { addOuter, factorise, packed, solveLower, solveTransposed, triIndex } from "../numbers/triangles.ts";
import type { Embedding } from "./embedding.ts";
import { fitEmbedding, transformed } from "./fit-embedding.ts";
import { KNOTS, PARTS } from "./observed.ts";

/** Most directions, and the variance in noise² from which one counts, at the least noise. */
const MOST = 32;
const SIGNAL = 0.01;
/** The least noise variance, in units of the variance of the data: where data include theirs it is not known. */
const LEAST_NOISE = 1e-4;
/** Added to variances, relative to them, because parameters may be known to rounding. */
const RIDGE = 1e-7;
/** More parameters take matrices of too many numbers. */
export const MOST_PARAMETERS = 256;

/** Complete simulations that are fitted to, in work coordinates. */
export interface ObservedFit {
  readonly kind: Embedding["kind"];
  readonly M: number;
  readonly dataKind: DataKind;
  /** Means of the data, and data with noise of scale 1, (N, M). */
  readonly mean: Float32Array;
  readonly noisy: Float32Array;
  /** Noise sd (M), 0 where it is not known. */
  readonly noiseSd: Float64Array;
  readonly constant: readonly (number | null)[];
  /** Parameters in the frame of the guide (N, D), and weights that make them draws of the prior, or null. */
  readonly z: ArrayLike<number>;
  readonly D: number;
  readonly weights: ArrayLike<number> | null;
  /** The least noise scale of the training. */
  readonly leastScale: number;
}

/** Fitted entries by name, and the number of directions. */
export interface FittedObserved {
  readonly directions: number;
  readonly entries: Record<string, Float32Array>;
}

/** Fits scalers and estimate; the scales of the distance are fitted by `fitScales` once rows can be looked at. */
export async function fitObserved(fit: ObservedFit): Promise<FittedObserved> {
  const { kind, M, dataKind, mean, noisy, noiseSd, constant, leastScale } = fit;
  const scalers = await fitEmbedding(
    { kind: kind === "principal" ? "standardise" : kind, size: kind === "log" ? 2 * M : M },
    ...([M, mean, noisy, noiseSd, constant, dataKind] as const),
  );
  const t = (rows: Float32Array): Float64Array => transformed(kind, rows, M, scalers);
  const [clean, data] = [t(mean), t(noisy)];
  await pause();
  const isLinear = kind !== "log" && kind !== "root"; // then the sd of the noise is known, not only its draws
  const scale = scalers["embedding.sd"];
  const known = noiseSd.map((s, m) => (isLinear && s > 0 ? (s / scale[m]) * (s / scale[m]) : 0));
  const variance = noiseVariances(clean, data, M).map((v, m) => known[m] || v);
  const { c, H, covariance } = fitRegression(fit, clean);
  const all = covariance.slice();
  const sd = Float64Array.from(variance, Math.sqrt);
  for (let i = 0, at = 0; i < M; i++) for (let j = 0; j <= i; j++, at++) all[at] = covariance[at] / (sd[i] * sd[j]);
  const found = await inParts(leadingDirections(all, M, Math.min(M, MOST)));
  const isSignal = (k: number): boolean => found.variances[k] > SIGNAL * leastScale * leastScale;
  const K = Math.max(1, [...found.variances.keys()].filter(isSignal).length);
  const G = Array.from({ length: M }, (_, m) =>
    Float64Array.from(
      { length: K },
      (_x, k) => sd[m] * found.vectors[k][m] * Math.sqrt(Math.max(found.variances[k], 0)),
    ),
  );
  const entries = {
    ...scalers,
    "estimate.mean": Float32Array.from(c),
    "estimate.noise": Float32Array.from(variance),
    "estimate.rest": Float32Array.from(G, (row, m) => Math.max(0, covariance[triIndex(m, m)] - sumOfSquares(row))),
    "estimate.directions": Float32Array.from(G.flatMap((row) => [...row])),
    "estimate.pairs": Float32Array.from(
      G.flatMap((row) => {
        const own = new Float64Array(packed(K));
        addOuter(own, row, row);
        return [...own];
      }),
    ),
    ...ofParameters(fit.D, K, H, (k, m) => found.vectors[k][m] / (sd[m] * Math.sqrt(found.variances[k]))),
  };
  return { directions: K, entries };
}

/** Variances (M) of what noise adds to standardised data, not 0. */
function noiseVariances(clean: Float64Array, data: Float64Array, M: number): Float64Array {
  const spread = columnSds(data, M, columnMeans(data, M));
  const sum = new Float64Array(M);
  for (let i = 0; i < data.length; i++) sum[i % M] += (data[i] - clean[i]) * (data[i] - clean[i]);
  return sum.map((s, m) => Math.max((s * M) / data.length, LEAST_NOISE * spread[m] * spread[m], 1e-12));
}

/** c̄ (M), H (D rows of M) and H Hᵀ + cov ρ, packed. */
function fitRegression({ M, D, z, weights }: ObservedFit, clean: Float64Array) {
  const N = clean.length / M;
  const plain = D > MOST_PARAMETERS;
  const size = (plain ? 0 : D) + M;
  const rowOf = (n: number, out: Float64Array): void => {
    for (let d = 0; d < size - M; d++) out[d] = z[n * D + d];
    for (let m = 0; m < M; m++) out[size - M + m] = clean[n * M + m];
  };
  const { mean, covariance: joint } = weightedMoments(N, size, rowOf, (n) => {
    const w = weights === null ? 1 : weights[n];
    return Number.isFinite(w) ? w : 0;
  });
  const at = (m: number, j: number): number => joint[triIndex(size - M + m, j)];
  const H = Array.from({ length: plain ? 0 : D }, () => new Float64Array(M));
  const covariance = Float64Array.from({ length: packed(M) });
  for (let i = 0; i < M; i++) for (let j = 0; j <= i; j++) covariance[triIndex(i, j)] = at(i, size - M + j);
  if (plain) return { c: mean, H, covariance };
  const ofZ = joint.slice(0, packed(D));
  const factor = ofZ.slice();
  for (let d = 0; d < D; d++) factor[triIndex(d, d)] += RIDGE * RIDGE;
  if (factorise(factor) >= 0)
    throw new Error("train: expected parameters that vary in the simulations, got a covariance that is not positive");
  const c = mean.slice(D);
  for (let m = 0; m < M; m++) {
    const h = solveTransposed(
      factor,
      solveLower(
        factor,
        Float64Array.from({ length: D }, (_, d) => at(m, d)),
      ),
    );
    h.forEach((value, d) => {
      H[d][m] = value;
      c[m] -= value * mean[d];
    });
  }
  // Σ + H (1 − cov z) Hᵀ: the covariance under the exact moments of z.
  for (let d = 0; d < D; d++)
    for (let e = 0; e < D; e++) {
      const off = Number(d === e) - ofZ[d < e ? triIndex(e, d) : triIndex(d, e)];
      addOuter(
        covariance,
        H[d].map((h) => h * off),
        H[e],
      );
    }
  return { c, H, covariance };
}

/** Bᵀ and S; `weightOf` gives the weight of the mean of datum m in a_k. */
function ofParameters(
  D: number,
  K: number,
  H: readonly Float64Array[],
  weightOf: (k: number, m: number) => number,
): Record<string, Float32Array> {
  if (H.length === 0) return {};
  const B = Array.from({ length: K }, (_, k) =>
    Float64Array.from({ length: D }, (_x, d) => H[d].reduce((sum, h, m) => sum + h * weightOf(k, m), 0)),
  );
  const S = new Float64Array(packed(D));
  for (let d = 0; d < D; d++) S[triIndex(d, d)] = 1 + RIDGE;
  for (const row of B)
    addOuter(
      S,
      row.map((b) => -b),
      row,
    );
  return {
    "estimate.parameters": Float32Array.from(B.flatMap((row) => [...row])),
    "estimate.remains": Float32Array.from(S),
  };
}

/** Quantiles of simulated rows that the parts of the distance take to 2, and the least scale of each. */
const QUANTILES = [0.9985, 0.9985, 0.9985];
const LEAST_SCALE = 2;
/** Fewest rows near a knot; with less the neighbours' are taken. */
const FEWEST = 100;

/** Slopes and shifts of the parts of rows (N, 4), between numbers of observed data. */
export function fitScales(parts: ArrayLike<number>): Record<string, Float32Array> {
  const [width, N] = [PARTS + 1, parts.length / (PARTS + 1)];
  const [slope, shift] = [new Float32Array(KNOTS.length * PARTS), new Float32Array(KNOTS.length * PARTS)];
  KNOTS.forEach((knot, k) => {
    const far = (n: number): number => Math.abs(parts[n * width + PARTS] - knot);
    const order = Array.from({ length: N }, (_, n) => n).sort((a, b) => far(a) - far(b));
    const reach = Math.max((KNOTS[Math.min(k + 1, KNOTS.length - 1)] - KNOTS[Math.max(k - 1, 0)]) / 4, 1e-6);
    const near = order.filter((n) => far(n) <= reach);
    const rows = near.length >= FEWEST ? near : order.slice(0, FEWEST);
    for (let i = 0; i < PARTS; i++) {
      const sorted = Float64Array.from(rows, (n) => parts[n * width + i]).sort();
      const median = quantileOf(sorted, 0.5);
      const s = 1 / Math.max(quantileOf(sorted, QUANTILES[i]) - median, LEAST_SCALE);
      slope[k * PARTS + i] = s;
      shift[k * PARTS + i] = 1 - median * s;
    }
  });
  return { "distance.slope": slope, "distance.shift": shift };
}
