/** What a distribution over parameters is. All of it is symbolic, so it runs on every backend and has derivatives. */

import { describe } from "../checks/arguments.ts";
import type { Check } from "../checks/options.ts";
import { type DType, isTensor, show, type Tensor } from "../graph/tensor.ts";

/** A distribution of vectors θ of D numbers, with independent or dependent entries. */
export interface Distribution {
  /** Which one it is: `"normal"`. */
  readonly name: string;
  /** D */
  readonly size: number;
  /** Mean and standard deviation of θ, (D) each. */
  readonly mean: Float64Array;
  readonly sd: Float64Array;
  /** Mean and standard deviation of toReal(θ), (D) each: what guides standardise with. */
  readonly realMean: Float64Array;
  readonly realSd: Float64Array;
  /** The support [low, high], (D) each, ±Infinity where it is unbounded. */
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** Streams of random numbers that a draw takes: `stream` up to, and without, `stream + streams`. */
  readonly streams: number;
  /** Draws (B, D); they are inside the support, also when they are cast to the other type. */
  draw(stream: number, dtype: DType): Tensor;
  /** Normalised log density (B, 1) of θ (B, D); −∞ outside the support, where the gradient stays finite. */
  logDensity(theta: Tensor): Tensor;
  /**
   * A smooth bijection of the support's inside onto the whole line, entry by entry, (B, D) → (B, D). What stands on the
   * edge, or beyond it, is treated as the nearest inner point that the type can tell from the edge.
   */
  toReal(theta: Tensor): Tensor;
  /** Its inverse, (B, D) → (B, D); never leaves the support. */
  fromReal(x: Tensor): Tensor;
  /** log |d toReal(θ)/dθ|, (B, 1). */
  logDetToReal(theta: Tensor): Tensor;
  /** What it is, as plain JSON data. */
  readonly spec: unknown;
}

const methods = ["draw", "logDensity", "toReal", "fromReal", "logDetToReal"] as const;
const vectors = ["mean", "sd", "realMean", "realSd", "low", "high"] as const;

/** Why something is no distribution, or null when it is one. */
export function whyNotDistribution(x: unknown): string | null {
  if (typeof x !== "object" || x === null) return describe(x);
  const given = x as Partial<Record<string, unknown>>;
  if (!Number.isInteger(given.size) || (given.size as number) < 1) return describe(x);
  const missing = methods.find((m) => typeof given[m] !== "function");
  if (missing) return `one without the method ${missing}`;
  const wrong = vectors.find((v) => (given[v] as ArrayLike<number> | undefined)?.length !== given.size);
  return wrong ? `one whose ${wrong} does not hold ${given.size} numbers` : null;
}

/** A distribution, among options. */
export const distribution: Check<Distribution> = {
  expected: "a distribution, as normal() returns it",
  test: (x) => whyNotDistribution(x) === null,
  got: (x) => whyNotDistribution(x) ?? describe(x),
};

/** Whether the support is all of ℝᴰ. Then `toReal` is the identity, and a Gaussian in z is a Gaussian in θ. */
export const isUnbounded = ({ low, high }: Pick<Distribution, "low" | "high">): boolean =>
  low.every((v) => v === -Infinity) && high.every((v) => v === Infinity);

/** @throws unless `theta` is a batch (B, size). */
export function expectBatch(owner: string, name: string, x: Tensor, size: number): void {
  if (isTensor(x) && x.kind === "batch" && x.cols === size) return;
  throw new Error(`${owner}: expected ${name} (B, ${size}), got ${isTensor(x) ? show(x) : describe(x)}`);
}

/** Infinite bounds as null, for specs: JSON has no infinity. */
export const finiteOrNull = (x: ArrayLike<number>): (number | null)[] =>
  Array.from(x, (v) => (Number.isFinite(v) ? v : null));
