/**
 * log p(θ) = −½ Σ z² − Σ log σ − Σ log (Φ(b) − Φ(a)) − ½ D log 2π in the box, z = (θ − μ)/σ, a and b its bounds.
 * Draws invert the distribution function exactly: z = Φ⁻¹(Φ(a) + u (Φ(b) − Φ(a))). The map to the whole line is that of the box
 * (support.ts), not a logit of Φ, which single precision rounds to 0 or 1 a few σ away from μ.
 */

import { isFiniteNumber, isPositive, type Numbers, requireEach, spread } from "../checks/arguments.ts";
import { add, cast, div, maximum, minimum, mul, probit, random, square, sub, sumFeatures } from "../graph/build.ts";
import { erfc, LOG_2PI, log as logOf } from "../numbers/math.ts";
import { type Distribution, expectBatch, finiteOrNull, minus } from "./distribution.ts";
import { momentVectors, truncatedNormalMoments } from "./moments.ts";
import { makeSupport } from "./support.ts";

/** log of the least mass that the bounds may leave: with less, draws in single precision would underflow. */
const LEAST_LOG_MASS = -69; // 1e-30

const cdf = (z: number): number => 0.5 * erfc(-z * Math.SQRT1_2);

/**
 * Independent entries, each a normal of `mean` and `sd` (before truncation) kept to [low, high]; numbers or lists of D
 * numbers, a number stands for all entries. A bound may be infinite.
 * @throws unless every mean is finite, every sd positive and finite, every low less than its high, and the bounds leave
 * at least 1e-30 of each normal's mass.
 */
export function truncatedNormal(mean: Numbers, sd: Numbers, low: Numbers, high: Numbers): Distribution {
  const owner = "truncatedNormal";
  const args = spread(owner, { mean, sd, low, high });
  requireEach(owner, "mean", args.mean, "finite", isFiniteNumber);
  requireEach(owner, "sd", args.sd, "> 0 and finite", isPositive);
  requireEach(owner, "low", args.low, "< high", (x, i) => x < args.high[i]);
  const size = args.mean.length;
  const standard = (x: Float64Array): Float64Array => x.map((v, i) => (v - args.mean[i]) / args.sd[i]);
  const [a, b] = [standard(args.low), standard(args.high)];
  const moments = Array.from(args.mean, (m, i) => truncatedNormalMoments(m, args.sd[i], args.low[i], args.high[i]));
  moments.forEach(({ logMass }, i) => {
    if (logMass > LEAST_LOG_MASS) return;
    const got = `[${args.low[i]}, ${args.high[i]}] at index ${i}, ${Math.max(a[i], -b[i]).toPrecision(3)} sd away`;
    throw new Error(`${owner}: expected low and high to leave at least 1e-30 of the normal's mass, got ${got}`);
  });

  // Probabilities are taken from the side where they are small and keep their digits; from the right side, z has the sign −1.
  const sign = a.map((x, i) => (x + b[i] > 0 ? -1 : 1));
  const pLow = sign.map((s, i) => cdf(s > 0 ? a[i] : -b[i]));
  const pHigh = sign.map((s, i) => cdf(s > 0 ? b[i] : -a[i]));
  const pInside = pHigh.map((x, i) => x - pLow[i]);
  const signedSd = args.sd.map((s, i) => s * sign[i]);
  const { clamp, within, toReal, fromReal, logDetToReal } = makeSupport(owner, args.low, args.high);
  const constant = moments.reduce((sum, m, i) => sum - logOf(args.sd[i]) - m.logMass, -0.5 * size * LOG_2PI);
  return Object.freeze({
    name: "truncatedNormal",
    size,
    ...momentVectors(size, (i) => moments[i]),
    low: args.low,
    high: args.high,
    streams: 1,
    draw: (stream, dtype) => {
      const u = cast(random("uniform", size, stream), dtype);
      const inside = minimum(maximum(add(mul(u, pInside), pLow), 1e-38), 1 - 5.9604644775390625e-8); // rounding may reach 0 or 1
      return clamp(add(mul(probit(inside), signedSd), args.mean));
    },
    logDensity: (theta) => {
      expectBatch(owner, "theta", theta, size);
      const z = div(sub(theta, args.mean), args.sd);
      return within(add(mul(sumFeatures(square(z)), -0.5), constant), theta);
    },
    toReal,
    fromReal,
    logDetToReal,
    about: (centre) =>
      truncatedNormal(minus(args.mean, centre), args.sd, minus(args.low, centre), minus(args.high, centre)),
    spec: {
      name: "truncatedNormal",
      mean: Array.from(args.mean),
      sd: Array.from(args.sd),
      low: finiteOrNull(args.low),
      high: finiteOrNull(args.high),
    },
  } satisfies Distribution);
}
