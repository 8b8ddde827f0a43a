// Every kernel against the f64 reference: all types, odd widths, odd row counts, tiles, broadcasts.
//
// Tolerances are in units of u, half a unit in the last place (2^-24, 2^-53), times a scale. A sum of K products in any order
// is within K u Σ|terms| of the exact one (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., §3.1), and
// rounding errors add up like √K in practice: 4 + 4 √K is allowed. Σ|terms| is the op itself on absolute values.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileKernels } from "../../src/backends/kernels.ts";
import * as g from "../../src/graph/build.ts";
import { type MapName, mapNames } from "../../src/graph/maps.ts";
import { type Activation, apply, ops } from "../../src/graph/ops.ts";
import type { DType, Tensor } from "../../src/graph/tensor.ts";
import { wasmBuilds } from "../helpers/backends.ts";
import { type Build, exact, linear, sumOf } from "../helpers/cases.ts";
import { type Comparison, compareWithReference, kernelsUsed, roundoff } from "../helpers/compare.ts";
import { anywhere, batchOf, type Leaf, offZero, paramOf, positive, tiled } from "../helpers/leaves.ts";
import { choleskyCases, sparseCases, triangleCases } from "../helpers/matrix-cases.ts";
import type { Range } from "../helpers/random.ts";
import { runGraph } from "../helpers/run.ts";

