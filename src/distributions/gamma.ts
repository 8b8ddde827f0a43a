/**
 * Gamma and inverse gamma distributions of shape α, of which one is 1/x of the other:
 *
 *   gamma           log p(θ) = Σ α log β − log Γ(α) + (α − 1) log θ − β θ,        log θ of mean ψ(α) − log β
 *   inverse gamma   log p(θ) = Σ α log s − log Γ(α) − (α + 1) log θ − s/θ,        log θ of mean log s − ψ(α)
 *
 * both for θ > 0, and log θ of variance ψ′(α). Draws: draws.ts.
 */
import { isPositive } from "../checks/arguments.ts";
import { add, div, exp, lgamma, mul, neg, sub, sumFeatures } from "../graph/build.ts";
import { lineQuantiles } from "../numbers/line-quantiles.ts";
import { exp as expOf, lgamma as lgammaOf, log as logOf } from "../numbers/math.ts";
import { digamma, trigamma } from "../numbers/polygamma.ts";
import { CENTRAL, type Distribution } from "./distribution.ts";
import { GAMMA_STREAMS, logGammaDraw } from "./draws.ts";
import { entrywise, type Family, type PriorParameter } from "./entrywise.ts";
import { logarithm, minus, ofOne, times, type Value } from "./values.ts";

const logGamma = /* @__PURE__ */ ofOne(lgammaOf, lgamma);

/** Least shape: of fewer, logarithms of draws leave the range of single precision. */
const LEAST = 0.08;
const shapeCheck = ["at least 0.08 and finite", (x: number): boolean => x >= LEAST && x < Infinity] as const;
const positive = ["> 0 and finite", isPositive] as const;
const halfLine = { low: 0, high: Infinity, streams: GAMMA_STREAMS } as const;

const gammaFamily: Family<"shape" | "rate"> = {
  name: "gamma",
  checks: { shape: shapeCheck, rate: positive },
  ...halfLine,
  draw: ({ shape, rate }, size, stream, dtype) => div(exp(logGammaDraw(shape, size, stream, 1, dtype)), rate),
  kernel: (theta, { shape, rate }, toReal) => sumFeatures(sub(mul(toReal(theta), minus(shape, 1)), mul(theta, rate))),
  constant: ({ shape, rate }) => minus(times(shape, logarithm(rate)), logGamma(shape)),
  moments: ({ shape, rate }) => ({
    mean: shape / rate,
    sd: Math.sqrt(shape) / rate,
    realMean: digamma(shape) - logOf(rate),
    realSd: Math.sqrt(trigamma(shape)),
  }),
};

/**
 * Independent gamma entries of this shape and rate, of mean shape/rate and sd √shape/rate; numbers or lists of D, within `joint` also
 * tensors.
 * @throws unless every shape is at least 0.08 and every rate is positive, and both are finite.
 */
export const gamma = (shape: PriorParameter, rate: PriorParameter): Distribution =>
  entrywise(gammaFamily, { shape, rate });

/** Mean and sd of an inverse gamma variable of scale 1, or what stands in their place (distribution.ts). */
function inverseMoments(shape: number): { readonly mean: number; readonly sd: number } {
  const mean = 1 / (shape - 1);
  if (shape > 2) return { mean, sd: mean / Math.sqrt(shape - 2) };
  const at = (p: number[]): number[] =>
    lineQuantiles((x) => -shape * x - expOf(-x), -digamma(shape), Math.sqrt(trigamma(shape)), p).map(expOf);
  const [low, median, high] = at([CENTRAL[0], 0.5, CENTRAL[1]]);
  return { mean: shape > 1 ? mean : median, sd: (high - low) / 2 };
}

const inverseFamily: Family<"shape" | "scale"> = {
  name: "inverseGamma",
  checks: { shape: shapeCheck, scale: positive },
  ...halfLine,
  draw: ({ shape, scale }, size, stream, dtype) => mul(exp(neg(logGammaDraw(shape, size, stream, 1, dtype))), scale),
  kernel: (theta, { shape, scale }, toReal) => {
    const x = toReal(theta);
    return neg(sumFeatures(add(mul(x, shapePlus1(shape)), mul(exp(neg(x)), scale))));
  },
  constant: ({ shape, scale }) => minus(times(shape, logarithm(scale)), logGamma(shape)),
  moments: ({ shape, scale }) => {
    const { mean, sd } = inverseMoments(shape);
    return {
      mean: mean * scale,
      sd: sd * scale,
      realMean: logOf(scale) - digamma(shape),
      realSd: Math.sqrt(trigamma(shape)),
    };
  },
};

const shapePlus1 = (shape: Value): Value => minus(shape, -1);

/**
 * Independent inverse gamma entries of this shape and scale: scale/θ is a gamma variable of rate 1. Numbers or lists of D, within
 * `joint` also tensors. The mean is scale/(shape − 1). For a shape up to 1 it is infinite, and `mean` is the median; for a shape up to 2
 * the sd is infinite, and `sd` is half the distance between the quantiles of 15.9 % and 84.1 %.
 * @throws unless every shape is at least 0.08 and every scale is positive, and both are finite.
 */
export const inverseGamma = (shape: PriorParameter, scale: PriorParameter): Distribution =>
  entrywise(inverseFamily, { shape, scale });
