/** Leaves for test graphs: what an op is fed, described as data. */
import {
  batchSum,
  cast,
  constant,
  input,
  mul,
  random,
  sub,
  sumFeatures,
  tile,
  weight,
  where,
} from "../../src/graph/build.ts";
import type { DType, Kind, Tensor } from "../../src/graph/tensor.ts";
import { draw, generator, type Range } from "./random.ts";

export interface Leaf {
  readonly kind: Kind;
  /** Tiles of a batch, rows of a param. */
  readonly rows: number;
  readonly cols: number;
  readonly range: Range;
}

export const anywhere: Range = { low: -2, high: 2 };
/** At least 1/8 from 0. */
export const offZero: Range = { low: -2, high: 2, spacing: 1 / 4, offset: 1 / 8 };
export const positive: Range = { low: 0.25, high: 2 };

export const batchOf = (cols: number, range: Range = anywhere): Leaf => ({ kind: "batch", rows: 1, cols, range });
export const tiled = (tiles: number, cols: number, range: Range = anywhere): Leaf => ({
  kind: "batch",
  rows: tiles,
  cols,
  range,
});
export const paramOf = (rows: number, cols: number, range: Range = anywhere): Leaf => ({
  kind: "param",
  rows,
  cols,
  range,
});

export interface Planted {
  /** The inputs and weights themselves, and the tensors of the wanted type and tiling made of them. */
  readonly leaves: readonly Tensor[];
  readonly tensors: readonly Tensor[];
  /** Numbers for the leaves, by name, for a run over so many rows. */
  readonly values: (rows: number, seed?: number) => Record<string, Float64Array>;
}

/** Inputs, and weights for params, named by `prefix` and position. */
export function plant(specs: readonly Leaf[], dtype: DType, prefix = "x"): Planted {
  const named = specs.map((spec, i) => ({ ...spec, name: `${prefix}${i}` }));
  const leaves = named.map(({ kind, name, rows, cols }) =>
    kind === "batch" ? input(name, cols, { dtype }) : weight(name, rows, cols),
  );
  const tensors = named.map(({ kind, rows: count, cols }, i) => {
    if (kind === "param") return cast(leaves[i], dtype);
    if (count === 1) return leaves[i];
    // Tiles that differ, without rounding: some entries are halved.
    const x = tile(leaves[i], count);
    return where(sub(cast(random("uniform", cols, 90 + i, count), dtype), 0.5), x, mul(x, 0.5));
  });
  const values = (rows: number, seed = 1): Record<string, Float64Array> => {
    const next = generator(seed);
    const count = (s: Leaf): number => (s.kind === "batch" ? rows : s.rows) * s.cols;
    return Object.fromEntries(named.map((s) => [s.name, draw(next, count(s), s.range)]));
  };
  return { leaves, tensors, values };
}

/** A scalar that depends on every entry of `t` in its own way: Σ t · fixed numbers. */
export function scalarOf(t: Tensor, stream: number): Tensor {
  if (t.kind === "batch") return batchSum(sumFeatures(mul(t, cast(random("normal", t.cols, stream, t.rows), t.dtype))));
  const factors = draw(generator(stream), t.rows * t.cols, anywhere);
  return sumFeatures(mul(t, constant(factors, t.dtype, t.rows)));
}
