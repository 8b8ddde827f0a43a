/**
 * The metric of a chain. With an estimate C = L Lᵀ of the posterior's covariance, positions move as in coordinates in which the
 * posterior is isotropic and momenta p are standard normal (Neal, MCMC using Hamiltonian dynamics, 2011, §4.1: M = C⁻¹),
 *
 *   ż = L p,   ṗ = Lᵀ ∇U(z),
 *
 * so that products of momenta detect U-turns. C is learned in the warm-up, from n positions:
 *
 *   C = (n S + k T) / (n + k),   k = D + 5,
 *
 * where S is their covariance, and T the metric of the posterior that the chain started from, or else the diagonal of S.
 */
import { addOuter, addTimes, addTransposedTimes, factorise, packed } from "../numbers/triangles.ts";

export type MetricKind = "diagonal" | "dense";
export const metricKinds: readonly MetricKind[] = ["diagonal", "dense"];

/** The weight k − D of T, in positions. */
const PRIOR_WEIGHT = 5;

/** C itself: its diagonal (D), or its lower triangle packed row by row. */
export interface Metric {
  readonly kind: MetricKind;
  readonly covariance: Float64Array;
}

/** The unit metric, in prior standard deviations. */
export const unitMetric = (kind: MetricKind, D: number): Metric => {
  const covariance = new Float64Array(kind === "dense" ? packed(D) : D).fill(kind === "dense" ? 0 : 1);
  if (kind === "dense") for (let i = 0; i < D; i++) covariance[packed(i) + i] = 1;
  return { kind, covariance };
};

/** Packed Cholesky factor, or square roots of the diagonal; null if C is not positive definite. */
export function factorOf({ kind, covariance }: Metric): Float64Array | null {
  const l = covariance.slice();
  if (kind === "dense") return factorise(l) < 0 ? l : null;
  return l.every((c) => c > 0 && c < Number.POSITIVE_INFINITY) ? l.map(Math.sqrt) : null;
}

/** z += t L p */
export function drift(kind: MetricKind, l: Float64Array, p: Float64Array, t: number, z: Float64Array): void {
  if (kind === "dense") addTimes(l, p, t, z);
  else for (let i = 0; i < z.length; i++) z[i] += t * l[i] * p[i];
}

/** p += t Lᵀ g */
export function kick(kind: MetricKind, l: Float64Array, g: Float64Array, t: number, p: Float64Array): void {
  if (kind === "dense") addTransposedTimes(l, g, t, p);
  else for (let i = 0; i < p.length; i++) p[i] += t * l[i] * g[i];
}

/** Accumulates the covariance of the positions in a window (Welford, Technometrics 4 (1962)). */
export class CovarianceWindow {
  private readonly kind: MetricKind;
  private readonly mean: Float64Array;
  private readonly sum: Float64Array;
  /** A position minus the mean before and after its update. */
  private readonly away: Float64Array;
  private readonly rest: Float64Array;
  private count = 0;

  constructor(kind: MetricKind, D: number) {
    this.kind = kind;
    this.mean = new Float64Array(D);
    this.away = new Float64Array(D);
    this.rest = new Float64Array(D);
    this.sum = new Float64Array(kind === "dense" ? packed(D) : D);
  }

  add(z: Float64Array): void {
    const { mean, sum, away, rest, kind } = this;
    const n = ++this.count;
    for (let i = 0; i < z.length; i++) {
      away[i] = z[i] - mean[i];
      mean[i] += away[i] / n;
    }
    for (let i = 0; i < z.length; i++) rest[i] = z[i] - mean[i];
    if (kind === "dense") addOuter(sum, rest, away);
    else for (let i = 0; i < z.length; i++) sum[i] += away[i] * rest[i];
  }

  /** Returns the metric of the window and empties it; `target` is T. Null if the window is too short. */
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
