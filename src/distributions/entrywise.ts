/**
 * Families of independent entries. A family states its parameters, support, draws, density and moments; the rest is here. Parameters
 * are numbers, lists of D numbers or, within `joint`, tensors (B, 1) or (B, D):
 *
 *   log p(θ) = kernel(θ) + Σ constant,   the kernel a sum over the entries, the constant free of θ.
 */
import { describe, type Numbers, requireEach, spread } from "../checks/arguments.ts";
import { add, columns, mul, sumFeatures } from "../graph/build.ts";
import { type DType, isTensor, show, type Tensor } from "../graph/tensor.ts";
import type { Bijection } from "./bijection.ts";
import { type Distribution, expectBatch, minus } from "./distribution.ts";
import { type Moments, momentVectors } from "./moments.ts";
import { shifted } from "./shifted.ts";
import { makeSupport } from "./support.ts";
import type { Value } from "./values.ts";

/** A parameter of a distribution: a number for all entries, a list of D numbers; or within `joint`, a tensor (B, 1) or (B, D). */
export type PriorParameter = Numbers | Tensor;

type Values<K extends string> = Readonly<Record<K, Value>>;

/** A family of distributions of one number. */
export interface Family<K extends string> {
  readonly name: string;
  /** What each parameter must be, in words, and as a test of numbers. */
  readonly checks: Readonly<Record<K, readonly [expected: string, test: (x: number) => boolean]>>;
  /** Ends of the support. */
  readonly low: number;
  readonly high: number;
  readonly streams: number;
  /** Draws (B, size), which may leave the support by rounding. */
  draw(p: Values<K>, size: number, stream: number, dtype: DType): Tensor;
  /** The terms with θ, summed over the entries: (B, size) → (B, 1). `toReal` is that of the support. */
  kernel(theta: Tensor, p: Values<K>, toReal: (theta: Tensor) => Tensor): Tensor;
  /** The terms without θ, of each entry. */
  constant(p: Values<K>): Value;
  moments(p: Readonly<Record<K, number>>): Moments;
  /** The parameter that adds to θ, where there is one. */
  readonly location?: K;
  /** The map to the line, where it is not that of the support. */
  line?(p: Readonly<Record<K, Float64Array>>): Bijection;
  /** θ − c, where the family has a way of its own that shifts no parameter. */
  about?(p: Readonly<Record<K, Float64Array>>, c: Float64Array): Distribution;
}

interface Read<K extends string> {
  readonly size: number;
  readonly values: Values<K>;
}

/** PriorParameter of one length. @throws where they are not, or numbers are not as the family expects. */
function read<K extends string>({ name, checks }: Family<K>, given: Readonly<Record<K, PriorParameter>>): Read<K> {
  const names = Object.keys(checks) as K[];
  const tensors = names.filter((k) => isTensor(given[k]));
  const numbers = names.filter((k) => !isTensor(given[k]));
  const lists = numbers.length > 0 ? spread(name, pick(given as Readonly<Record<K, Numbers>>, numbers)) : null;
  for (const k of numbers) {
    const [expected, test] = checks[k];
    requireEach(name, k, (lists as Record<K, Float64Array>)[k], expected, test);
  }
  let size = lists === null ? 1 : lists[numbers[0]].length;
  for (const k of tensors) {
    const t = given[k] as Tensor;
    if (t.kind !== "batch" || (t.cols !== 1 && size !== 1 && t.cols !== size))
      throw new Error(
        `${name}: expected ${k} to be a batch (B, ${size > 1 ? `1) or (B, ${size}` : "1"}), got ${show(t)}`,
      );
    size = Math.max(size, t.cols);
  }
  const wide = (x: Float64Array): Float64Array => (x.length === size ? x : new Float64Array(size).fill(x[0]));
  const values = Object.fromEntries(
    names.map((k) => [k, isTensor(given[k]) ? given[k] : wide((lists as Record<K, Float64Array>)[k])]),
  ) as Record<K, Value>;
  return { size, values };
}

const pick = <K extends string, T>(from: Readonly<Record<K, T>>, names: readonly K[]): Record<K, T> =>
  Object.fromEntries(names.map((k) => [k, from[k]])) as Record<K, T>;

