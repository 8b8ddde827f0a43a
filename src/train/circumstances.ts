/**
 * The circumstances of the rows of a training (problem/layout.ts): which data are missing, and the scale of the noise, drawn afresh for
 * each data set, so that one map serves any of them. A data set is complete with the probability `complete`; else its rate r is uniform
 * between two numbers, and one of the ways that are asked for, chosen evenly, makes data missing: each datum by itself with probability
 * r, each group with probability r, or a run of r M data in a row. The rates, groups and runs are drawn apart from the data, as
 * "missing at random" asks (Little & Rubin, Statistical Analysis with Missing Data, §1.3).
 */
import { describe } from "../checks/arguments.ts";
import {
  check,
  flag,
  number,
  type OptionsOf,
  option,
  readOptions,
  required,
  type SettingsOf,
} from "../checks/options.ts";
import type { Draws } from "../distributions/noise/likelihood.ts";
import { add, cast, columns, exp, floor, maximum, mul, neg, random, sub, where } from "../graph/build.ts";
import { isTensor, show, type Tensor } from "../graph/tensor.ts";
import type { RowsRecord } from "../model/model.ts";
import { log } from "../numbers/math.ts";
import { STREAMS } from "../numbers/random.ts";
import { type Layout, layoutOf } from "../problem/layout.ts";
import type { Problem } from "../problem/problem.ts";
import { type CircumstanceDraws, problemOfRows } from "../problem/seen.ts";
import type { SetSize } from "../problem/set.ts";

const share = number("a number from 0 to 1", (x) => x >= 0 && x <= 1);
const isShare = (x: unknown): boolean => share.test(x);

/** How data are missing in training. */
export const missingTable = {
  /** Probability that a datum is missing, in data sets that are not complete: a number, or the ends of a range of which each data set has its own. */
  rate: option(
    check<number | readonly [number, number]>(
      "a number from 0 to 1, or two in order",
      (x) => isShare(x) || (Array.isArray(x) && x.length === 2 && x.every(isShare) && x[0] <= x[1]),
    ),
    [0, 1] as const,
  ),
  /** Share of the data sets that are complete. */
  complete: option(share, 0.25),
  /** Groups of data, by their indices from 0, that fail together. */
  blocks: option(
    check<readonly (readonly number[])[]>(
      "a list of lists of indices of data, from 0",
      (x) => Array.isArray(x) && x.length > 0 && x.every((b) => Array.isArray(b) && b.length > 0),
    ),
  ),
  /** Whether runs of data in a row are missing, as where a recording fails for a time. */
  runs: option(flag, false),
};
/** Options of `missing`. */
export type MissingOptions = OptionsOf<typeof missingTable>;
/** What `missing` of a training may be: "any" subset, stated ways, or a function that draws masks (B, M), above ½ where a datum is observed. */
export type Missing = "any" | MissingOptions | ((random: Draws) => Tensor);

/** `missing`, among options. */
export const missingCheck = check<Missing>(
  '"any", { rate, complete, blocks, runs }, or a function that draws masks',
  (x) => x === "any" || typeof x === "function" || (typeof x === "object" && x !== null && !Array.isArray(x)),
);

/** The largest ratio of noise scales, and the range of each. */
const isScale = (x: unknown): boolean => typeof x === "number" && x >= 1e-3 && x <= 1e3;

/** Noise scales in training. */
export const scaleTable = {
  /** Ends of the range of the noise scale, a factor of the noise of the problem, of which each data set has its own: uniform in its logarithm. */
  scale: required(
    check<readonly [number, number]>(
      "two numbers from 0.001 to 1000, the lower one first",
      (x) => Array.isArray(x) && x.length === 2 && x.every(isScale) && x[0] < x[1],
    ),
  ),
  /** Whether each of the data has a scale of its own: half of the data sets have one for all. */
  each: option(flag, false),
};
/** Noise scales in training. */
export type ScaleOptions = OptionsOf<typeof scaleTable>;

