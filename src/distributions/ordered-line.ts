/** Ascending entries by the first one and the increments, each taken to the line by a map of its own; the determinant of this step is 1. */
import { add, columns, concat, cumsum, slice, sub } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Bijection, bijectionSpec } from "./bijection.ts";
import { expectBatch } from "./distribution.ts";

/** The first entry and the increments (B, K) of ascending entries, by a first part of one entry. */
export const differences = (theta: Tensor): Tensor => {
  const K = theta.cols;
  const before = Array.from({ length: K }, (_, k) => k - 1); // −1 is a column of zeros
  return sub(theta, columns(theta, before));
};

/** The bijection of ascending entries, by those of the first one and of the increments. */
export function orderedLine(owner: string, first: Bijection, increments: Bijection): Bijection {
  const size = 1 + increments.size;
  const whole = (x: Tensor): readonly [Tensor, Tensor] => [slice(x, 0, 1), slice(x, 1, size)];
  const parts = (theta: Tensor): readonly [Tensor, Tensor] => {
    expectBatch(owner, "theta", theta, size);
    return whole(differences(theta));
  };
  const [low] = first.low;
  const highest = new Float64Array(size).fill(Infinity);
  highest[0] = first.high[0];
  return {
    size,
    low: new Float64Array(size).fill(low),
    high: highest,
    toReal: (theta) => {
      const [a, d] = parts(theta);
      return concat(first.toReal(a), increments.toReal(d));
    },
    fromReal: (x) => {
      expectBatch(owner, "x", x, size);
      const [a, d] = whole(x);
      return cumsum(concat(first.fromReal(a), increments.fromReal(d)));
    },
    logDetToReal: (theta) => {
      const [a, d] = parts(theta);
      return add(first.logDetToReal(a), increments.logDetToReal(d));
    },
    inside: (theta) => Array.from(theta).every((x, k) => k === 0 || x >= theta[k - 1]),
    // Sums of increments with long tails are better measured by the increments.
    heavy: [first.heavy?.[0] ?? false, ...new Array<boolean>(size - 1).fill(true)],
    bijection: { kind: "ordered", parts: [bijectionSpec(first), bijectionSpec(increments)] },
  };
}
