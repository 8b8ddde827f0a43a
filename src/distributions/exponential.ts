/**
 * log p(θ) = Σ log λ − λθ for θ ≥ 0, drawn as −log(U)/λ. −log(λθ) is a Gumbel variable: log θ has the mean ψ(1) − log λ and the
 * variance ψ′(1) = π²/6.
 */
import { isPositive } from "../checks/arguments.ts";
import { cast, div, log, mul, neg, random, sumFeatures } from "../graph/build.ts";
import { log as logOf } from "../numbers/math.ts";
import type { Distribution } from "./distribution.ts";
import { entrywise, type Family, type PriorParameter } from "./entrywise.ts";
import { logarithm } from "./values.ts";

const EULER = 0.5772156649015329;
/** π/√6 */
const LOG_SD = 1.2825498301618641;

const family: Family<"rate"> = {
  name: "exponential",
  checks: { rate: ["> 0 and finite", isPositive] },
  low: 0,
  high: Infinity,
  streams: 1,
  draw: ({ rate }, size, stream, dtype) => div(neg(log(cast(random("uniform", size, stream), dtype))), rate),
  kernel: (theta, { rate }) => neg(sumFeatures(mul(theta, rate))),
  constant: ({ rate }) => logarithm(rate),
  moments: ({ rate }) => ({ mean: 1 / rate, sd: 1 / rate, realMean: -EULER - logOf(rate), realSd: LOG_SD }),
};

/**
 * Independent exponential entries of this rate, of mean 1/rate; a number or a list of D, within `joint` also a tensor.
 * @throws unless every rate is positive and finite.
 */
export const exponential = (rate: PriorParameter): Distribution => entrywise(family, { rate });
