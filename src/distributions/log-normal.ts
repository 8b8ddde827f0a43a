/**
 * log p(θ) = log N(log θ; μ, σ) − Σ log θ for θ > 0: the logarithm of θ is normal.
 */

import { isFiniteNumber, isPositive } from "../checks/arguments.ts";
import { add, cast, div, exp, mul, random, square, sub, sumFeatures } from "../graph/build.ts";
import { LOG_2PI, log as logOf } from "../numbers/math.ts";
import { type Distribution, minus } from "./distribution.ts";
import { entrywise, type Family, type PriorParameter } from "./entrywise.ts";
import { logNormalMoments } from "./moments.ts";
import { nearLine } from "./near.ts";
import { product } from "./product.ts";
import { logarithm, minus as minusOf } from "./values.ts";

const family: Family<"mu" | "sigma"> = {
  name: "logNormal",
  checks: { mu: ["finite", isFiniteNumber], sigma: ["> 0 and finite", isPositive] },
  low: 0,
  high: Infinity,
  streams: 1,
  draw: ({ mu, sigma }, size, stream, dtype) => exp(add(mul(cast(random("normal", size, stream), dtype), sigma), mu)),
  kernel: (theta, { mu, sigma }, toReal) => {
    const x = toReal(theta);
    return sub(mul(sumFeatures(square(div(sub(x, mu), sigma))), -0.5), sumFeatures(x));
  },
  constant: ({ sigma }) => minusOf(-0.5 * LOG_2PI, logarithm(sigma)),
  moments: ({ mu, sigma }) => logNormalMoments(mu, sigma),
  about: ({ mu, sigma }, c) =>
    product(
      ...runsOf(c).map(([from, to]) => {
        const [some, spreads] = [mu.slice(from, to), sigma.slice(from, to)];
        return c[from] > 0 ? aboutCentre(some, spreads, c.slice(from, to)) : logNormal(some, spreads);
      }),
    ),
};

/**
 * Independent entries whose logarithms are normal with mean `mu` and standard deviation `sigma`, numbers or lists of D; within `joint`
 * they may be tensors. Its mean is exp(μ + σ²/2), its median exp(μ).
 * @throws unless every mu is finite and every sigma is positive, and the mean and sd are finite numbers.
 */
export const logNormal = (mu: PriorParameter, sigma: PriorParameter): Distribution => entrywise(family, { mu, sigma });

/** Runs [from, to) of entries that are all 0 or all not. */
function runsOf(centre: Float64Array): [number, number][] {
  const runs: [number, number][] = [];
  centre.forEach((c, i) => {
    if (i > 0 && c > 0 === centre[i - 1] > 0) runs[runs.length - 1][1] = i + 1;
    else runs.push([i, i + 1]);
  });
  return runs;
}

/** θ − c of log-normal θ near c > 0, that is of small σ. */
function aboutCentre(mu: Float64Array, sigma: Float64Array, c: Float64Array): Distribution {
  const size = c.length;
  const shift = mu.map((m, i) => m - logOf(c[i]));
  const theta = logNormal(mu, sigma);
  const line = nearLine("logNormal", c);
  const constant = sigma.reduce((sum, s) => sum - logOf(s), -0.5 * size * LOG_2PI);
  return Object.freeze({
    ...theta,
    ...line,
    mean: minus(theta.mean, c),
    realMean: shift,
    draw: (stream, dtype) => line.fromReal(add(mul(cast(random("normal", size, stream), dtype), sigma), shift)),
    logDensity: (x) => {
      const z = div(sub(line.toReal(x), shift), sigma);
      return add(add(mul(sumFeatures(square(z)), -0.5), line.logDetToReal(x)), constant);
    },
  } satisfies Distribution);
}
