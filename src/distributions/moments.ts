/** Moments of the families that model files name by their numbers alone (from-spec.ts), without the graphs of these families. */
import { exp, LOG_2PI, log, tanh } from "../numbers/math.ts";

/** Moments of one entry and of its image on the line. */
export interface Moments {
  readonly mean: number;
  readonly sd: number;
  readonly realMean: number;
  readonly realSd: number;
}

/** The moments of D entries, as distributions hold them. */
export function momentVectors(size: number, of: (i: number) => Moments): Record<keyof Moments, Float64Array> {
  const each = Array.from({ length: size }, (_, i) => of(i));
  const column = (key: keyof Moments): Float64Array => Float64Array.from(each, (m) => m[key]);
  return { mean: column("mean"), sd: column("sd"), realMean: column("realMean"), realSd: column("realSd") };
}

/** Nodes of the moments' quadrature, and how many σ from the densest point it goes: exp(−9²/2) is 3e-18. */
const NODES = 1024;
const REACH = 9;
const SQRT_12 = 3.4641016151377544;
/** π/√3, the standard deviation of a logistic variable. */
export const LOGISTIC_SD = 1.813799364234218;

/** exp(x) − 1 without cancellation, x ≥ 0. */
const expm1 = (x: number): number => (x > 1 ? exp(x) - 1 : (2 * tanh(x / 2)) / (1 - tanh(x / 2)));

export const normalMoments = (mean: number, sd: number): Moments => ({ mean, sd, realMean: mean, realSd: sd });

export const uniformMoments = (low: number, high: number): Moments => ({
  mean: low + (high - low) / 2,
  sd: (high - low) / SQRT_12,
  realMean: 0,
  realSd: LOGISTIC_SD,
});

export function logNormalMoments(mu: number, sigma: number): Moments {
  const mean = exp(mu + 0.5 * sigma * sigma);
  return { mean, sd: mean * Math.sqrt(expm1(sigma * sigma)), realMean: mu, realSd: sigma };
}

export function softUniformMoments(low: number, high: number, edge: number): Moments {
  const w = high - low;
  return normalMoments(low + w / 2, Math.sqrt((w * w) / 12 + edge * edge * LOGISTIC_SD * LOGISTIC_SD));
}

/**
 * Moments of a truncated normal variable, with log (Φ(b) − Φ(a)), by the midpoint rule in t, with z running over the bounds as
 * s(t) = t³(10 − 15t + 6t²): the logarithms at the bounds and their density then vanish together, and the error is
 * O(NODES⁻⁴).
 */
export function truncatedNormalMoments(
  mean: number,
  sd: number,
  low: number,
  high: number,
): Moments & { readonly logMass: number } {
  const [a, b] = [(low - mean) / sd, (high - mean) / sd];
  const densest = Math.min(Math.max(0, a), b);
  const [from, to] = [Math.max(a, densest - REACH), Math.min(b, densest + REACH)];
  const span = to - from;
  const nodes = Array.from({ length: NODES }, (_, i) => {
    const t = (i + 0.5) / NODES;
    const up = span * t * t * t * (10 - 15 * t + 6 * t * t); // distances from both ends, each without cancellation
    const down = span * (1 - t) * (1 - t) * (1 - t) * (1 + 3 * t + 6 * t * t);
    const z = t < 0.5 ? from + up : to - down;
    const weight = exp(0.5 * (densest - z) * (densest + z)) * t * t * (1 - t) * (1 - t);
    const above = from === a ? up * sd : (z - a) * sd;
    const below = to === b ? down * sd : (b - z) * sd;
    const x = (low === -Infinity ? 0 : log(above)) - (high === Infinity ? 0 : log(below));
    return { z, x: low === -Infinity && high === Infinity ? mean + sd * z : x, weight };
  });
  const total = nodes.reduce((sum, n) => sum + n.weight, 0);
  const average = (f: (n: (typeof nodes)[number]) => number): number =>
    nodes.reduce((sum, n) => sum + n.weight * f(n), 0) / total;
  const [z, x] = [average((n) => n.z), average((n) => n.x)];
  return {
    logMass: log((30 * span * total) / NODES) - 0.5 * (densest * densest + LOG_2PI),
    mean: mean + sd * z,
    sd: sd * Math.sqrt(average((n) => (n.z - z) * (n.z - z))),
    realMean: x,
    realSd: Math.sqrt(average((n) => (n.x - x) * (n.x - x))),
  };
}
