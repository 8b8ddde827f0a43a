/** The comparisons of every op with the reference, by family: at one width and type, all ways of broadcasting, tiles, odd shapes. */

import { apply } from "../../src/graph/apply.ts";
import * as g from "../../src/graph/build.ts";
import { activationNames, mapNames } from "../../src/graph/names.ts";
import type { DType, Tensor } from "../../src/graph/tensor.ts";
import { type Build, exact, linear, sumOf } from "./cases.ts";
import type { Comparison } from "./compare.ts";
import { batchOf, type Leaf, paramOf, tiled } from "./leaves.ts";
import { factorOf, rangesOf, scaleOf } from "./map-cases.ts";
import { choleskyCases, sparseCases, triangleCases } from "./matrix-cases.ts";
import type { Range } from "./random.ts";

export const WIDTHS = [1, 3, 7, 8, 9, 33];
/** Less than a block, whole blocks, a shard, more; many shards at one width only, since the oracle is slow. */
export const rowsAt = (width: number): number[] => [1, 5, 8, 13, 64, 65, ...(width === 7 ? [200] : [])];

// ---- maps

type Shape = (width: number, range: Range) => Leaf;
const full: Shape = (w, r) => batchOf(w, r);
const column: Shape = (_, r) => batchOf(1, r);
const row: Shape = (w, r) => paramOf(1, w, r);
const scalar: Shape = (_, r) => paramOf(1, 1, r);
const tiles: Shape = (w, r) => tiled(3, w, r);
const matrix: Shape = (w, r) => paramOf(3, w, r);
/** Every way of broadcasting one, two and three operands. */
const layouts: Readonly<Record<number, readonly (readonly Shape[])[]>> = {
  1: [[full], [tiles], [row], [matrix]],
  2: [
    [full, full],
    [full, column],
    [column, full],
    [full, row],
    [row, full],
    [full, scalar],
    [scalar, full],
    [column, row],
    [row, column],
    [tiles, tiles],
    [tiles, row],
    [matrix, matrix],
    [matrix, scalar],
    [scalar, matrix],
    [scalar, scalar],
  ],
  3: [
    [full, full, full],
    [full, column, row],
    [column, full, scalar],
    [row, column, full],
    [tiles, row, tiles],
    [matrix, scalar, matrix],
  ],
};

function mapCases(width: number, dtype: DType): Comparison[] {
  return mapNames.flatMap((op) => {
    const ranges = rangesOf(op);
    return layouts[ranges.length].map((shapes) => ({
      name: `${op} of ${shapes.map((s) => s.name).join(", ")}`,
      leaves: shapes.map((s, i) => s(width, ranges[i])),
      build: (...x: Tensor[]) => apply(op, x),
      factor: factorOf(op, dtype),
      scale: scaleOf(op),
    }));
  });
}

// ---- everything else

const half = (x: Tensor): Tensor => g.mul(x, 0.5);
const wide: Range = { low: -20, high: 20 };
const reversed = (n: number): number[] => Array.from({ length: n }, (_, i) => n - 1 - i);

function arrangementCases(n: number): Comparison[] {
  const x = batchOf(n);
  return [
    linear("combine", [x, batchOf(n), batchOf(n)], 3, (a, b, c) =>
      apply("combine", [a, b, c], { coefficients: [1, -0.5, 1.25] }),
    ),
    linear("combine of tiles", [tiled(2, n), tiled(2, n)], 2, (a, b) =>
      apply("combine", [a, b], { coefficients: [-2, 0.75] }),
    ),
    exact("concat", [x, batchOf(1), batchOf(2)], (a, b, c) => g.concat(a, b, c, a)),
    exact("concat of tiles", [tiled(2, n), tiled(2, 3)], (a, b) => g.concat(a, b)),
    exact("columns", [x], (a) => g.columns(a, [...reversed(n), -1, 0])),
    exact("columns of tiles", [tiled(3, n)], (a) => g.columns(a, [n - 1, -1])),
    exact("tile", [x], (a) => g.tile(a, 4)),
    linear("sumTiles", [tiled(4, n)], 4, (a) => g.sumTiles(a)),
    exact("toTiles", [batchOf(3 * n)], (a) => g.toTiles(a, 3)),
    exact("fromTiles", [tiled(3, n)], (a) => g.fromTiles(a)),
    exact("toTiles of tiles", [tiled(2, 3 * n)], (a) => g.toTiles(a, 3)),
    exact("fromTiles in groups", [tiled(6, n)], (a) => g.fromTiles(a, 3)),
    exact("tiles and back", [batchOf(2 * n)], (a) => g.fromTiles(g.toTiles(a, 2))),
    { name: "cast to f32 and back", leaves: [x], build: (a) => g.cast(half(g.cast(a, "f32")), a.dtype), factor: 0 },
    { name: "cast to f64 and back", leaves: [x], build: (a) => g.cast(half(g.cast(a, "f64")), a.dtype), factor: 0 },
    exact("cast of a param", [paramOf(3, n)], (a) =>
      g.cast(half(g.cast(a, a.dtype === "f32" ? "f64" : "f32")), a.dtype),
    ),
    exact("ones", [x], (a) => g.mul(a, g.ones(a.dtype))),
    exact("rowWeight", [tiled(2, n)], (a) => g.mul(a, g.rowWeight(a.dtype, 2))),
    exact("a sum of row weights, which leaves padding out", [x], (a) =>
      g.batchSum(g.mul(g.rowWeight(a.dtype), [1, 2, 3])),
    ),
  ];
}

