/**
 * log p(θ) = Σ log(2/π) − log s − log(1 + (θ/s)²) for θ ≥ 0, drawn as s tan(πU/2). Mean and variance are infinite; log(θ/s) has the
 * density sech(x)/π, of mean 0 and standard deviation π/2.
 */
import { isPositive } from "../checks/arguments.ts";
import { cast, div, log1p, mul, neg, random, sin, square, sub, sumFeatures } from "../graph/build.ts";
import { cos as cosOf, log, sin as sinOf } from "../numbers/math.ts";
import { CENTRAL, type Distribution } from "./distribution.ts";
import { entrywise, type Family, type PriorParameter } from "./entrywise.ts";
import { logarithm, minus } from "./values.ts";

const LOG_2_OVER_PI = -0.45158270528945486;
const HALF_PI = 1.5707963267948966;

/** The quantile of scale 1. */
const quantile = (p: number): number => sinOf(HALF_PI * p) / cosOf(HALF_PI * p);

const family: Family<"scale"> = {
  name: "halfCauchy",
  checks: { scale: ["> 0 and finite", isPositive] },
  low: 0,
  high: Infinity,
  streams: 1,
  draw: ({ scale }, size, stream, dtype) => {
    const u = cast(random("uniform", size, stream), dtype);
    // The cosine as the sine of the rest, which keeps its digits where it is small; 1 − u is exact.
    return mul(div(sin(mul(u, HALF_PI)), sin(mul(sub(1, u), HALF_PI))), scale);
  },
  kernel: (theta, { scale }) => neg(sumFeatures(log1p(square(div(theta, scale))))),
  constant: ({ scale }) => minus(LOG_2_OVER_PI, logarithm(scale)),
  moments: ({ scale }) => {
    const [low, high] = CENTRAL.map(quantile);
    return { mean: scale, sd: (scale * (high - low)) / 2, realMean: log(scale), realSd: HALF_PI };
  },
};

/**
 * Independent entries, each the size of a Cauchy variable of this scale, which is their median; a number or a list of D, within `joint`
 * also a tensor. Its mean and sd are infinite: `mean` is the median, and `sd` half the distance between the quantiles of 15.9 % and
 * 84.1 %.
 * @throws unless every scale is positive and finite.
 */
export const halfCauchy = (scale: PriorParameter): Distribution => entrywise(family, { scale });
