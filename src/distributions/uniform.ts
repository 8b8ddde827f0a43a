/**
 * log U(θ; low, high) = −Σ log(high − low) in the box; x = logit((θ − low)/(high − low)) is a standard logistic variate,
 * of mean 0 and standard deviation π/√3.
 */

import { isFiniteNumber, type Numbers, requireEach, spread } from "../checks/arguments.ts";
import { add, cast, mul, random, sub, sumFeatures } from "../graph/build.ts";
import { log } from "../numbers/math.ts";
import { type Distribution, expectBatch, minus } from "./distribution.ts";
import { momentVectors, uniformMoments } from "./moments.ts";
import { makeSupport } from "./support.ts";

/**
 * Independent uniform entries. `low` and `high` are numbers or lists of D numbers; a number stands for all entries.
 * @throws unless every bound is finite and every low is less than its high.
 */
export function uniform(low: Numbers, high: Numbers): Distribution {
  const args = spread("uniform", { low, high });
  requireEach("uniform", "low", args.low, "finite", isFiniteNumber);
  requireEach("uniform", "high", args.high, "finite", isFiniteNumber);
  requireEach("uniform", "low", args.low, "< high", (x, i) => x < args.high[i]);
  const size = args.low.length;
  const width = args.high.map((h, i) => h - args.low[i]);
  const { clamp, within, toReal, fromReal, logDetToReal } = makeSupport("uniform", args.low, args.high);
  const logDensity = width.reduce((sum, w) => sum - log(w), 0);
  return Object.freeze({
    name: "uniform",
    size,
    ...momentVectors(size, (i) => uniformMoments(args.low[i], args.high[i])),
    low: args.low,
    high: args.high,
    streams: 1,
    draw: (stream, dtype) => clamp(add(mul(cast(random("uniform", size, stream), dtype), width), args.low)),
    logDensity: (theta) => {
      expectBatch("uniform", "theta", theta, size);
      const nothing = mul(sumFeatures(sub(theta, theta)), 0); // a column of zeros that keeps a NaN of θ
      return within(add(nothing, logDensity), theta);
    },
    toReal,
    fromReal,
    logDetToReal,
    about: (centre) => uniform(minus(args.low, centre), minus(args.high, centre)),
    spec: { name: "uniform", low: Array.from(args.low), high: Array.from(args.high) },
  } satisfies Distribution);
}
