/**
 * An elliptic equation on a rod (arXiv 2305.20004 §4.1): −(a u′)′ = 0 on (0, 1), u(0) = 1, u(1) = 0, with the coefficient
 *
 *   a = exp g,   g(x) = Σ_i θ_i √2 σ sin((i − ½)πx) / ((i − ½)π),   i = 1…5 (or to any D: `rodOf`),   σ = 1.5,
 *
 * a Karhunen–Loève expansion of σ times Brownian motion, θ ~ N(0, I). The flux a u′ is constant, so
 *
 *   u(x) = 1 − ∫₀ˣ e^{−g} / ∫₀¹ e^{−g},
 *
 * read by nine sensors with noise of sd 0.015.
 *
 * The integrals: every term of g is even about x = 1, so h(s) = e^{−g(1−s)} is even about 0, and entire. Gauss's rule on [−1, 1],
 * of which one half is needed, projects it on the even Legendre polynomials, whose integrals are known,
 *
 *   ∫₀ˣ e^{−g} = ∫_{1−x}^1 h ≈ Σ_j w_j h(s_j) Σ_{m even} (P_{m−1}(a) − P_{m+1}(a)) P_m(s_j),   a = 1 − x
 *
 * (Abramowitz & Stegun §8.9, §25.4): one product with a fixed matrix, and an error that falls faster than any power.
 */

import { gaussianNoise } from "../distributions/noise/gaussian.ts";
import { normal } from "../distributions/normal.ts";
import { constant, div, exp, matmul, slice, sub } from "../graph/build.ts";
import type { DType, Tensor } from "../graph/tensor.ts";
import { spline } from "../guides/spline.ts";
import { cos, sin } from "../numbers/math.ts";
import { defineProblem, type ProblemSpec } from "../problem/define.ts";
import type { Problem } from "../problem/problem.ts";
import type { Preset } from "../train/options.ts";
import { paperGaussian } from "./paper.ts";

/** σ, noise and places of the sensors: 0.15, 0.2375, …, 0.85. @internal except for pictures */
export const FIELD_SD = 1.5;
export const NOISE_SD = 0.015;
export const SENSORS: Float64Array = Float64Array.from({ length: 9 }, (_, k) => 0.15 + 0.0875 * k);
/**
 * Points of the quadrature for D modes. With five modes the error is below 1e-11 for θ of the prior, and below 1e-7 at the corners
 * of |θ_i| ≤ 5. Two points for each further mode, which adds half a wave, keep it below a thousandth of the noise.
 */
const pointsOf = (D: number): number => 54 + 2 * D;

/** P_{−1}(x) … P_n(x) by the recurrence, n + 2 of them; P_{−1} counts as 1, so that ∫ P_0 = s follows the same formula as the others. */
function legendre(n: number, x: number): Float64Array {
  const all = new Float64Array(n + 2).fill(1);
  if (n >= 1) all[2] = x;
  for (let k = 2; k <= n; k++) all[k + 1] = ((2 * k - 1) * x * all[k] - (k - 1) * all[k - 1]) / k;
  return all;
}

/** The positive nodes of Gauss's rule with 2n points on [−1, 1], n of them, and their weights. */
function gaussNodes(n: number): { node: number; weight: number }[] {
  const N = 2 * n;
  return Array.from({ length: n }, (_, i) => {
    let x = cos((Math.PI * (i + 0.75)) / (N + 0.5));
    for (let newton = 0; newton < 6; newton++) {
      const [q, p] = legendre(N, x).subarray(N);
      x -= (p * (1 - x * x)) / (N * (q - x * p));
    }
    const slope = N * legendre(N, x)[N]; // (1 − x²) P′_N at a zero
    return { node: x, weight: (2 * (1 - x * x)) / (slope * slope) };
  });
}

interface Rule {
  readonly D: number;
  readonly points: number;
  /** −g at the points, as rows of θ, (D, points). */
  readonly field: Float64Array;
  /** Integrals up to the sensors and up to 1, (points, 10). */
  readonly integrals: Float64Array;
}

function makeRule(D: number): Rule {
  const points = pointsOf(D);
  const nodes = gaussNodes(points);
  const field = Float64Array.from({ length: D * points }, (_, at) => {
    const frequency = (Math.floor(at / points) + 0.5) * Math.PI;
    const x = 1 - nodes[at % points].node;
    return (-Math.SQRT2 * FIELD_SD * sin(frequency * x)) / frequency;
  });
  const ends = [...SENSORS, 1];
  const integrals = new Float64Array(points * ends.length);
  const atNodes = nodes.map(({ node }) => legendre(2 * points, node));
  ends.forEach((x, k) => {
    const atEnd = legendre(2 * points, 1 - x);
    nodes.forEach(({ weight }, j) => {
      let sum = 0;
      for (let m = 0; m < 2 * points; m += 2) sum += (atEnd[m] - atEnd[m + 2]) * atNodes[j][m + 1];
      integrals[j * ends.length + k] = weight * sum;
    });
  });
  return { D, points, field, integrals };
}

/** u at the sensors, (B, D) → (B, 9). */
function observe(theta: Tensor, { D, points, field, integrals }: Rule): Tensor {
  const fixed = (values: Float64Array, dtype: DType, rows: number): Tensor => constant(values, dtype, rows);
  const inverse = exp(matmul(theta, fixed(field, theta.dtype, D))); // e^{−g}, (B, points)
  const sums = matmul(inverse, fixed(integrals, theta.dtype, points)); // (B, 10)
  const count = SENSORS.length;
  return sub(1, div(slice(sums, 0, count), slice(sums, count, count + 1)));
}

/** The paper's guide is from arXiv 2305.20004 §4.1 and its public code; the others were chosen by held-out loss. */
const guide = /* @__PURE__ */ spline({ bins: 8, embedding: [96, 96], hidden: [32, 32] });
const presets: Readonly<Record<string, Preset>> = {
  fast: { spline: { guide, batch: 128, steps: 20_000, rate: 4e-3 } },
  default: { spline: { guide, batch: 128, steps: 100_000, rate: 3e-3 } },
  paper: {
    gaussian: paperGaussian([50, 40, 30, 20]),
  },
};

/** The rod with the first D modes of its coefficient's expansion. */
export function rodOf({ D, ...spec }: Pick<ProblemSpec, "name" | "description" | "presets"> & { D: number }): Problem {
  let rule: Rule | undefined; // made at the first use, not when the module is loaded
  return defineProblem({
    name: spec.name,
    description: spec.description,
    parameters: Array.from({ length: D }, (_, i) => `mode ${i + 1}`),
    data: Array.from(SENSORS, (x) => `u(${x.toFixed(4).replace(/0+$/, "")})`),
    prior: normal(new Float64Array(D), 1),
    forward: (theta) => observe(theta, (rule ??= makeRule(D))),
    deferred: true,
    noise: gaussianNoise(NOISE_SD),
    presets: spec.presets,
  });
}

/** Five coefficients of a rod's log-conductivity, from nine potentials (arXiv 2305.20004). */
export const rod: Problem = /* @__PURE__ */ rodOf({
  name: "rod",
  description: "an elliptic equation on a rod: which coefficient gives the potentials at nine sensors",
  D: 5,
  presets,
});
