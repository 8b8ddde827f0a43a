/**
 * log p(θ) = log N(log θ; μ, σ) − Σ log θ for θ > 0: the logarithm of θ is normal.
 */

import { isFiniteNumber, isPositive, type Numbers, requireEach, spread } from "../checks/arguments.ts";
import { add, cast, div, exp, mul, random, square, sub, sumFeatures } from "../graph/build.ts";
import { exp as expOf, log as logOf, tanh } from "../numbers/math.ts";
import { type Distribution, expectBatch } from "./distribution.ts";
import { LOG_2PI } from "./normal.ts";
import { makeSupport } from "./support.ts";

/** exp(x) − 1 without cancellation, x ≥ 0. */
const expm1 = (x: number): number => (x > 1 ? expOf(x) - 1 : (2 * tanh(x / 2)) / (1 - tanh(x / 2)));

/**
 * Independent entries whose logarithms are normal with mean `mu` and standard deviation `sigma`, numbers or lists of D.
 * Its mean is exp(μ + σ²/2), its median exp(μ).
 * @throws unless every mu is finite and every sigma is positive, and the mean and sd are finite numbers.
 */
export function logNormal(mu: Numbers, sigma: Numbers): Distribution {
  const args = spread("logNormal", { mu, sigma });
  requireEach("logNormal", "mu", args.mu, "finite", isFiniteNumber);
  requireEach("logNormal", "sigma", args.sigma, "> 0 and finite", isPositive);
  const size = args.mu.length;
  const mean = args.mu.map((m, i) => expOf(m + 0.5 * args.sigma[i] * args.sigma[i]));
  const sd = mean.map((m, i) => m * Math.sqrt(expm1(args.sigma[i] * args.sigma[i])));
  requireEach(
    "logNormal",
    "mu and sigma",
    sd,
    "with a standard deviation that is a positive, finite number",
    isPositive,
  );
  const low = new Float64Array(size);
  const high = new Float64Array(size).fill(Infinity);
  const { clamp, within, toReal, fromReal, logDetToReal } = makeSupport("logNormal", low, high);
  const constant = args.sigma.reduce((sum, s) => sum - logOf(s), -0.5 * size * LOG_2PI);
  return Object.freeze({
    name: "logNormal",
    size,
    mean,
    sd,
    realMean: args.mu,
    realSd: args.sigma,
    low,
    high,
    streams: 1,
    draw: (stream, dtype) => clamp(exp(add(mul(cast(random("normal", size, stream), dtype), args.sigma), args.mu))),
    logDensity: (theta) => {
      expectBatch("logNormal", "theta", theta, size);
      const x = toReal(theta);
      const z = div(sub(x, args.mu), args.sigma);
      return within(add(sub(mul(sumFeatures(square(z)), -0.5), sumFeatures(x)), constant), theta);
    },
    toReal,
    fromReal,
    logDetToReal,
    spec: { name: "logNormal", mu: Array.from(args.mu), sigma: Array.from(args.sigma) },
  } satisfies Distribution);
}