/** `noise`, among options. */
export const scaleCheck = check<ScaleOptions>(
  "{ scale: [low, high], each }",
  (x) => typeof x === "object" && x !== null && !Array.isArray(x),
);

/** The circumstances of a training, read: of a problem of sets, how many members there are. */
export interface Circumstances {
  /** What a set is, where data are sets. */
  readonly set?: SetSize;
  readonly missing: SettingsOf<typeof missingTable> | ((random: Draws) => Tensor) | null;
  readonly noise: SettingsOf<typeof scaleTable> | null;
}

/** Reads both options; null where neither is there. @throws naming what is wrong. */
export function readCircumstances(
  { M, name, noise: model, set }: Pick<Problem, "M" | "name" | "noise" | "set">,
  missing: Missing | undefined,
  noise: ScaleOptions | undefined,
): Circumstances | null {
  if (set) {
    if (missing === undefined && noise === undefined) return { missing: membersOf(set), noise: null, set };
    throw new Error(
      `train: expected no missing data and no noise scales for "${name}", whose data are sets, got ${missing === undefined ? "noise" : "missing"}; leave it out`,
    );
  }
  if (missing === undefined && noise === undefined) return null;
  const scale = noise === undefined ? null : readOptions("train: noise", scaleTable, noise);
  if (typeof missing === "function" || missing === undefined) return { missing: missing ?? null, noise: scale };
  const read = readOptions("train: missing", missingTable, missing === "any" ? {} : missing);
  const odd = read.blocks?.flat().find((m) => !Number.isInteger(m) || m < 0 || m >= M);
  if (odd !== undefined)
    throw new Error(`train: expected blocks of missing to hold indices from 0 to ${M - 1}, got ${describe(odd)}`);
  if (model.data === "counts" && model.name === "categorical")
    throw new Error(
      `train: expected noise with a density of each of the data, because data may be missing, got "${model.name}" of "${name}"`,
    );
  return { missing: read, noise: scale };
}

/** Masks of sets: the logarithm of the number of members is uniform, but for rounding. */
const membersOf =
  ({ each, least, most }: SetSize) =>
  ({ uniform }: Draws): Tensor => {
    const count = floor(exp(within(uniform(1), [log(least), log(most + 1)])));
    const places = Float64Array.from({ length: each * most }, (_, i) => Math.floor(i / each));
    return sub(count, places); // 1 for the last member
  };

/** The layout of the rows of a training. */
export const layoutFor = (M: number, { missing, noise }: Circumstances): Layout =>
  layoutOf(M, { mask: missing !== null, scale: noise === null ? 0 : noise.each ? "each" : 1 });

/** Uniform numbers (T·B, cols) for rows like x, of a stream. */
const uniform = (x: Tensor, cols: number, stream: number): Tensor =>
  cast(random("uniform", cols, stream, x.rows), x.dtype);
/** 1 where `above` is above 0, else 0. */
const flagOf = (above: Tensor): Tensor => where(above, 1, 0);
/** The number a range holds at u from 0 to 1. */
const within = (u: Tensor, [low, high]: readonly [number, number]): Tensor => add(mul(u, high - low), low);

/** Streams of masks: four of the ways, and as many as a function of one's own may take. */
const OWN = 8;

