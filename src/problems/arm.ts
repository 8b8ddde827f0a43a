/**
 * Inverse kinematics of a planar arm on a slide (arXiv 2305.20004 §4.2; Ardizzone et al., ICLR 2019, §4.2): three links
 * of lengths 0.5, 0.5 and 1, the base at height θ1, joint angles θ2, θ3, θ4 relative to the link before. With the angles
 * φ = cumsum(θ2, θ3, θ4) from the horizontal,
 *
 *   y1 = Σ l_k cos φ_k,   y2 = θ1 + Σ l_k sin φ_k,   plus noise of sd 0.01.
 *
 * The posterior is a thin, curved, multimodal sheet.
 */

import { gaussianNoise } from "../distributions/noise/gaussian.ts";
import { normal } from "../distributions/normal.ts";
import { add, columns, concat, cos, cumsum, mul, sin, sumFeatures } from "../graph/build.ts";
import { coupling } from "../guides/coupling.ts";
import { spline } from "../guides/spline.ts";
import { cos as cosOf, probit, sin as sinOf } from "../numbers/math.ts";
import { normalAt } from "../numbers/random.ts";
import { defineProblem, type ProblemSpec } from "../problem/define.ts";
import { checkData, type Problem } from "../problem/problem.ts";
import type { Preset } from "../train/options.ts";
import { sampleCells } from "./cells.ts";
import { paperGaussian } from "./paper.ts";

/** Lengths of the links, m. @internal except for pictures */
export const LINKS: readonly number[] = [0.5, 0.5, 1];
const HEIGHT_SD = 0.25;
const ANGLE_SD = 0.5;
const NOISE_SD = 0.01;
const TWO_PI = 2 * Math.PI;

/** Height given the angles: base and noise together. */
const HEIGHT_VARIANCE = HEIGHT_SD * HEIGHT_SD + NOISE_SD * NOISE_SD;

/** Bounds of the cosine over [low, high]. */
function cosRange(low: number, high: number, out: Float64Array): void {
  const turn = Math.floor(low / TWO_PI) * TWO_PI;
  const [from, to] = [low - turn, high - turn]; // `from` in [0, 2π)
  const peak = to >= TWO_PI;
  const trough = (from <= Math.PI && to >= Math.PI) || to >= 3 * Math.PI;
  const wide = !(high - low < TWO_PI);
  const [a, b] = wide ? [-1, 1] : [cosOf(from), cosOf(to)];
  out[0] = wide || trough ? -1 : Math.min(a, b);
  out[1] = wide || peak ? 1 : Math.max(a, b);
}

/** Distance of x from the interval [low, high]. */
const away = (x: number, low: number, high: number): number => Math.max(0, low - x, x - high);

const logWeight = (reach: number, height: number): number =>
  -0.5 * ((reach * reach) / (NOISE_SD * NOISE_SD) + (height * height) / HEIGHT_VARIANCE);

/**
 * Exact draws (count, 4) of the posterior of data y (2). The angles are drawn from their prior N(0, angleSd²), weighted by the
 * likelihood of y1 times that of y2 with the base height integrated out, N(y2; Σ l sin φ, 0.25² + 0.01²); the height is then
 * normal given the angles and y2.
 */
function exact(angleSd: number, given: ArrayLike<number>, count: number, seed: number): Float32Array {
  const [y] = checkData({ M: 2 }, given);
  const range = new Float64Array(2);
  const endPoint = (theta: Float64Array): [number, number] => {
    let [reach, height, angle] = [0, 0, 0];
    for (let k = 0; k < 3; k++) {
      angle += theta[k];
      reach += LINKS[k] * cosOf(angle);
      height += LINKS[k] * sinOf(angle);
    }
    return [reach, height];
  };
  const out = new Float32Array(4 * count);
  const share = (HEIGHT_SD * HEIGHT_SD) / HEIGHT_VARIANCE;
  const spread = Math.sqrt(share) * NOISE_SD;
  const target = {
    name: "arm",
    dimensions: 3,
    quantile: (u: number) => angleSd * probit(u),
    logWeight: (theta: Float64Array) => {
      const [reach, height] = endPoint(theta);
      return logWeight(y[0] - reach, y[1] - height);
    },
    bound: (low: Float64Array, high: Float64Array) => {
      const reach = [0, 0];
      const height = [0, 0];
      let [from, to] = [0, 0];
      for (let k = 0; k < 3; k++) {
        [from, to] = [from + low[k], to + high[k]];
        cosRange(from, to, range);
        for (const i of [0, 1]) reach[i] += LINKS[k] * range[i];
        cosRange(from - Math.PI / 2, to - Math.PI / 2, range);
        for (const i of [0, 1]) height[i] += LINKS[k] * range[i];
      }
      return logWeight(away(y[0], reach[0], reach[1]), away(y[1], height[0], height[1]));
    },
  };
  sampleCells(target, count, seed, (theta, index) => {
    const base = share * (y[1] - endPoint(theta)[1]) + spread * normalAt(seed, 0, 0, index, 0);
    out.set([base, theta[0], theta[1], theta[2]], 4 * index);
  });
  return out;
}

/** The paper's guides, sizes and schedules are from arXiv 2305.20004 §4.2 and its public code. */
const presets: Readonly<Record<string, Preset>> = {
  fast: { spline: { guide: spline(), batch: 256, steps: 2000, rate: 1.4e-2, optimiser: "soap" } },
  default: { spline: { guide: spline(), batch: 256, steps: 40_000, rate: 3e-3 } },
  paper: {
    gaussian: paperGaussian([20, 10]),
    coupling: {
      guide: coupling({ blocks: 15, hidden: [100, 100], activation: "leakyRelu" }),
      objective: "elbo",
      batch: 64,
      particles: 32,
      steps: 200_000,
      rate: 1e-3,
      schedule: { kind: "constant" },
      optimiser: "amsgrad",
    },
  },
};

/** The arm with another prior of its joint angles: the wider it is, the more postures reach a point. */
export const armOf = (spec: Pick<ProblemSpec, "name" | "description" | "presets"> & { angleSd: number }): Problem =>
  defineProblem({
    name: spec.name,
    description: spec.description,
    parameters: [
      { name: "base height", unit: "m" },
      { name: "angle 1", unit: "rad" },
      { name: "angle 2", unit: "rad" },
      { name: "angle 3", unit: "rad" },
    ],
    data: [
      { name: "reach", unit: "m" },
      { name: "height", unit: "m" },
    ],
    prior: normal(0, [HEIGHT_SD, spec.angleSd, spec.angleSd, spec.angleSd]),
    forward: (theta) => {
      const angles = cumsum(columns(theta, [1, 2, 3])); // (B, 3)
      const reach = sumFeatures(mul(cos(angles), LINKS));
      const height = add(columns(theta, [0]), sumFeatures(mul(sin(angles), LINKS)));
      return concat(reach, height); // (B, 2)
    },
    noise: gaussianNoise(NOISE_SD),
    presets: spec.presets,
    exact: (y, count, seed) => exact(spec.angleSd, y, count, seed),
  });

/** Inverse kinematics of a planar arm: base height and three joint angles from the position of its end (arXiv 2305.20004). */
export const arm: Problem = /* @__PURE__ */ armOf({
  name: "arm",
  description: "inverse kinematics: which base height and joint angles put the end of a planar arm at a point",
  angleSd: ANGLE_SD,
  presets,
});
