/** The comparisons of every op with the reference, by family: at one width and type, all ways of broadcasting, tiles, odd shapes. */

import { apply } from "../../src/graph/apply.ts";
import * as g from "../../src/graph/build.ts";
import { type Activation, type MapName, mapNames } from "../../src/graph/names.ts";
import type { DType, Tensor } from "../../src/graph/tensor.ts";
import { type Build, exact, linear, sumOf } from "./cases.ts";
import type { Comparison } from "./compare.ts";
import { anywhere, batchOf, type Leaf, offZero, paramOf, positive, tiled } from "./leaves.ts";
import { choleskyCases, sparseCases, triangleCases } from "./matrix-cases.ts";
import type { Range } from "./random.ts";

export const WIDTHS = [1, 3, 7, 8, 9, 33];
/** Less than a block, whole blocks, a shard, more; many shards at one width only, since the oracle is slow. */
export const rowsAt = (width: number): number[] => [1, 5, 8, 13, 64, 65, ...(width === 7 ? [200] : [])];

// ---- maps: range of each operand, factor in u, and what the error is relative to

interface MapCheck {
  readonly ranges: readonly Range[];
  readonly factor: number;
  readonly scale?: Build;
}
const probability: Range = { low: 0.01, high: 0.99 };
const wide: Range = { low: -20, high: 20 };
const half = (x: Tensor): Tensor => g.mul(x, 0.5);
const product =
  (bound: (y: Tensor) => Tensor): Build =>
  (y, h) =>
    g.mul(g.abs(h), bound(g.abs(y)));
// One rounding: 1. An elementary function to 2.5 units in the last place: 5. `erf` and `probit` in f32: 1e-6 = 17 u.
export const mapChecks: Readonly<Record<MapName, MapCheck>> = {
  neg: { ranges: [anywhere], factor: 0 },
  abs: { ranges: [anywhere], factor: 0 },
  exp: { ranges: [wide], factor: 5 },
  log: { ranges: [{ low: 2 ** -12, high: 30 }], factor: 5 },
  log1p: { ranges: [{ low: -0.9, high: 30 }], factor: 5 },
  tanh: { ranges: [{ low: -10, high: 10 }], factor: 5 },
  sin: { ranges: [{ low: -50, high: 50 }], factor: 5 },
  cos: { ranges: [{ low: -50, high: 50 }], factor: 5 },
  sqrt: { ranges: [positive], factor: 1 },
  square: { ranges: [anywhere], factor: 1 },
  softplus: { ranges: [wide], factor: 5 },
  sigmoid: { ranges: [wide], factor: 5 },
  silu: { ranges: [wide], factor: 5 },
  relu: { ranges: [anywhere], factor: 0 },
  leakyRelu: { ranges: [anywhere], factor: 2 }, // the slope 0.01 is rounded, and the product
  erf: { ranges: [{ low: -5, high: 5 }], factor: 17 },
  probit: { ranges: [probability], factor: 17, scale: (p) => g.add(g.abs(g.probit(p)), 1) },
  add: { ranges: [anywhere, anywhere], factor: 1 },
  sub: { ranges: [anywhere, anywhere], factor: 1 },
  mul: { ranges: [anywhere, anywhere], factor: 1 },
  div: { ranges: [anywhere, offZero], factor: 1 },
  maximum: { ranges: [anywhere, anywhere], factor: 0 },
  minimum: { ranges: [anywhere, anywhere], factor: 0 },
  atan2: { ranges: [offZero, offZero], factor: 6 },
  reluGrad: { ranges: [anywhere, anywhere], factor: 0 },
  leakyReluGrad: { ranges: [anywhere, anywhere], factor: 2 },
  tanhGrad: { ranges: [anywhere, anywhere], factor: 4, scale: product((y) => g.add(g.square(y), 1)) },
  sigmoidGrad: { ranges: [anywhere, anywhere], factor: 4, scale: product((y) => g.add(g.square(y), y)) },
  softplusGrad: { ranges: [positive, anywhere], factor: 8, scale: product((y) => g.add(g.mul(y, 0), 1)) },
  siluGrad: { ranges: [anywhere, anywhere], factor: 16, scale: product((y) => g.add(y, 1)) },
  where: { ranges: [offZero, anywhere, anywhere], factor: 0 },
};

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

/** In f64 the oracle is not exact either, and erf and probit promise 1e-13 = 900 u. */
export function factorOf(op: MapName, dtype: DType): number {
  const { factor } = mapChecks[op];
  if (dtype === "f32" || factor < 5) return factor;
  return op === "erf" || op === "probit" ? 900 : factor + 3;
}

function mapCases(width: number, dtype: DType): Comparison[] {
  return mapNames.flatMap((op) => {
    const { ranges, scale } = mapChecks[op];
    return layouts[ranges.length].map((shapes) => ({
      name: `${op} of ${shapes.map((s) => s.name).join(", ")}`,
      leaves: shapes.map((s, i) => s(width, ranges[i])),
      build: (...x: Tensor[]) => apply(op, x),
      factor: factorOf(op, dtype),
      scale,
    }));
  });
}

// ---- everything else

const reversed = (n: number): number[] => Array.from({ length: n }, (_, i) => n - 1 - i);

function arrangementCases(n: number): Comparison[] {
  const x = batchOf(n);
  return [
    exact("concat", [x, batchOf(1), batchOf(2)], (a, b, c) => g.concat(a, b, c, a)),
    exact("concat of tiles", [tiled(2, n), tiled(2, 3)], (a, b) => g.concat(a, b)),
    exact("columns", [x], (a) => g.columns(a, [...reversed(n), -1, 0])),
    exact("columns of tiles", [tiled(3, n)], (a) => g.columns(a, [n - 1, -1])),
    exact("tile", [x], (a) => g.tile(a, 4)),
    linear("sumTiles", [tiled(4, n)], 4, (a) => g.sumTiles(a)),
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

const activations: readonly Activation[] = ["linear", "relu", "leakyRelu", "tanh", "sigmoid", "softplus"];

function layerCases(n: number, dtype: DType): Comparison[] {
  const cases: Comparison[] = [];
  for (const [ins, outs] of [
    [n, 3],
    [2, n],
    [n, n],
  ]) {
    const w = paramOf(ins + 1, outs);
    for (const activation of activations) {
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
    if (dtype === "f64") continue;
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