function reductionCases(n: number): Comparison[] {
  const lse: Build = (x) => g.logSumExp(x);
  const lseScale: Build = (x) => g.add(g.abs(g.logSumExp(x)), g.add(1, g.logSumExp(g.abs(x))));
  return [
    linear("sumFeatures", [batchOf(n)], n, (x) => g.sumFeatures(x)),
    linear("sumFeatures of tiles", [tiled(2, n)], n, (x) => g.sumFeatures(x)),
    linear("sumFeatures of a row", [paramOf(1, n)], n, (x) => g.sumFeatures(x)),
    linear("sumFeatures of a param", [paramOf(5, n)], 5 * n, (x) => g.sumFeatures(x)),
    { name: "logSumExp", leaves: [batchOf(n)], build: lse, factor: sumOf(n), scale: lseScale },
    { name: "logSumExp of tiles", leaves: [tiled(3, n, wide)], build: lse, factor: sumOf(n), scale: lseScale },
    linear("cumsum", [batchOf(n)], n, (x) => g.cumsum(x)),
    linear("cumsum from the last", [tiled(2, n)], n, (x) => g.cumsum(x, { reverse: true })),
    linear("batchSum", [batchOf(n)], 200, (x) => g.batchSum(x)),
    linear("batchSum of tiles", [tiled(3, n)], 600, (x) => g.batchSum(x)),
    linear("a map of a sum", [batchOf(n)], 200, (x) => g.mul(g.batchSum(x), 0.5)),
  ];
}

function layerCases(n: number): Comparison[] {
  const cases: Comparison[] = [];
  for (const [ins, outs] of [
    [n, 3],
    [2, n],
    [n, n],
  ]) {
    const w = paramOf(ins + 1, outs);
    for (const activation of activationNames) {
      // No activation is steeper than 1, so it passes the error of the sum on, and adds its own.
      const build: Build = (x, v) => g.dense(x, v, { activation });
      const scale: Build = (x, v) => g.add(g.dense(g.abs(x), g.abs(v)), 1);
      cases.push({
        name: `dense ${ins} → ${outs}, ${activation}`,
        leaves: [batchOf(ins), w],
        build,
        factor: sumOf(ins),
        scale,
      });
    }
    const shape = `${ins} → ${outs}`;
    cases.push(
      linear(`dense of tiles ${shape}`, [tiled(3, ins), w], ins, (x, v) => g.dense(x, v)),
      linear(`dense without bias ${shape}`, [batchOf(ins), w], ins, (x, v) => g.dense(x, v, { bias: false })),
      linear(`product with a matrix ${shape}`, [batchOf(ins), paramOf(ins, outs)], ins, (x, m) => g.matmul(x, m)),
      linear(`denseInputGrad ${shape}`, [batchOf(outs), w], outs, (dz, v) => g.denseInputGrad(dz, v, ins)),
      linear(`denseInputGrad of tiles ${shape}`, [tiled(2, outs), w], outs, (dz, v) => g.denseInputGrad(dz, v, ins)),
    );
    // What flows back into padding is 0: `rowWeight` sees to it where gradients start.
    const weighted = (dz: Tensor): Tensor => g.mul(dz, g.rowWeight(dz.dtype, dz.rows));
    for (const bias of [true, false]) {
      const build: Build = (x, dz) => g.denseWeightGrad(x, weighted(dz), ins + 1, bias);
      cases.push(linear(`denseWeightGrad ${shape}, bias ${bias}`, [batchOf(ins), batchOf(outs)], 200, build));
      cases.push(
        linear(`denseWeightGrad of tiles ${shape}, bias ${bias}`, [tiled(3, ins), tiled(3, outs)], 600, build),
      );
    }
  }
  return cases;
}

export const families: Readonly<Record<string, (width: number, dtype: DType) => Comparison[]>> = {
  maps: mapCases,
  arrangement: arrangementCases,
  reductions: reductionCases,
  layers: layerCases,
  triangles: triangleCases,
  sparse: sparseCases,
  "Cholesky factors": choleskyCases,
};
