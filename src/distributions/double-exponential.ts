/**
 * log p(θ) = Σ −log 2b − |θ − μ|/b, drawn as μ ± b log(2 min(U, 1 − U)): an exponential on each side.
 */
import { isFiniteNumber, isPositive } from "../checks/arguments.ts";
import { abs, add, cast, div, log, minimum, mul, neg, random, sub, sumFeatures, where } from "../graph/build.ts";
import type { Distribution } from "./distribution.ts";
import { entrywise, type Family, type PriorParameter } from "./entrywise.ts";
import { logarithm, minus } from "./values.ts";

const LOG_2 = 0.6931471805599453;

const family: Family<"mean" | "scale"> = {
  name: "doubleExponential",
  checks: { mean: ["finite", isFiniteNumber], scale: ["> 0 and finite", isPositive] },
  low: -Infinity,
  high: Infinity,
  streams: 1,
  draw: ({ mean, scale }, size, stream, dtype) => {
    const u = cast(random("uniform", size, stream), dtype);
    const side = log(mul(minimum(u, sub(1, u)), 2));
    return add(mul(where(sub(u, 0.5), neg(side), side), scale), mean);
  },
  kernel: (theta, { mean, scale }) => neg(sumFeatures(abs(div(sub(theta, mean), scale)))),
  constant: ({ scale }) => minus(-LOG_2, logarithm(scale)),
  moments: ({ mean, scale }) => ({ mean, sd: Math.SQRT2 * scale, realMean: mean, realSd: Math.SQRT2 * scale }),
  location: "mean",
};

/**
 * Independent entries of Laplace's distribution: an exponential of this scale on each side of the mean; numbers or lists of D, within
 * `joint` also tensors. (`laplace` names the approximation of posteriors.)
 * @throws unless every mean is finite and every scale is positive and finite.
 */
export const doubleExponential = (mean: PriorParameter, scale: PriorParameter): Distribution =>
  entrywise(family, { mean, scale });