/** Σ over D entries of a constant of each. */
const total = (x: Value, size: number): Tensor | number =>
  isTensor(x) ? mul(sumFeatures(x), size / x.cols) : x.reduce((sum, v) => sum + v, 0);

/** PriorParameter for `count` vectors one after another. */
const repeat = (x: Value, count: number): Value => {
  const indices = (n: number): number[] => Array.from({ length: n * count }, (_, i) => i % n);
  if (!isTensor(x)) return Float64Array.from(indices(x.length), (i) => x[i]);
  return x.cols === 1 ? x : columns(x, indices(x.cols));
};

/**
 * The distribution of a family with these parameters.
 * @throws where they are not as the family expects, or have unequal lengths.
 */
export function entrywise<K extends string>(
  family: Family<K>,
  given: Readonly<Record<K, PriorParameter>>,
): Distribution {
  const { size, values } = read(family, given);
  return made(family, values, size);
}

function made<K extends string>(family: Family<K>, values: Values<K>, size: number): Distribution {
  const { name, streams } = family;
  const fixed = Object.values(values).every((v) => !isTensor(v)) ? (values as Record<K, Float64Array>) : null;
  const fill = (x: number): Float64Array => new Float64Array(size).fill(x);
  const support = makeSupport(name, fill(family.low), fill(family.high));
  const line = (fixed && family.line?.(fixed)) ?? support;
  const constant = total(family.constant(values), size);
  return Object.freeze({
    name,
    size,
    ...momentsOf(family, fixed, size),
    low: support.low,
    high: support.high,
    streams,
    draw: (stream, dtype) => support.clamp(family.draw(values, size, stream, dtype)),
    logDensity: (theta) => {
      expectBatch(name, "theta", theta, size);
      return support.within(add(family.kernel(theta, values, support.toReal), constant), theta);
    },
    toReal: line.toReal,
    fromReal: line.fromReal,
    logDetToReal: line.logDetToReal,
    about: (c) => aboutOf(family, fixed, size, c),
    repeated: (count) => {
      const all = Object.entries<Value>(values).map(([k, x]) => [k, repeat(x, count)]);
      return made(family, Object.fromEntries(all) as Record<K, Value>, size * count);
    },
    ...("bijection" in line && { bijection: line.bijection, heavy: line.heavy }),
    ...(fixed === null && { conditional: true as const }),
    spec: fixed && { name, ...Object.fromEntries(Object.entries<Float64Array>(fixed).map(([k, x]) => [k, [...x]])) },
  } satisfies Distribution);
}

const UNKNOWN: Moments = { mean: Number.NaN, sd: Number.NaN, realMean: Number.NaN, realSd: Number.NaN };

type Vectors = Pick<Distribution, "mean" | "sd" | "realMean" | "realSd">;

/** Moments of every entry; NaN where parameters are tensors. */
function momentsOf<K extends string>(family: Family<K>, fixed: Record<K, Float64Array> | null, size: number): Vectors {
  const names = Object.keys(family.checks) as K[];
  const known = new Map<string, Moments>(); // entries with equal parameters are common, and some moments are quadratures
  const out = momentVectors(size, (i) => {
    if (fixed === null) return UNKNOWN;
    const p = Object.fromEntries(names.map((k) => [k, fixed[k][i]])) as Record<K, number>;
    const key = Object.values(p).join();
    const moments = known.get(key) ?? family.moments(p);
    known.set(key, moments);
    return moments;
  });
  if (fixed)
    requireEach(
      family.name,
      names.join(" and "),
      out.sd,
      "with a standard deviation that is a positive, finite number",
      (x) => x > 0 && x < Infinity,
    );
  return out;
}

function aboutOf<K extends string>(
  family: Family<K>,
  fixed: Record<K, Float64Array> | null,
  size: number,
  c: Float64Array,
): Distribution {
  if (fixed === null) throw new Error(`internal: ${family.name} about ${describe(c)}, with tensors as parameters`);
  if (family.about) return family.about(fixed, c);
  const { location } = family;
  if (location === undefined) return shifted(made(family, fixed, size), c);
  return made(family, { ...fixed, [location]: minus(fixed[location], c) }, size);
}
