/** Leaves for test graphs: what an op is fed, described as data. */
import { add, cast, input, mul, random, tile, weight } from "../../src/graph/build.ts";
import { batchSum, constant, sumFeatures } from "../../src/graph/build.ts";
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
export const tiled = (tiles: number, cols: number, range: Range = anywhere): Leaf => ({ kind: "batch", rows: tiles, cols, range });
export const paramOf = (rows: number, cols: number, range: Range = anywhere): Leaf => ({ kind: "param", rows, cols, range });

export interface Planted {
  /** The inputs and weights themselves, and the tensors of the wanted type and tiling made of them. */
  readonly leaves: readonly Tensor[];
  readonly tensors: readonly Tensor[];
  readonly values: Readonly<Record<string, Float64Array>>;
}

/** Inputs, and weights for params, with values; `rows` is that of the untiled batch. */
export function plant(specs: readonly Leaf[], dtype: DType, rows: number, seed = 1): Planted {
  const next = generator(seed);
  const values: Record<string, Float64Array> = {};
  const leaves: Tensor[] = [];
  const tensors = specs.map(({ kind, rows: count, cols, range }, i) => {
    const name = `x${i}`;
    values[name] = draw(next, (kind === "batch" ? rows : count) * cols, range);
    const leaf = kind === "batch" ? input(name, cols, { dtype }) : weight(name, count, cols);
    leaves.push(leaf);
    if (kind === "param") return cast(leaf, dtype);
    // Tiles that differ: the range of a tiled leaf must bear being doubled.
    return count === 1 ? leaf : mul(tile(leaf, count), add(cast(random("uniform", cols, 90 + i, count), dtype), 1));
  });
  return { leaves, tensors, values };
}

/** A scalar that depends on every entry of `t` in its own way: Σ t · fixed numbers. */
export function scalarOf(t: Tensor, stream: number): Tensor {
  if (t.kind === "batch") return batchSum(sumFeatures(mul(t, cast(random("normal", t.cols, stream, t.rows), t.dtype))));
  const factors = draw(generator(stream), t.rows * t.cols, anywhere);
  return sumFeatures(mul(t, constant(factors, t.dtype, t.rows)));
}
