/** Means, spreads and covariances of lists, and of the columns of rows (N, M). */
import { addOuter, packed } from "./triangles.ts";

/** The mean of a list, summed about its first number, where that is finite: the mean of equal numbers is that number, to the bit. */
export const meanOf = (x: ArrayLike<number>): number => {
  const about = Number.isFinite(x[0]) ? x[0] : 0;
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] - about;
  return about + sum / x.length;
};

/** The variance, divided by one less than the length: without bias. */
export function varianceOf(x: ArrayLike<number>): number {
  const mean = meanOf(x);
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] - mean) * (x[i] - mean);
  return sum / (x.length - 1);
}

/** √(Σ x² / N) */
export const rootMeanSquare = (x: ArrayLike<number>): number => Math.sqrt(sumOfSquares(x) / x.length);

/** Σ x² */
export const sumOfSquares = (x: ArrayLike<number>): number => dot(x, x);

/** Σ a b, over the length of a. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Column j (N) of rows (N, M). */
export const columnOf = (rows: ArrayLike<number>, M: number, j: number): Float64Array =>
  Float64Array.from({ length: rows.length / M }, (_, n) => rows[n * M + j]);

/** Means (M) of the columns of rows (N, M). */
export function columnMeans(rows: ArrayLike<number>, M: number): Float64Array {
  const mean = new Float64Array(M);
  for (let i = 0; i < rows.length; i++) mean[i % M] += rows[i];
  return mean.map((sum) => sum / (rows.length / M));
}

/** Standard deviations (M) of the columns of rows (N, M), divided by N. */
export function columnSds(rows: ArrayLike<number>, M: number, mean: Float64Array): Float64Array {
  const sum = new Float64Array(M);
  for (let i = 0; i < rows.length; i++) {
    const off = rows[i] - mean[i % M];
    sum[i % M] += off * off;
  }
  return sum.map((s) => Math.sqrt(s / (rows.length / M)));
}

/** A spread that may be divided by: a column that does not vary is left at its own scale. */
export const orOne = (sd: number): number => (sd > 0 ? sd : 1);

/** Means and spreads (M) of the columns of rows (N, M); one may divide by the spreads. */
export function columnMoments(rows: ArrayLike<number>, M: number): { mean: Float64Array; sd: Float64Array } {
  const mean = columnMeans(rows, M);
  return { mean, sd: columnSds(rows, M, mean).map(orOne) };
}

/** The covariance of rows (N, M) with their mean (M), a packed triangle, divided by N − 1: without bias. */
export function covarianceOf(rows: ArrayLike<number>, mean: Float64Array): Float64Array {
  const M = mean.length;
  const N = rows.length / M;
  const sum = new Float64Array(packed(M));
  const off = new Float64Array(M);
  for (let n = 0; n < N; n++) {
    for (let i = 0, at = 0; i < M; i++) {
      off[i] = rows[n * M + i] - mean[i];
      for (let j = 0; j <= i; j++, at++) sum[at] += (off[i] * off[j]) / (N - 1);
    }
  }
  return sum;
}

/**
 * Mean (M) and covariance, a packed triangle, of N rows with weights: Σ w (x − mean)(x − mean)ᵀ / Σ w, with bias. `rowOf` writes a
 * row; `effective` is the number of rows of equal weight that would scatter as much, (Σ w)² / Σ w².
 */
export function weightedMoments(
  N: number,
  M: number,
  rowOf: (n: number, out: Float64Array) => void,
  weightOf: (n: number) => number,
): { mean: Float64Array; covariance: Float64Array; effective: number } {
  const row = new Float64Array(M);
  const mean = new Float64Array(M);
  let [total, squares] = [0, 0];
  for (let n = 0; n < N; n++) {
    const w = weightOf(n);
    total += w;
    squares += w * w;
    rowOf(n, row);
    for (let i = 0; i < M; i++) mean[i] += w * row[i];
  }
  for (let i = 0; i < M; i++) mean[i] /= total;
  const covariance = new Float64Array(packed(M));
  const scaled = new Float64Array(M);
  for (let n = 0; n < N; n++) {
    const share = weightOf(n) / total;
    if (share === 0) continue;
    rowOf(n, row);
    for (let i = 0; i < M; i++) scaled[i] = share * (row[i] -= mean[i]);
    addOuter(covariance, scaled, row);
  }
  return { mean, covariance, effective: (total * total) / squares };
}

/** The p-quantile of an ascending list, linear between order statistics, as R's type 7. */
export function quantileOf(sorted: ArrayLike<number>, p: number): number {
  const at = p * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}