const WIDTHS = [1, 3, 7, 8, 9, 33];
/** Less than a block, whole blocks, a shard, more; many shards at one width only, since the oracle is slow. */
const rowsAt = (width: number): number[] => [1, 5, 8, 13, 64, 65, ...(width === 7 ? [200] : [])];
const backends = Object.values(wasmBuilds);

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
const mapChecks: Readonly<Record<MapName, MapCheck>> = {
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
function factorOf(op: MapName, dtype: DType): number {
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

const families: Readonly<Record<string, (width: number, dtype: DType) => Comparison[]>> = {
  maps: mapCases,
  arrangement: arrangementCases,
  reductions: reductionCases,
  layers: layerCases,
  triangles: triangleCases,
  sparse: sparseCases,
  "Cholesky factors": choleskyCases,
};

for (const [family, cases] of Object.entries(families)) {
  for (const dtype of ["f32", "f64"] as const) {
    test(`${family} in ${dtype} agree with the reference at all widths and row counts, in every build`, async () => {
      for (const width of WIDTHS) await compareWithReference(backends, dtype, cases(width, dtype), rowsAt(width));
    });
  }
}

test("sums longer than the parts that kernels take them in are whole", async () => {
  for (const dtype of ["f32", "f64"] as const) {
    for (const [ins, outs] of [
      [193, 3],
      [400, 2],
      [2, 577],
      [1, 200],
    ]) {
      const w = paramOf(ins + 1, outs);
      const shape = `${ins} → ${outs}`;
      const cases = [
        linear(`dense ${shape}`, [batchOf(ins), w], ins, (x, v) => g.dense(x, v)),
        linear(`denseInputGrad ${shape}`, [batchOf(outs), w], outs, (dz, v) => g.denseInputGrad(dz, v, ins)),
      ];
      await compareWithReference(backends, dtype, cases, [1, 17]);
    }
  }
});

// ---- edges

const EDGES = [0, -0, 1, -1, 0.5, 100, -100, 1e30, -1e30, 1e-30, Infinity, -Infinity, NaN].map(Math.fround);
/** The derivatives of activations are only asked at what activations answer. */
const atEdges = mapNames.filter((op) => !op.endsWith("Grad") && op !== "where");

/** sin and cos promise nothing at huge arguments, whose neighbours are many periods apart. */
const isAsked = (op: MapName, x: number): boolean => !((op === "sin" || op === "cos") && Math.abs(x) === EDGES[7]);

test("maps are right at zeros, infinities and NaN, and where results overflow or underflow", async () => {
  for (const dtype of ["f32", "f64"] as const) {
    const inputs = { a: EDGES.flatMap((x) => EDGES.map(() => x)), b: EDGES.flatMap(() => EDGES) };
    const [a, b] = [g.input("a", 1, { dtype }), g.input("b", 1, { dtype })];
    const operands = (op: MapName): Tensor[] => [a, b].slice(0, mapChecks[op].ranges.length);
    const outputs = Object.fromEntries(atEdges.map((op) => [op, apply(op, operands(op))]));
    const rows = inputs.a.length;
    const want = await runGraph(outputs, { rows, inputs });
    // Below the least normal number a kernel may answer 0.
    const tiny = dtype === "f32" ? 2 ** -125 : 2 ** -1021;
    for (const create of backends) {
      const got = await runGraph(outputs, { rows, inputs, create });
      for (const op of atEdges) {
        for (let i = 0; i < rows; i++) {
          if (!isAsked(op, inputs.a[i])) continue;
          const expected = dtype === "f32" ? Math.fround(want[op][i]) : want[op][i];
          const bound = factorOf(op, dtype) * roundoff[dtype] * (Math.abs(expected) + (op === "probit" ? 1 : 0)) + tiny;
          const right = Object.is(got[op][i] + 0, expected + 0) || Math.abs(got[op][i] - expected) <= bound;
          const of = operands(op).map((_, k) => (k === 0 ? inputs.a[i] : inputs.b[i]));
          assert.ok(right, `${op}_${dtype}(${of.join(", ")}): expected ${expected}, got ${got[op][i]}`);
        }
      }
    }
  }
});

test("a pivot that is not positive makes NaN of its sample from there on, and touches no other sample", async () => {
  for (const dtype of ["f32", "f64"] as const) {
    const rows = 21; // of three blocks, the last one padded
    const good = [4, 1, 3, -1, 0.5, 2]; // (2, 3, 5): positive pivots
    const bad: Readonly<Record<number, readonly number[]>> = {
      3: [0, 1, 3, -1, 0.5, 2],
      10: [4, 4, 4, -1, 0.5, 2], // the second pivot is 0
      20: [4, 1, 3, -1, 0.5, -1],
    };
    const a = Array.from({ length: rows }, (_, r) => bad[r] ?? good.map((v) => v * (1 + r / 64))).flat();
    const x = g.input("a", 6, { dtype });
    const l = g.cholesky(x);
    const graph = { l, grad: g.choleskyGrad(l, x) };
    const want = await runGraph(graph, { rows, inputs: { a } });
    for (const create of backends) {
      const got = await runGraph(graph, { rows, inputs: { a }, create });
      for (let r = 0; r < rows; r++) {
        for (const name of ["l", "grad"] as const) {
          for (let k = 6 * r; !(r in bad) && k < 6 * r + 6; k++) {
            const error = Math.abs(got[name][k] - want[name][k]);
            assert.ok(error < 512 * roundoff[dtype], `${name} ${k}: ${got[name][k]}, ${want[name][k]}`);
          }
        }
        const nan = Array.from(got.l.subarray(6 * r, 6 * r + 6), Number.isNaN);
        const from = ({ 3: 0, 10: 2, 20: 5 } as Record<number, number>)[r] ?? 6;
        assert.is(nan.indexOf(true), from === 6 ? -1 : from, `row ${r}: ${nan}`);
        assert.is(nan[5], r in bad, `row ${r}: the last pivot tells`);
      }
    }
  }
});

test("every kernel of the build is in these comparisons, or has a test of its own", async () => {
  const used = new Set<string>();
  for (const cases of Object.values(families)) {
    for (const dtype of ["f32", "f64"] as const) for (const name of kernelsUsed(cases(3, dtype), dtype)) used.add(name);
  }
  const kernels = WebAssembly.Module.exports(await compileKernels("plain")).map((e) => e.name);
  const left = kernels.filter((name) => {
    const [, op, dtype] = /^(\w+)_(f32|f64)$/.exec(name) ?? [];
    return dtype !== undefined && op in ops && !used.has(name);
  });
  // detach: gradients that are copied to their place (training); splines and draws: spline.test.ts, random.test.ts.
  assert.equal(left.sort(), ["bankRows_f32", "detach_f32", "detach_f64", "splineGrad_f32", "spline_f32"]);
});

test.run();
