/** The interface of distributions over parameters. Their methods build graphs, so they run on every backend and have derivatives. */

import { describe } from "../checks/arguments.ts";
import type { Check } from "../checks/options.ts";
import { type DType, isTensor, show, type Tensor } from "../graph/tensor.ts";

/**
 * A distribution of vectors θ of D numbers, with independent or dependent entries. Where a mean is infinite, the median stands in its
 * place; where a variance is, half the distance between the quantiles of 15.9 % and 84.1 %, which is the sd of a normal distribution.
 */
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
   * A smooth bijection of the interior of the support onto all of ℝᴰ, (B, D) → (B, D). A point on the edge, or beyond it, is taken as
   * a near inner point that the type can tell from the edge.
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
  /** The bijection as plain JSON data (bijections.ts). Absent: that of the box from `low` to `high`, entry by entry (support.ts). */
  readonly bijection?: unknown;
  /** Whether θ (D) is in the support, where that is less than the box from `low` to `high`. */
  readonly inside?: (theta: ArrayLike<number>) => boolean;
  /** The linear part of `fromReal`, x (D) → (D), where `fromReal` is linear and not the identity. Then the support is all of ℝᴰ. */
  readonly stretch?: (x: Float64Array) => Float64Array;
  /** Whether the tails of each entry are so heavy that it is better measured by `toReal`, (D). Absent: of none. */
  readonly heavy?: readonly boolean[];
  /** Names of the entries, (D), which `defineProblem` gives to the parameters. */
  readonly names?: readonly string[];
  /** Number of draws by which some of the moments were estimated. Absent: all are exact. */
  readonly momentDraws?: number;
  /** This distribution for each of `count` vectors one after another, (count · D), faster than a product. */
  readonly repeated?: (count: number) => Distribution;
  /** Whether parameters of the distribution are tensors, so that it has no moments: it can only be part of a `joint`. */
  readonly conditional?: true;
}

/** What stands in place of a standard deviation: half the distance between these quantiles, Φ(−1) and Φ(1). */
export const CENTRAL = [0.15865525393145707, 0.8413447460685429] as const;

const methods = ["draw", "logDensity", "toReal", "fromReal", "logDetToReal", "about"] as const;
const vectors = ["mean", "sd", "realMean", "realSd", "low", "high"] as const;

/** The reason why a value is no distribution, or null where it is one. */
export function whyNotDistribution(x: unknown): string | null {
  if (typeof x !== "object" || x === null) return describe(x);
  const parts = x as Partial<Record<string, unknown>>;
  if (!Number.isInteger(parts.size) || (parts.size as number) < 1) return describe(x);
  if (parts.conditional === true)
    return `"${parts.name}" with tensors as parameters, which only a function within joint() may return`;
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

type Map = Pick<Distribution, "low" | "high" | "bijection" | "stretch">;

/** Whether `toReal` is linear: then a Gaussian in z is a Gaussian in θ. */
export const isLinear = ({ low, high, bijection, stretch }: Map): boolean =>
  stretch !== undefined ||
  (bijection === undefined && low.every((v) => v === -Infinity) && high.every((v) => v === Infinity));

/** The change of θ (D) that a change of x = toReal(θ) makes, where that is linear. */
export const stretched = ({ stretch }: Map, x: Float64Array): Float64Array => stretch?.(x) ?? x;

/** A C Aᵀ, the covariance (D, D) of θ, from C that of x = toReal(θ), where that is linear. */
export function stretchedCovariance(from: Map & Pick<Distribution, "size">, covariance: Float64Array): Float64Array {
  const { size: D, stretch } = from;
  if (stretch === undefined) return covariance;
  const half = (c: Float64Array): Float64Array => {
    const out = new Float64Array(D * D);
    for (let r = 0; r < D; r++)
      for (const [i, x] of stretch(c.subarray(r * D, (r + 1) * D)).entries()) out[i * D + r] = x;
    return out;
  };
  return half(half(covariance));
}

/** Whether θ (D) is in the closed support. */
export function isInside({ low, high, inside }: Distribution, theta: ArrayLike<number>): boolean {
  for (let d = 0; d < theta.length; d++) if (!(theta[d] >= low[d] && theta[d] <= high[d])) return false;
  return inside?.(theta) ?? true;
}

/** Whether two distributions have one bijection by its kinds, and so one support, the bounds of boxes aside. */
export const sameSupport = (a: Distribution, b: Distribution): boolean => kindOf(a.bijection) === kindOf(b.bijection);

/** The kinds of a bijection; those whose support is a line, or all of ℝᴰ, are one. */
function kindOf(bijection: unknown): string {
  if (typeof bijection !== "object" || bijection === null) return "box";
  const { kind, parts, size } = bijection as { kind?: string; parts?: unknown[]; size?: number };
  if (kind === "heavy" || kind === "linear" || kind === "box") return "box";
  const kinds = parts?.map((part) => `${(part as { size?: number }).size ?? ""}${kindOf(part)}`);
  return kinds?.every((k) => k.endsWith("box")) && kind === "parts"
    ? "box"
    : `${kind}${size ?? ""}(${kinds?.join() ?? ""})`;
}

/** The support in words, for errors about entry d. */
export const supportText = ({ low, high, inside, name }: Distribution, d: number): string =>
  `[${low[d]}, ${high[d]}]${inside ? ` and where "${name}" has a density` : ""}`;

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
