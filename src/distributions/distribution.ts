/** The interface of distributions over parameters. Their methods build graphs, so they run on every backend and have derivatives. */

import { describe } from "../checks/arguments.ts";
import type { Check } from "../checks/options.ts";
import { type DType, isTensor, show, type Tensor } from "../graph/tensor.ts";

/** A distribution of vectors θ of D numbers, with independent or dependent entries. */
export interface Distribution {
  /** Name of the family: `"normal"`. */
  readonly name: string;
  /** Number D of entries. */
  readonly size: number;
  /** Mean of θ, (D). */
  readonly mean: Float64Array;
  /** Standard deviation of θ, (D). */
  readonly sd: Float64Array;
  /** Mean of toReal(θ), (D), with which guides standardise. */
  readonly realMean: Float64Array;
  /** Standard deviation of toReal(θ), (D). */
  readonly realSd: Float64Array;
  /** Lower end of the support, (D); −Infinity where it has none. */
  readonly low: Float64Array;
  /** Upper end of the support, (D); Infinity where it has none. */
  readonly high: Float64Array;
  /** Number of streams of random numbers that a draw takes, from `stream` on. */
  readonly streams: number;
  /** Draws (B, D). They stay inside the support also when they are cast to the other type. */
  draw(stream: number, dtype: DType): Tensor;
  /** Normalised log density (B, 1) of θ (B, D); −∞ outside the support, where the gradient stays finite. */
  logDensity(theta: Tensor): Tensor;
  /**
   * A smooth bijection of the interior of the support onto the whole line, entry by entry, (B, D) → (B, D). A point on the edge, or
   * beyond it, is taken as the nearest inner point that the type can tell from the edge.
   */
  toReal(theta: Tensor): Tensor;
  /** The inverse of `toReal`, (B, D) → (B, D). It never leaves the support. */
  fromReal(x: Tensor): Tensor;
  /** log |d toReal(θ)/dθ|, (B, 1). */
  logDetToReal(theta: Tensor): Tensor;
  /** The distribution of θ − centre, of the same draws, for θ whose offset single precision cannot hold (numbers/offsets.ts). */
  about(centre: Float64Array): Distribution;
  /** The family and its numbers as plain JSON data, from which from-spec.ts makes it again. */
  readonly spec: unknown;
}

const methods = ["draw", "logDensity", "toReal", "fromReal", "logDetToReal", "about"] as const;
const vectors = ["mean", "sd", "realMean", "realSd", "low", "high"] as const;

/** The reason why a value is no distribution, or null where it is one. */
export function whyNotDistribution(x: unknown): string | null {
  if (typeof x !== "object" || x === null) return describe(x);
  const parts = x as Partial<Record<string, unknown>>;
  if (!Number.isInteger(parts.size) || (parts.size as number) < 1) return describe(x);
  const missing = methods.find((m) => typeof parts[m] !== "function");
  if (missing) return `one without the method ${missing}`;
  const wrong = vectors.find((v) => (parts[v] as ArrayLike<number> | undefined)?.length !== parts.size);
  return wrong ? `one whose ${wrong} does not hold ${parts.size} numbers` : null;
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

/** a − b, entry by entry. */
export const minus = (a: Float64Array, b: Float64Array): Float64Array => a.map((x, i) => x - b[i]);

/** Infinite bounds as null, for specs: JSON has no infinity. */
export const finiteOrNull = (x: ArrayLike<number>): (number | null)[] =>
  Array.from(x, (v) => (Number.isFinite(v) ? v : null));
