/**
 * A uniform distribution with soft edges, θ = low + (high − low) U + edge · logit(V) with U, V ~ U(0, 1): the convolution
 * of a uniform and a logistic density,
 *
 *   p(θ) = [S((θ − low)/edge) − S((θ − high)/edge)] / (high − low),   S(x) = 1/(1 + e^−x)
 *        = S((θ − low)/edge) S((high − θ)/edge) (1 − e^−w) / (high − low),   w = (high − low)/edge,
 *
 * flat within the box, with tails that fall by a factor e over each `edge` outside. As a proposal it covers a region evenly and still
 * reaches beyond its edges, where the posteriors of data from near the edges have mass.
 */

import { isFiniteNumber, isPositive, type Numbers, requireEach, spread } from "../checks/arguments.ts";
import { add, cast, log, mul, neg, random, softplus, sub, sumFeatures } from "../graph/build.ts";
import { exp, log1p, log as logOf } from "../numbers/math.ts";
import { type Distribution, expectBatch, minus } from "./distribution.ts";
import { momentVectors, softUniformMoments } from "./moments.ts";
import { makeSupport } from "./support.ts";

/**
 * Independent entries, uniform on [low, high] except for logistic edges of scale `edge`; each is a number or a list of D.
 * @throws unless every bound is finite, every low is less than its high, and every edge is positive and finite.
 */
export function softUniform(low: Numbers, high: Numbers, edge: Numbers): Distribution {
  const args = spread("softUniform", { low, high, edge });
  requireEach("softUniform", "low", args.low, "finite", isFiniteNumber);
  requireEach("softUniform", "high", args.high, "finite", isFiniteNumber);
  requireEach("softUniform", "low", args.low, "< high", (x, i) => x < args.high[i]);
  requireEach("softUniform", "edge", args.edge, "> 0 and finite", isPositive);
  const size = args.low.length;
  const width = args.high.map((h, i) => h - args.low[i]);
  const inverse = args.edge.map((s) => 1 / s);
  const line = makeSupport(
    "softUniform",
    new Float64Array(size).fill(-Infinity),
    new Float64Array(size).fill(Infinity),
  );
  const constant = width.reduce((sum, w, i) => sum + log1p(-exp(-w * inverse[i])) - logOf(w), 0);
  return Object.freeze({
    name: "softUniform",
    size,
    ...momentVectors(size, (i) => softUniformMoments(args.low[i], args.high[i], args.edge[i])),
    low: line.low,
    high: line.high,
    streams: 2,
    draw: (stream, dtype) => {
      const [u, v] = [stream, stream + 1].map((s) => cast(random("uniform", size, s), dtype));
      const logistic = sub(log(v), log(sub(1, v)));
      return add(add(mul(u, width), args.low), mul(logistic, args.edge));
    },
    logDensity: (theta) => {
      expectBatch("softUniform", "theta", theta, size);
      // log S(x) = −softplus(−x)
      const below = softplus(mul(sub(args.low, theta), inverse));
      const above = softplus(mul(sub(theta, args.high), inverse));
      return add(neg(sumFeatures(add(below, above))), constant);
    },
    toReal: line.toReal,
    fromReal: line.fromReal,
    logDetToReal: line.logDetToReal,
    about: (centre) => softUniform(minus(args.low, centre), minus(args.high, centre), args.edge),
    spec: { name: "softUniform", low: Array.from(args.low), high: Array.from(args.high), edge: Array.from(args.edge) },
  } satisfies Distribution);
}
