/**
 * A linear model whose posterior is known: θ ~ N(0, I), y = Aθ plus noise of sd σ = 0.5, A_ij = (((7i + 13j) mod 11) − 5)/10
 * for i = 1..20, j = 1..10. Then θ | y ~ N(Σ Aᵀy/σ², Σ) with Σ⁻¹ = I + AᵀA/σ² (Bishop, Pattern Recognition and Machine
 * Learning, §2.3.3).
 */

import { gaussianNoise } from "../distributions/noise/gaussian.ts";
import { normal } from "../distributions/normal.ts";
import { constant, matmul } from "../graph/build.ts";
import { gaussian } from "../guides/gaussian.ts";
import { spline } from "../guides/spline.ts";
import { columnOf, dot } from "../numbers/moments.ts";
import { normalAt } from "../numbers/random.ts";
import {
  addOuter,
  factorise,
  invert,
  packed,
  solveLower,
  solveTransposed,
  symmetric,
  triIndex,
} from "../numbers/triangles.ts";
import { defineProblem } from "../problem/define.ts";
import { checkData, type Problem } from "../problem/problem.ts";
import type { Preset } from "../train/options.ts";

const D = 10;
const M = 20;
const NOISE_SD = 0.5;

const entry = (i: number, j: number): number => (((7 * i + 13 * j) % 11) - 5) / 10;
/** Aᵀ (D, M), row by row. */
const TRANSPOSED = Float64Array.from({ length: D * M }, (_, k) => entry((k % M) + 1, Math.floor(k / M) + 1));

/** Packed factor C of the precision, C Cᵀ = Σ⁻¹. */
function precisionFactor(): Float64Array {
  const c = new Float64Array(packed(D));
  for (let i = 0; i < D; i++) c[triIndex(i, i)] = 1;
  for (let k = 0; k < M; k++) {
    const row = columnOf(TRANSPOSED, M, k).map((a) => a / NOISE_SD);
    addOuter(c, row, row);
  }
  factorise(c);
  return c;
}

function posteriorMean(c: Float64Array, y: Float64Array): Float64Array {
  const b = Float64Array.from({ length: D }, (_, j) => dot(TRANSPOSED.subarray(j * M, (j + 1) * M), y));
  return solveTransposed(
    c,
    solveLower(
      c,
      b.map((v) => v / (NOISE_SD * NOISE_SD)),
    ),
  );
}

/**
 * Mean (D) and covariance (D, D), row by row, of the posterior of data y (M).
 * @throws unless y has 20 finite numbers.
 */
export function linearGaussianPosterior(y: ArrayLike<number>): { mean: Float64Array; covariance: Float64Array } {
  const c = precisionFactor();
  return { mean: posteriorMean(c, checkData({ M }, y)[0]), covariance: symmetric(invert(c)) };
}

/** Exact draws (count, D): mean + C⁻ᵀ z. */
function exact(y: ArrayLike<number>, count: number, seed: number): Float32Array {
  const c = precisionFactor();
  const mean = posteriorMean(c, checkData({ M }, y)[0]);
  const out = new Float32Array(count * D);
  for (let s = 0; s < count; s++) {
    const z = Float64Array.from({ length: D }, (_, j) => normalAt(seed, 0, 0, s, j));
    out.set(
      solveTransposed(c, z).map((v, j) => v + mean[j]),
      s * D,
    );
  }
  return out;
}

/** No hidden layer is needed, because the mean is linear in the data and the covariance constant. */
const presets: Readonly<Record<string, Preset>> = {
  default: {
    gaussian: { guide: gaussian({ hidden: [] }), batch: 2048, particles: 2, steps: 8000, rate: 3e-3 },
    spline: { guide: spline(), steps: 8000 },
  },
};

/** Ten parameters, twenty data linear in them, Gaussian noise; the posterior is known in closed form. */
export const linearGaussian: Problem = /* @__PURE__ */ defineProblem({
  name: "linear-gaussian",
  description: "a linear model with normal prior and noise, whose posterior is known in closed form",
  prior: normal(new Float64Array(D), 1),
  forward: (theta) => matmul(theta, constant(TRANSPOSED, theta.dtype, D)), // (B, 10) → (B, 20)
  noise: gaussianNoise(NOISE_SD),
  presets,
  exact,
});
