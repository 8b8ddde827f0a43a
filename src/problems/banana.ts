/**
 * A toy with a curved posterior: θ ~ N(0, I), y = θ2 + θ1² plus noise of sd 0.25. Given y the parameters lie along the
 * parabola θ2 = y − θ1², in one arch or, for large y, in two legs.
 */

import { gaussianNoise } from "../distributions/noise/gaussian.ts";
import { normal } from "../distributions/normal.ts";
import { add, columns, square } from "../graph/build.ts";
import { probit } from "../numbers/math.ts";
import { normalAt } from "../numbers/random.ts";
import { defineProblem } from "../problem/define.ts";
import { checkData, type Problem } from "../problem/problem.ts";
import { sampleCells } from "./cells.ts";

const NOISE_SD = 0.25;
/** Variance of y given θ1. */
const VARIANCE = 1 + NOISE_SD * NOISE_SD;

/** Exact draws (count, 2): θ1 from its prior weighted by N(y; θ1², 1 + 0.25²), then θ2, which is normal given θ1 and y. */
function exact(given: ArrayLike<number>, count: number, seed: number): Float32Array {
  const [[y]] = checkData({ M: 1 }, given);
  const out = new Float32Array(2 * count);
  const target = {
    name: "banana",
    dimensions: 1,
    quantile: probit,
    logWeight: ([x]: Float64Array) => (-0.5 * (y - x * x) * (y - x * x)) / VARIANCE,
    bound: ([low]: Float64Array, [high]: Float64Array) => {
      const nearest = Math.max(0, low, -high);
      const farthest = Math.max(-low, high);
      const away = Math.max(0, nearest * nearest - y, y - farthest * farthest);
      return (-0.5 * away * away) / VARIANCE;
    },
  };
  sampleCells(target, count, seed, ([x], index) => {
    const spread = NOISE_SD / Math.sqrt(VARIANCE);
    out.set([x, (y - x * x) / VARIANCE + spread * normalAt(seed, 0, 0, index, 0)], 2 * index);
  });
  return out;
}

/** Two parameters whose posterior is bent like a banana, with exact draws. */
export const banana: Problem = /* @__PURE__ */ defineProblem({
  name: "banana",
  description: "a toy of two parameters whose posterior is curved",
  prior: normal([0, 0], 1),
  forward: (theta) => add(columns(theta, [1]), square(columns(theta, [0]))), // (B, 2) → (B, 1)
  noise: gaussianNoise(NOISE_SD),
  presets: {},
  exact,
});
