/**
 * log N(θ; μ, σ) = −½ Σ ((θ − μ)/σ)² − Σ log σ − ½ D log 2π, independent entries.
 */

import { isFiniteNumber, isPositive, type Numbers, requireEach, spread } from "../checks/arguments.ts";
import { add, cast, div, mul, random, square, sub, sumFeatures } from "../graph/build.ts";
import { LOG_2PI, log } from "../numbers/math.ts";
import { type Distribution, expectBatch, minus } from "./distribution.ts";
import { makeSupport } from "./support.ts";

/**
 * Independent normal entries. `mean` and `sd` are numbers or lists of D numbers; a number stands for all entries.
 * @throws unless every mean is finite and every sd is positive and finite.
 */
export function normal(mean: Numbers, sd: Numbers): Distribution {
  const args = spread("normal", { mean, sd });
  requireEach("normal", "mean", args.mean, "finite", isFiniteNumber);
  requireEach("normal", "sd", args.sd, "> 0 and finite", isPositive);
  const size = args.mean.length;
  const { low, high, toReal, fromReal, logDetToReal } = makeSupport(
    "normal",
    new Float64Array(size).fill(-Infinity),
    new Float64Array(size).fill(Infinity),
  );
  const constant = args.sd.reduce((sum, s) => sum - log(s), -0.5 * size * LOG_2PI);
  return Object.freeze({
    name: "normal",
    size,
    mean: args.mean,
    sd: args.sd,
    realMean: args.mean,
    realSd: args.sd,
    low,
    high,
    streams: 1,
    draw: (stream, dtype) => add(mul(cast(random("normal", size, stream), dtype), args.sd), args.mean),
    logDensity: (theta) => {
      expectBatch("normal", "theta", theta, size);
      return add(mul(sumFeatures(square(div(sub(theta, args.mean), args.sd))), -0.5), constant);
    },
    toReal,
    fromReal,
    logDetToReal,
    about: (centre) => normal(minus(args.mean, centre), args.sd),
    spec: { name: "normal", mean: Array.from(args.mean), sd: Array.from(args.sd) },
  } satisfies Distribution);
}
