/**
 * Ascending parameters θ_1 < θ_2 < …: the first has a prior, and so has each increment θ_(k+1) − θ_k > 0,
 *
 *   log p(θ) = log p_1(θ_1) + log p_2(θ_2 − θ_1, θ_3 − θ_2, …),   x = (T_1(θ_1), T_2(θ_2 − θ_1, …)),
 *
 * and the map from the increments to θ has the determinant 1.
 */
import { add, concat, cumsum, slice } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Distribution, expectBatch, whyNotDistribution } from "./distribution.ts";
import { differences, orderedLine } from "./ordered-line.ts";
import { shifted } from "./shifted.ts";

/**
 * Ascending parameters: `first` is the prior of the first, of one entry, and `increments` that of the differences between neighbours,
 * of as many entries as there are differences: `ordered(normal(0, 5), exponential([1, 1]))` has three entries.
 * @throws unless first has one entry, and the increments are independent of each other, with the support (0, ∞).
 */
export function ordered(first: Distribution, increments: Distribution): Distribution {
  const parts = { first, increments };
  for (const [name, part] of Object.entries(parts)) {
    const why = part?.conditional ? null : whyNotDistribution(part);
    if (why) throw new Error(`ordered: expected ${name} to be a distribution, got ${why}`);
  }
  if (first.size !== 1) throw new Error(`ordered: expected first to have one entry, got ${first.size}`);
  const odd = increments.low.findIndex((l, k) => l !== 0 || increments.high[k] !== Infinity);
  if (odd >= 0)
    throw new Error(
      `ordered: expected increments on (0, ∞), got [${increments.low[odd]}, ${increments.high[odd]}] at index ${odd}`,
    );
  if (increments.inside || increments.names)
    throw new Error(`ordered: expected increments that are independent of each other, got "${increments.name}"`);
  const line = orderedLine("ordered", first, increments);
  const { size } = line;
  const steps = (theta: Tensor): readonly [Tensor, Tensor] => {
    expectBatch("ordered", "theta", theta, size);
    const d = differences(theta);
    return [slice(d, 0, 1), slice(d, 1, size)];
  };
  const sums = (values: readonly number[]): Float64Array => {
    let sum = 0;
    return Float64Array.from(values, (v) => (sum += v));
  };
  const all = [first, increments] as const;
  const each = (key: "mean" | "sd" | "realMean" | "realSd"): number[] => all.flatMap((p) => Array.from(p[key]));
  const made: Distribution = Object.freeze({
    ...line,
    name: "ordered",
    mean: sums(each("mean")),
    sd: sums(each("sd").map((s) => s * s)).map(Math.sqrt),
    realMean: Float64Array.from(each("realMean")),
    realSd: Float64Array.from(each("realSd")),
    streams: first.streams + increments.streams,
    draw: (stream, dtype) => cumsum(concat(first.draw(stream, dtype), increments.draw(stream + first.streams, dtype))),
    logDensity: (theta) => {
      const [a, d] = steps(theta);
      return add(first.logDensity(a), increments.logDensity(d));
    },
    about: (centre) => shifted(made, centre),
    ...(all.some((p) => p.conditional) && { conditional: true as const }),
    spec: { name: "ordered", first: first.spec, increments: increments.spec },
  } satisfies Distribution);
  return made;
}
