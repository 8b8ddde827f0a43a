/**
 * log p(θ) = Σ ½ log(2/π) − log σ − ½ (θ/σ)² for θ ≥ 0: the size of a normal variable. log θ has the mean
 * log σ + ½(ψ(½) + log 2) and the variance ψ′(½)/4 = π²/8.
 */
import { isPositive } from "../checks/arguments.ts";
import { abs, cast, div, mul, random, square, sumFeatures } from "../graph/build.ts";
import { log } from "../numbers/math.ts";
import type { Distribution } from "./distribution.ts";
import { entrywise, type Family, type PriorParameter } from "./entrywise.ts";
import { logarithm, minus } from "./values.ts";

const HALF_LOG_2_OVER_PI = -0.22579135264472744;
const SQRT_2_OVER_PI = 0.7978845608028654;
/** √(1 − 2/π) */
const SD = 0.6028102749890869;
/** ½ (ψ(½) + log 2) */
const LOG_MEAN = -0.6351814227307391;
/** π/√8 */
const LOG_SD = 1.1107207345395915;

const family: Family<"sd"> = {
  name: "halfNormal",
  checks: { sd: ["> 0 and finite", isPositive] },
  low: 0,
  high: Infinity,
  streams: 1,
  draw: ({ sd }, size, stream, dtype) => mul(abs(cast(random("normal", size, stream), dtype)), sd),
  kernel: (theta, { sd }) => mul(sumFeatures(square(div(theta, sd))), -0.5),
  constant: ({ sd }) => minus(HALF_LOG_2_OVER_PI, logarithm(sd)),
  moments: ({ sd }) => ({ mean: sd * SQRT_2_OVER_PI, sd: sd * SD, realMean: log(sd) + LOG_MEAN, realSd: LOG_SD }),
};

/**
 * Independent entries, each the size |x| of a normal x of mean 0 and standard deviation `sd`, a number or a list of D; within `joint` it
 * may be a tensor.
 * @throws unless every sd is positive and finite.
 */
export const halfNormal = (sd: PriorParameter): Distribution => entrywise(family, { sd });
