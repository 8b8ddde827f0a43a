/**
 * log p(θ) = Σ (a − 1) log θ + (b − 1) log(1 − θ) − log B(a, b) for 0 < θ < 1. log(θ/(1 − θ)) is the difference of two logarithms of
 * gamma variables, of mean ψ(a) − ψ(b) and variance ψ′(a) + ψ′(b). Draws: draws.ts.
 */
import { add, lgamma, mul, sumFeatures } from "../graph/build.ts";
import { lgamma as lgammaOf } from "../numbers/math.ts";
import { digamma, trigamma } from "../numbers/polygamma.ts";
import type { Distribution } from "./distribution.ts";
import { betaDraw, GAMMA_STREAMS } from "./draws.ts";
import { entrywise, type Family, type PriorParameter } from "./entrywise.ts";
import { logDistances } from "./support.ts";
import { minus, ofOne, plus } from "./values.ts";

const logGamma = /* @__PURE__ */ ofOne(lgammaOf, lgamma);
const check = ["at least 0.08 and finite", (x: number): boolean => x >= 0.08 && x < Infinity] as const;

const family: Family<"a" | "b"> = {
  name: "beta",
  checks: { a: check, b: check },
  low: 0,
  high: 1,
  streams: GAMMA_STREAMS,
  draw: ({ a, b }, size, stream, dtype) => betaDraw(a, b, size, stream, 1, dtype),
  kernel: (theta, { a, b }) => {
    const { low, high } = logDistances(theta, 0, 1);
    return sumFeatures(add(mul(low, minus(a, 1)), mul(high, minus(b, 1))));
  },
  constant: ({ a, b }) => minus(logGamma(plus(a, b)), plus(logGamma(a), logGamma(b))),
  moments: ({ a, b }) => ({
    mean: a / (a + b),
    sd: Math.sqrt((a * b) / (a + b + 1)) / (a + b),
    realMean: digamma(a) - digamma(b),
    realSd: Math.sqrt(trigamma(a) + trigamma(b)),
  }),
};

/**
 * Independent beta entries between 0 and 1 of shapes a and b, of mean a/(a + b); numbers or lists of D, within `joint` also tensors.
 * @throws unless all shapes are at least 0.08 and finite.
 */
export const beta = (a: PriorParameter, b: PriorParameter): Distribution => entrywise(family, { a, b });
