/**
 * Posteriors known exactly, and guides that are wrong in known ways: what diagnostics are tried on.
 *
 *   linear   the built-in linear-gaussian problem, D = 10, posterior N(m(y), Σ)
 *   fold     θ ~ N(0, I₂), y = (|θ₁|, θ₂) + noise of sd 0.3: two modes ±θ₁, alike, each a normal distribution cut at 0
 */
import type { Rows } from "../../src/backends/backend.ts";
import { gaussianNoise } from "../../src/distributions/noise/gaussian.ts";
import { normal } from "../../src/distributions/normal.ts";
import { abs, concat, slice } from "../../src/graph/build.ts";
import { erfc, exp, log, probit } from "../../src/numbers/math.ts";
import { normalAt, uniformAt } from "../../src/numbers/random.ts";
import { drawnSummary, gaussianSummary, makePosterior, type Posterior } from "../../src/posterior/posterior.ts";
import { defineProblem } from "../../src/problem/define.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { linearGaussian, linearGaussianPosterior } from "../../src/problems/linear-gaussian.ts";
import { simulate } from "../../src/simulate/simulate.ts";

const STREAM = 0x67;
const LOG_2PI = 1.8378770664093453;

/** N(mean, covariance), (D) and (D, D), as a posterior of data y. */
export function gaussianPosterior(y: Float64Array, mean: Float64Array, covariance: Float64Array): Posterior {
  const D = mean.length;
  const l = new Float64Array(D * D); // lower Cholesky factor
  let logDet = 0;
  for (let i = 0; i < D; i++) {
    for (let j = 0; j <= i; j++) {
      let s = covariance[i * D + j];
      for (let k = 0; k < j; k++) s -= l[i * D + k] * l[j * D + k];
      l[i * D + j] = i === j ? Math.sqrt(s) : s / l[j * D + j];
    }
    logDet += log(l[i * D + i]);
  }
  return makePosterior({
    prior: normal(new Float64Array(D), 1),
    y,
    summary: gaussianSummary(mean, covariance),
    warning: undefined,
    draw: async (count, seed) => {
      const out = new Float32Array(count * D);
      const z = new Float64Array(D);
      for (let s = 0; s < count; s++) {
        for (let d = 0; d < D; d++) z[d] = normalAt(seed, STREAM, 0, s, d);
        for (let i = 0; i < D; i++) {
          let x = mean[i];
          for (let k = 0; k <= i; k++) x += l[i * D + k] * z[k];
          out[s * D + i] = x;
        }
      }
      return out;
    },
    density: async (theta, count) => {
      const out = new Float64Array(count);
      const z = new Float64Array(D);
      for (let s = 0; s < count; s++) {
        out[s] = -logDet - 0.5 * D * LOG_2PI;
        for (let i = 0; i < D; i++) {
          let x = theta[s * D + i] - mean[i];
          for (let k = 0; k < i; k++) x -= l[i * D + k] * z[k];
          z[i] = x / l[i * D + i];
          out[s] -= 0.5 * z[i] * z[i];
        }
      }
      return out;
    },
  });
}

/** Simulated cases: true parameters (N, D), row by row, and data (M) each. */
export interface Cases {
  readonly problem: Problem;
  readonly theta: Rows;
  readonly y: readonly Float64Array[];
}

export async function cases(problem: Problem, count: number, seed: number): Promise<Cases> {
  const { theta, noisy } = await simulate(problem, count, { seed, kernels: "plain" });
  const { M } = problem;
  const y = Array.from({ length: count }, (_, i) => Float64Array.from(noisy.subarray(i * M, (i + 1) * M)));
  return { problem, theta, y };
}

