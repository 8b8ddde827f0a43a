/**
 * Problems of the studies besides the built-in ones: posteriors with several modes or heavy tails, and exact draws.
 *
 *   two-scales   θ ~ U(−10, 10)², y = θ + n, n from ½ N(0, I) + ½ N(0, 0.01 I) (Sisson, Fan & Tanaka, PNAS 104 (2007)): a peak on
 *                a broad base
 *   quadrants    θ ~ N(0, I), y = (|θ1|, |θ2|) + N(0, 0.1² I): four modes, or two, or one for data near 0
 *   arm-wide     an arm whose joints turn to either side, angles N(0, 1.5²): elbows up, down and folded back
 */
import { expectBatch } from "../../src/distributions/distribution.ts";
import {
  abs,
  add,
  cast,
  concat,
  logSumExp,
  mul,
  probit,
  random,
  slice,
  square,
  sub,
  sumFeatures,
  where,
} from "../../src/graph/build.ts";
import { defineProblem, gaussianNoise, type Noise, normal, type Problem, uniform } from "../../src/index.ts";
import { erfc, probit as probitOf } from "../../src/numbers/math.ts";
import { normalAt, uniformAt } from "../../src/numbers/random.ts";
import { checkData } from "../../src/problem/problem.ts";
import { armOf } from "../../src/problems/arm.ts";

const [BROAD, NARROW, EDGE] = [1, 0.1, 10];
const LOG_2PI = 1.8378770664093453;

/** Noise of two data values with one of two standard deviations, drawn for each sample. */
const twoScalesNoise: Noise = Object.freeze({
  name: "two-scales",
  size: 2,
  data: "real",
  streams: 1,
  constantSd: Math.sqrt((BROAD ** 2 + NARROW ** 2) / 2),
  draw: (clean, stream) => {
    expectBatch("two-scales", "noise-free data", clean, 2);
    const u = cast(random("uniform", 3, stream, clean.rows), clean.dtype);
    const scale = where(sub(slice(u, 0, 1), 0.5), BROAD, NARROW);
    return add(clean, mul(probit(slice(u, 1, 3)), scale));
  },
  logDensity: (y, clean) => {
    const squares = sumFeatures(square(sub(y, clean)));
    const each = [BROAD, NARROW].map((s) =>
      add(mul(squares, -0.5 / (s * s)), -LOG_2PI - 2 * Math.log(s) - Math.log(2)),
    );
    return logSumExp(concat(...each));
  },
  spec: { name: "two-scales" },
} satisfies Noise);

export const twoScales: Problem = defineProblem({
  name: "two-scales",
  description: "a peak on a broad foot",
  prior: uniform([-EDGE, -EDGE], EDGE),
  forward: (theta) => mul(theta, 1),
  noise: twoScalesNoise,
  exact: (given, count, seed) => {
    const [y] = checkData({ M: 2 }, given);
    const out = new Float32Array(2 * count);
    for (let [kept, row] = [0, 0]; kept < count; row++) {
      const scale = uniformAt(seed, 1, 0, row, 0) < 0.5 ? NARROW : BROAD;
      const theta = [0, 1].map((d) => y[d] - scale * normalAt(seed, 2, 0, row, d));
      if (theta.every((t) => Math.abs(t) < EDGE)) out.set(theta, 2 * kept++);
    }
    return out;
  },
});

const FOLD_SD = 0.1;
const phi = (u: number): number => 0.5 * erfc(-u * Math.SQRT1_2);

export const quadrants: Problem = defineProblem({
  name: "quadrants",
  description: "a mode in each quadrant",
  prior: normal([0, 0], 1),
  forward: abs,
  noise: gaussianNoise(FOLD_SD),
  // |θ| has the posterior of y = θ + noise, cut at 0; either sign is as probable.
  exact: (given, count, seed) => {
    const [y] = checkData({ M: 2 }, given);
    const share = 1 / (1 + FOLD_SD ** 2);
    const sd = FOLD_SD * Math.sqrt(share);
    return Float32Array.from({ length: 2 * count }, (_, k) => {
      const [row, d] = [k >> 1, k & 1];
      const mean = share * y[d];
      const below = phi(-mean / sd);
      const size = mean + sd * probitOf(below + (1 - below) * uniformAt(seed, 1, 0, row, d));
      return uniformAt(seed, 2, 0, row, d) < 0.5 ? -size : size;
    });
  },
});

export const armWide: Problem = armOf({
  name: "arm-wide",
  description: "an arm whose joints turn to either side",
  angleSd: 1.5,
});
