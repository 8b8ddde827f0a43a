/**
 * An elliptic equation on a rod (arXiv 2305.20004 §4.1): −(a u′)′ = 0 on (0, 1), u(0) = 1, u(1) = 0, with the coefficient
 *
 *   a = exp g,   g(x) = Σ_i θ_i √2 σ sin((i − ½)πx) / ((i − ½)π),   i = 1…5,   σ = 1.5,
 *
 * a Karhunen–Loève expansion of σ times Brownian motion, θ ~ N(0, I). The flux a u′ is constant, so that
 *
 *   u(x) = 1 − ∫₀ˣ e^{−g} / ∫₀¹ e^{−g},
 *
 * read by nine sensors with noise of sd 0.015.
 *
 * The integrals: every term of g is even about x = 1, hence so is h(s) = e^{−g(1−s)} about 0, and entire. It is projected
 * on the even Legendre polynomials, by Gauss's rule on [−1, 1] of which one half is needed, and their integrals are known,
 *
 *   ∫₀ˣ e^{−g} = ∫_{1−x}^1 h ≈ Σ_j w_j h(s_j) Σ_{m even} (P_{m−1}(a) − P_{m+1}(a)) P_m(s_j),   a = 1 − x
 *
 * (Abramowitz & Stegun §8.9, §25.4): one product with a fixed matrix, and an error that falls faster than any power.
 */

import { gaussianNoise } from "../distributions/noise.ts";
import { normal } from "../distributions/normal.ts";
import { constant, div, exp, matmul, slice, sub } from "../graph/build.ts";
import type { DType, Tensor } from "../graph/tensor.ts";
import { spline } from "../guides/spline.ts";
import { cos, sin } from "../math.ts";
import { defineProblem, type Problem } from "../problem.ts";
import type { Preset } from "../train-options.ts";
import { paperGaussian } from "./paper.ts";

const D = 5;
const FIELD_SD = 1.5;
const NOISE_SD = 0.015;
/** Sensors: 0.15, 0.2375, …, 0.85. */
const SENSORS = Float64Array.from({ length: 9 }, (_, k) => 0.15 + 0.0875 * k);
/** Points of the quadrature. The error is below 1e-11 for θ of the prior, and below 1e-7 at the corners of |θ_i| ≤ 5. */
const POINTS = 64;

/** P_n(x) and P_{n−1}(x) by the recurrence; P_{−1} counts as 1, so that ∫ P_0 = s comes out like the others. */
function legendre(n: number, x: number): [number, number] {
  let [before, now] = [1, 1];
  for (let k = 1; k <= n; k++) [before, now] = [now, k === 1 ? x : ((2 * k - 1) * x * now - (k - 1) * before) / k];
  return [now, before];
}

/** The positive nodes of Gauss's rule with 2n points on [−1, 1], n of them, and their weights. */
function gaussNodes(n: number): { node: number; weight: number }[] {
  const N = 2 * n;
  return Array.from({ length: n }, (_, i) => {
    let x = cos((Math.PI * (i + 0.75)) / (N + 0.5));
    for (let newton = 0; newton < 6; newton++) {
      const [p, q] = legendre(N, x);
      x -= (p * (1 - x * x)) / (N * (q - x * p));
    }
    const slope = N * legendre(N, x)[1]; // (1 − x²) P′_N at a zero
    return { node: x, weight: (2 * (1 - x * x)) / (slope * slope) };
  });
}

/** −g at the points, as rows of θ, (D, POINTS), and the integrals up to the sensors and up to 1, (POINTS, 10). */
function makeRule(): { field: Float64Array; integrals: Float64Array } {
  const nodes = gaussNodes(POINTS);
  const field = Float64Array.from({ length: D * POINTS }, (_, at) => {
    const frequency = (Math.floor(at / POINTS) + 0.5) * Math.PI;
    const x = 1 - nodes[at % POINTS].node;
    return (-Math.SQRT2 * FIELD_SD * sin(frequency * x)) / frequency;
  });
  const ends = [...SENSORS, 1];
  const integrals = new Float64Array(POINTS * ends.length);
  ends.forEach((x, k) => {
    nodes.forEach(({ node, weight }, j) => {
      let sum = 0;
      for (let m = 0; m < 2 * POINTS; m += 2) {
        const above = legendre(m + 1, 1 - x)[0];
        const below = m === 0 ? 1 : legendre(m - 1, 1 - x)[0];
        sum += (below - above) * legendre(m, node)[0];
      }
      integrals[j * ends.length + k] = weight * sum;
    });
  });
  return { field, integrals };
}

let rule: ReturnType<typeof makeRule> | undefined; // made at the first use, not when the module is loaded

/** u at the sensors, (B, 5) → (B, 9). */
function forward(theta: Tensor): Tensor {
  rule ??= makeRule();
  const fixed = (values: Float64Array, dtype: DType, rows: number): Tensor => constant(values, dtype, rows);
  const inverse = exp(matmul(theta, fixed(rule.field, theta.dtype, D))); // e^{−g}, (B, POINTS)
  const integrals = matmul(inverse, fixed(rule.integrals, theta.dtype, POINTS)); // (B, 10)
  const count = SENSORS.length;
  return sub(1, div(slice(integrals, 0, count), slice(integrals, count, count + 1)));
}

/** The paper's guide is that of arXiv 2305.20004 §4.1 and its public code; the others were chosen by held-out loss. */
const guide = /* @__PURE__ */ spline({ bins: 8, embedding: [96, 96], hidden: [32, 32] });
const presets: Readonly<Record<string, Preset>> = {
  fast: { spline: { guide, batch: 128, steps: 20_000, rate: 4e-3 } },
  default: { spline: { guide, batch: 128, steps: 100_000, rate: 3e-3 } },
  paper: {
    gaussian: paperGaussian([50, 40, 30, 20]),
  },
};

export const rod: Problem = /* @__PURE__ */ defineProblem({
  name: "rod",
  description: "an elliptic equation on a rod: which coefficient gives the potentials at nine sensors",
  parameters: Array.from({ length: D }, (_, i) => `mode ${i + 1}`),
  data: Array.from(SENSORS, (x) => `u(${x.toFixed(4).replace(/0+$/, "")})`),
  prior: normal(new Float64Array(D), 1),
  forward,
  noise: gaussianNoise(NOISE_SD),
  presets,
});
