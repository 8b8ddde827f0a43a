/**
 * log p(θ) = Σ log Γ((ν+1)/2) − log Γ(ν/2) − ½ log νπ − log s − ½(ν+1) log(1 + ((θ − m)/s)²/ν), drawn as s √(ν (U^(−2/ν) − 1)) cos 2πV:
 * Bailey, Polar generation of random variates with the t-distribution, Math. Comp. 62 (1994). On the line (heavy-line.ts),
 * u = asinh((θ − m)/(s√ν)) has a density of cosh(u)^−ν, of mean 0 and variance ψ′(ν/2)/2, because 2u is the logit of a
 * Beta(ν/2, ν/2) variable.
 */
import { isFiniteNumber, isPositive, type Numbers } from "../checks/arguments.ts";
import {
  add,
  cast,
  cos,
  div,
  exp,
  log,
  log1p,
  mul,
  random,
  slice,
  sqrt,
  square,
  sub,
  sumFeatures,
  tanh,
  where,
} from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { lineQuantiles } from "../numbers/line-quantiles.ts";
import { exp as expOf, lgamma, log1p as log1pOf, log as logOf } from "../numbers/math.ts";
import { trigamma } from "../numbers/polygamma.ts";
import { CENTRAL, type Distribution } from "./distribution.ts";
import { entrywise, type Family, type PriorParameter } from "./entrywise.ts";
import { heavyLine } from "./heavy-line.ts";
import { logarithm, minus, type Value } from "./values.ts";

const LOG_PI = 1.1447298858494002;
const TWO_PI = 6.283185307179586;

/** exp(x) − 1 for x ≥ 0 without cancellation, which would make the draws for large ν coarse. */
function expm1(x: Tensor): Tensor {
  const t = tanh(mul(x, 0.5));
  return where(sub(x, 1), sub(exp(x), 1), div(mul(t, 2), sub(1, t)));
}

const sinhOf = (x: number): number => 0.5 * (expOf(x) - expOf(-x));

/** Half the distance between the quantiles Φ(±1) of scale 1; they lie on both sides of 0 alike. */
function centralHalf(degrees: number, realSd: number): number {
  const logCosh = (x: number): number => Math.abs(x) + log1pOf(expOf(-2 * Math.abs(x))); // up to a constant
  const [u] = lineQuantiles((x) => -degrees * logCosh(x), 0, realSd, [CENTRAL[1]]);
  return Math.sqrt(degrees) * sinhOf(u);
}

/** log of the normaliser of degrees ν and scale 1. */
const logScale = (degrees: number): number =>
  lgamma((degrees + 1) / 2) - lgamma(degrees / 2) - 0.5 * (logOf(degrees) + LOG_PI);

const numbers = (degrees: Value): Float64Array => degrees as Float64Array; // student() takes no tensor for them

const family: Family<"mean" | "scale" | "degrees"> = {
  name: "student",
  checks: {
    mean: ["finite", isFiniteNumber],
    scale: ["> 0 and finite", isPositive],
    degrees: ["at least 0.5 and finite", (x) => x >= 0.5 && x < Infinity],
  },
  low: -Infinity,
  high: Infinity,
  streams: 1,
  draw: ({ mean, scale, degrees }, size, stream, dtype) => {
    const both = cast(random("uniform", 2 * size, stream), dtype);
    const [u, v] = [slice(both, 0, size), slice(both, size, 2 * size)];
    const power = numbers(degrees).map((n) => -2 / n);
    const radius = sqrt(mul(expm1(mul(log(u), power)), degrees));
    return add(mul(mul(radius, cos(mul(v, TWO_PI))), scale), mean);
  },
  kernel: (theta, { mean, scale, degrees }) => {
    const squares = square(div(sub(theta, mean), scale));
    const half = numbers(degrees).map((n) => -(n + 1) / 2);
    return sumFeatures(mul(log1p(div(squares, degrees)), half));
  },
  constant: ({ scale, degrees }) => minus(numbers(degrees).map(logScale), logarithm(scale)),
  moments: ({ mean, scale, degrees }) => {
    const realSd = Math.sqrt(trigamma(degrees / 2) / 2);
    const spread = degrees > 2 ? Math.sqrt(degrees / (degrees - 2)) : centralHalf(degrees, realSd);
    return { mean, sd: scale * spread, realMean: 0, realSd };
  },
  location: "mean",
  line: ({ mean, scale, degrees }) =>
    heavyLine(
      "student",
      mean,
      scale.map((s, i) => s * Math.sqrt(degrees[i])),
    ),
};

/**
 * Independent entries of Student's t distribution about `mean`, of this scale and ν degrees of freedom, at least 0.5, because draws of
 * fewer could overflow single precision; ν = 1 is Cauchy's. Numbers or lists of D; within `joint`, mean and scale may be tensors. Where
 * the sd is infinite (ν ≤ 2), `sd` is half the distance between the quantiles of 15.9 % and 84.1 %; `mean` is the median for all ν.
 * @throws unless every mean is finite, every scale positive and finite, and all degrees are at least 0.5.
 */
export function student(mean: PriorParameter, scale: PriorParameter, degrees: Numbers): Distribution {
  return entrywise(family, { mean, scale, degrees });
}