/** Guides of the linear problem, by what is wrong with them. */
export const linearGuides = {
  right: (m: Float64Array, c: Float64Array) => [m, c],
  "sd halved": (m: Float64Array, c: Float64Array) => [m, c.map((v) => v / 4)],
  "sd doubled": (m: Float64Array, c: Float64Array) => [m, c.map((v) => v * 4)],
  "shifted by half an sd": (m: Float64Array, c: Float64Array) => [
    m.map((v, d) => v + 0.5 * Math.sqrt(c[d * m.length + d])),
    c,
  ],
  "dependence lost": (m: Float64Array, c: Float64Array) => [
    m,
    c.map((v, k) => (k % (m.length + 1) === 0 ? v : 0)), // each parameter as it should be
  ],
  "the prior": (m: Float64Array, c: Float64Array) => [
    m.map(() => 0),
    c.map((_, k) => Number(k % (m.length + 1) === 0)),
  ],
} as const;

export function linearGuide(wrong: keyof typeof linearGuides, y: Float64Array): Posterior {
  const { mean, covariance } = linearGaussianPosterior(y);
  const [m, c] = linearGuides[wrong](mean, covariance);
  return gaussianPosterior(y, m, c);
}

export const linear = linearGaussian;

const SD = 0.3;
const VARIANCE = (SD * SD) / (1 + SD * SD);
const NARROW = Math.sqrt(VARIANCE);

export const fold = defineProblem({
  name: "fold",
  prior: normal([0, 0], 1),
  forward: (theta) => concat(abs(slice(theta, 0, 1)), slice(theta, 1, 2)),
  noise: gaussianNoise(SD),
});

/** The exact posterior of the fold, or the same without its mode at θ₁ < 0. */
export function foldGuide(modes: "both" | "one", y: Float64Array): Posterior {
  const [m, n] = [y[0] / (1 + SD * SD), y[1] / (1 + SD * SD)];
  const above = 0.5 * erfc(-m / (NARROW * Math.SQRT2)); // P(N(m, v) > 0)
  const draw = async (count: number, seed: number): Promise<Float32Array> => {
    const out = new Float32Array(2 * count);
    for (let s = 0; s < count; s++) {
      const size = m - NARROW * probit(above * uniformAt(seed, STREAM + 1, 0, s, 0));
      const sign = modes === "both" && uniformAt(seed, STREAM + 1, 0, s, 1) < 0.5 ? -1 : 1;
      out.set([sign * size, n + NARROW * normalAt(seed, STREAM, 0, s, 0)], 2 * s);
    }
    return out;
  };
  const density = async (theta: Float64Array, count: number): Promise<Float64Array> =>
    Float64Array.from({ length: count }, (_, s) => {
      const [a, b] = [(Math.abs(theta[2 * s]) - m) / NARROW, (theta[2 * s + 1] - n) / NARROW];
      if (modes === "one" && theta[2 * s] < 0) return Number.NEGATIVE_INFINITY;
      return -LOG_2PI - 2 * log(NARROW) - 0.5 * (a * a + b * b) - log(above) - (modes === "both" ? log(2) : 0);
    });
  const grid = Float32Array.of(m, n, -m, n, m + NARROW, n, -m - NARROW, n); // summaries are not what is tried here
  return makePosterior({ prior: fold.prior, y, summary: drawnSummary(grid, 2), warning: undefined, draw, density });
}

/** ESS/S of importance weights p(θ, y)/q(θ | y) at draws of q: what such weights say of a guide. */
export async function weightEfficiency(
  q: Posterior,
  density: (theta: Float64Array) => Promise<ArrayLike<number>>,
): Promise<number> {
  const theta = Float64Array.from(await q.sample(2000, { seed: 5 }));
  const [p, own] = [await density(theta), await q.logProb(theta)];
  const ratios = Float64Array.from(own, (v, s) => p[s] - v);
  const most = ratios.reduce((a, b) => Math.max(a, b));
  const [sum, squares] = ratios.reduce(([s, t], r) => [s + exp(r - most), t + exp(2 * (r - most))], [0, 0]);
  return (sum * sum) / squares / ratios.length;
}
