/**
 * The metric of a chain: positions z are moved as if in the coordinates that a guess C = L Lᵀ of the posterior's covariance
 * makes round, in which momenta p are standard normal (Neal, MCMC using Hamiltonian dynamics, 2011, §4.1: M = C⁻¹),
 *
 *   ż = L p,   ṗ = Lᵀ ∇U(z),
 *
 * so that U-turns are told by plain products of momenta. C is learned in the warm-up, from n positions:
 *
 *   C = (n S + k T) / (n + k),   k = D + 5,
 *
 * S their covariance, T the guess that the sampling started with, or, without one, the diagonal of S.
 */
import { packed } from "../graph/tensor.ts";

export type MetricKind = "diagonal" | "dense";
export const metricKinds: readonly MetricKind[] = ["diagonal", "dense"];

/** What T weighs, in positions, beside D. */
const PRIOR_WEIGHT = 5;

/** C itself: its diagonal (D), or its lower triangle packed row by row. */
export interface Metric {
  readonly kind: MetricKind;
  readonly covariance: Float64Array;
}

/** Prior standard deviations: what is known of the scales before anything else. */
export const unitMetric = (kind: MetricKind, D: number): Metric => {
  const covariance = new Float64Array(kind === "dense" ? packed(D) : D).fill(kind === "dense" ? 0 : 1);
  if (kind === "dense") for (let i = 0; i < D; i++) covariance[packed(i) + i] = 1;
  return { kind, covariance };
};

/** Packed Cholesky factor, or roots of the diagonal; null where C is not positive definite. */
export function factorOf({ kind, covariance }: Metric, D: number): Float64Array | null {
  const l = covariance.slice();
  for (let i = 0; i < D; i++) {
    const row = kind === "dense" ? packed(i) : i;
    for (let j = kind === "dense" ? 0 : i; j <= i; j++) {
      const at = kind === "dense" ? row + j : i;
      let sum = covariance[at];
      if (kind === "dense") for (let k = 0; k < j; k++) sum -= l[row + k] * l[packed(j) + k];
      if (i !== j) l[at] = sum / l[packed(j) + j];
      else if (sum > 0 && sum < Number.POSITIVE_INFINITY) l[at] = Math.sqrt(sum);
      else return null;
    }
  }
  return l;
}

/** z += t L p */
export function drift(kind: MetricKind, l: Float64Array, p: Float64Array, t: number, z: Float64Array): void {
  const D = z.length;
  if (kind === "diagonal") {
    for (let i = 0; i < D; i++) z[i] += t * l[i] * p[i];
    return;
  }
  for (let i = 0, at = 0; i < D; i++) {
    let sum = 0;
    for (let j = 0; j <= i; j++, at++) sum += l[at] * p[j];
    z[i] += t * sum;
  }
}

/** p += t Lᵀ g */
export function kick(kind: MetricKind, l: Float64Array, g: Float64Array, t: number, p: Float64Array): void {
  const D = p.length;
  if (kind === "diagonal") {
    for (let i = 0; i < D; i++) p[i] += t * l[i] * g[i];
    return;
  }
  for (let i = 0, at = 0; i < D; i++) {
    const scaled = t * g[i];
    for (let j = 0; j <= i; j++, at++) p[j] += l[at] * scaled;
  }
}

/** Collects the positions of a window (Welford, Technometrics 4 (1962)) and makes a metric of them. */
export class CovarianceWindow {
  private readonly kind: MetricKind;
  private readonly mean: Float64Array;
  private readonly sum: Float64Array;
  private readonly away: Float64Array;
  private count = 0;

  constructor(kind: MetricKind, D: number) {
    this.kind = kind;
    this.mean = new Float64Array(D);
    this.away = new Float64Array(D);
    this.sum = new Float64Array(kind === "dense" ? packed(D) : D);
  }

  add(z: Float64Array): void {
    const { mean, sum, away, kind } = this;
    const n = ++this.count;
    for (let i = 0; i < z.length; i++) {
      away[i] = z[i] - mean[i];
      mean[i] += away[i] / n;
    }
    if (kind === "diagonal") for (let i = 0; i < z.length; i++) sum[i] += away[i] * (z[i] - mean[i]);
    else
      for (let i = 0, at = 0; i < z.length; i++) {
        const rest = z[i] - mean[i];
        for (let j = 0; j <= i; j++, at++) sum[at] += rest * away[j];
      }
  }

  /** The metric of the window, which is then empty; `target` is T. Of a window too short to tell, null. */
  take(target: Metric | null): Metric | null {
    const { sum, mean, count, kind } = this;
    const D = mean.length;
    this.count = 0;
    const covariance = sum.map((s) => s / (count - 1));
    sum.fill(0);
    mean.fill(0);
    if (count < 3) return null;
    const k = D + PRIOR_WEIGHT;
    const place = (i: number): number => (kind === "dense" ? packed(i) + i : i);
    for (let i = 0; i < D; i++) if (!(covariance[place(i)] > 0)) return null; // the chain did not move
    const own = target?.covariance;
    for (let i = 0; i < D; i++) {
      for (let j = kind === "dense" ? 0 : i; j <= i; j++) {
        const at = kind === "dense" ? packed(i) + j : i;
        const guess = own ? own[at] : i === j ? covariance[at] : 0;
        covariance[at] = (count * covariance[at] + k * guess) / (count + k);
      }
    }
    return { kind, covariance };
  }
}