function drawMask(missing: NonNullable<Circumstances["missing"]>, M: number): (like: Tensor) => Tensor {
  if (typeof missing === "function") return (like) => ownMask(missing, M, like);
  const { rate, complete, blocks, runs } = missing;
  const range: readonly [number, number] = typeof rate === "number" ? [rate, rate] : rate;
  type Way = (like: Tensor, r: Tensor) => Tensor; // above 0 where a datum is observed
  const alone: Way = (like, r) => sub(uniform(like, M, STREAMS.masks + 1), r);
  const together: Way = (like, r) => {
    const groups = blocks as readonly (readonly number[])[];
    const fails = sub(uniform(like, groups.length, STREAMS.masks + 2), r);
    // A datum in no group is observed; one in several, where all of them are.
    const of = groups.map((group, g) => {
      const inside = Array.from({ length: M }, (_, m) => (group.includes(m) ? 0 : -1));
      const outside = Float64Array.from(inside, (i) => Number(i < 0));
      return add(columns(columns(fails, [g]), inside), outside);
    });
    return of.reduce((all, own) => neg(maximum(neg(all), neg(own))));
  };
  const inRow: Way = (like, r) => {
    const length = mul(r, M);
    const first = floor(sub(mul(uniform(like, 1, STREAMS.masks + 3), add(length, M)), length)); // also over the ends
    const after = sub(
      Float64Array.from({ length: M }, (_, m) => m + 0.5),
      first,
    );
    return maximum(neg(after), sub(after, length));
  };
  const ways = [alone, ...(blocks ? [together] : []), ...(runs ? [inRow] : [])];
  return (like) => {
    const u = uniform(like, 3, STREAMS.masks);
    const r = within(columns(u, [0]), range);
    const way = mul(columns(u, [1]), ways.length);
    const chosen = ways.map((make) => make(like, r)).reduceRight((rest, own, k) => where(sub(k + 1, way), own, rest));
    return flagOf(where(sub(complete, columns(u, [2])), 1, chosen));
  };
}

function ownMask(missing: (random: Draws) => Tensor, M: number, like: Tensor): Tensor {
  let used = 0;
  const next =
    (distribution: "normal" | "uniform") =>
    (cols: number = M): Tensor => {
      if (used >= OWN)
        throw new Error(
          `train: expected missing to take at most ${OWN} calls for random numbers, got more; ask for more columns`,
        );
      return cast(random(distribution, cols, STREAMS.masks + 4 + used++, like.rows), like.dtype);
    };
  const mask: unknown = missing({ normal: next("normal"), uniform: next("uniform") });
  const expected = `train: expected missing to return masks (B, ${M}) made of its random numbers`;
  if (!isTensor(mask)) throw new Error(`${expected}, got ${describe(mask)}`);
  if (mask.kind !== "batch" || mask.rows !== like.rows || mask.cols !== M || mask.dtype !== like.dtype)
    throw new Error(`${expected}, got ${show(mask)} ${mask.dtype}`);
  return flagOf(sub(mask, 0.5));
}

function drawScale({ scale: [low, high], each }: SettingsOf<typeof scaleTable>, M: number): (like: Tensor) => Tensor {
  const ends = [log(low), log(high)] as const;
  return (like) => {
    const one = within(uniform(like, 1, STREAMS.scales), ends);
    if (!each) return one;
    const apart = within(uniform(like, M, STREAMS.scales + 1), ends);
    return where(sub(uniform(like, 1, STREAMS.scales + 2), 0.5), apart, add(mul(apart, 0), one));
  };
}

/** Draws of the circumstances. */
export const drawsOf = ({ missing, noise }: Circumstances, M: number): CircumstanceDraws => ({
  mask: missing === null ? null : drawMask(missing, M),
  logScale: noise === null ? null : drawScale(noise, M),
});

/** A problem as a training with circumstances sees it. @throws where its noise has no scale. */
export const withCircumstances = <P extends Problem>(problem: P, circumstances: Circumstances | null): P =>
  circumstances === null
    ? problem
    : problemOfRows(problem, layoutFor(problem.M, circumstances), drawsOf(circumstances, problem.M));

/** What a model file says of the rows that its map takes. */
export const rowsOf = ({ missing, noise, set }: Circumstances): RowsRecord => ({
  missing: missing !== null,
  scale: noise === null ? null : { low: noise.scale[0], high: noise.scale[1], each: noise.each },
  ...(set && { set }),
});
