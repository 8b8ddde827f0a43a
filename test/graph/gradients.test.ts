// Every vector-Jacobian product of the table is compared with finite differences, in f64: one list of cases.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { apply } from "../../src/graph/apply.ts";
import * as g from "../../src/graph/build.ts";
import { grad } from "../../src/graph/grad.ts";
import { gaussianLogDensity, gaussianSample, logDet } from "../../src/graph/linear.ts";
import { activationNames, type MapName, mapNames, maps, type OpName } from "../../src/graph/names.ts";
import { scan } from "../../src/graph/scan.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { vjps } from "../../src/graph/vjps.ts";
import { packed, packedOrder } from "../../src/numbers/triangles.ts";
import { sparseMatrix } from "../../src/sparse/matrix.ts";
import { sparsePattern } from "../../src/sparse/pattern.ts";
import { checkGradients } from "../helpers/differences.ts";
import { batchOf, type Leaf, offZero, paramOf, plant, positive, scalarOf, tiled } from "../helpers/leaves.ts";
import { smoothRangesOf } from "../helpers/map-cases.ts";
import type { Range } from "../helpers/random.ts";

interface Case {
  readonly op: OpName;
  readonly name: string;
  readonly leaves: readonly Leaf[];
  readonly build: (...x: Tensor[]) => Tensor;
  /** Second derivatives too: unless false. */
  readonly second?: boolean;
}

const ROWS = 3;
const cases: Case[] = [];
const add = (op: OpName, name: string, leaves: readonly Leaf[], build: Case["build"], second = true): void => {
  cases.push({ op, name, leaves, build, second });
};

// ---- maps of one operand
const mapsOf = (operands: number): MapName[] => mapNames.filter((op) => maps[op].domain.length === operands);
for (const op of mapsOf(1)) {
  const [range] = smoothRangesOf(op);
  if (op === "trigamma") continue; // whose derivative is refused, below
  const build = (x: Tensor): Tensor => apply(op, [x]);
  const second = op !== "digamma" && op !== "floor";
  add(op, "a batch", [batchOf(3, range)], build, second);
  add(op, "a column of one", [batchOf(1, range)], build, second);
  add(op, "tiles", [tiled(2, 2, range)], build, second);
  add(op, "a param", [paramOf(2, 3, range)], build, second);
}

// ---- maps of two operands: every way of broadcasting, and one tensor on both sides
const pairs: readonly [string, (r: Range) => Leaf, (r: Range) => Leaf][] = [
  ["batches", (r) => batchOf(3, r), (r) => batchOf(3, r)],
  ["a batch and a column", (r) => batchOf(3, r), (r) => batchOf(1, r)],
  ["a column and a batch", (r) => batchOf(1, r), (r) => batchOf(3, r)],
  ["a batch and a row", (r) => batchOf(3, r), (r) => paramOf(1, 3, r)],
  ["a row and a batch", (r) => paramOf(1, 3, r), (r) => batchOf(3, r)],
  ["a scalar and a batch", (r) => paramOf(1, 1, r), (r) => batchOf(3, r)],
  ["a batch and a scalar", (r) => batchOf(3, r), (r) => paramOf(1, 1, r)],
  ["a column and a row", (r) => batchOf(1, r), (r) => paramOf(1, 3, r)],
  ["a row and a column", (r) => paramOf(1, 3, r), (r) => batchOf(1, r)],
  ["tiles and a row", (r) => tiled(2, 3, r), (r) => paramOf(1, 3, r)],
  ["columns of one", (r) => batchOf(1, r), (r) => batchOf(1, r)],
  ["params", (r) => paramOf(2, 3, r), (r) => paramOf(2, 3, r)],
  ["a param and a scalar", (r) => paramOf(2, 3, r), (r) => paramOf(1, 1, r)],
  ["a scalar and a column param", (r) => paramOf(1, 1, r), (r) => paramOf(3, 1, r)],
];
const tied = new Set<OpName>(["maximum", "minimum"]); // not differentiable at x, x; and tiles are stretched towards ties
for (const op of mapsOf(2)) {
  const [left, right] = smoothRangesOf(op);
  for (const [name, a, b] of pairs) {
    if (tied.has(op) && name === "tiles and a row") continue;
    add(op, name, [a(left), b(right)], (x, y) => apply(op, [x, y]));
  }
  if (!tied.has(op)) add(op, "one tensor twice", [batchOf(2, offZero)], (x) => apply(op, [g.abs(x), g.abs(x)]));
}
for (const shapes of [
  [batchOf(3, offZero), batchOf(3), batchOf(3)],
  [batchOf(1, offZero), paramOf(1, 3), batchOf(3)],
  [paramOf(1, 3, offZero), batchOf(1), paramOf(1, 1)],
  [batchOf(3, offZero), batchOf(1), paramOf(1, 3)],
  [paramOf(2, 2, offZero), paramOf(2, 2), paramOf(1, 1)],
]) {
  add("where", shapes.map((s) => `${s.kind} ${s.rows}×${s.cols}`).join(", "), shapes, (c, a, b) => g.where(c, a, b));
}

// ---- arrangement
add("combine", "three batches", [batchOf(2), batchOf(2), batchOf(2)], (x, y, z) =>
  apply("combine", [g.square(x), g.mul(y, z), z], { coefficients: [1, -0.5, 2] }),
);
add("concat", "widths 1, 3, 2", [batchOf(1), batchOf(3), batchOf(2)], (...x) => g.square(g.concat(...x)));
add("concat", "one tensor twice", [batchOf(2), batchOf(1)], (x, y) => g.concat(x, y, x));
add("concat", "tiles", [tiled(2, 2), tiled(2, 1)], (x, y) => g.concat(x, y));
add("columns", "repeated, left out and empty", [batchOf(4)], (x) => g.columns(x, [2, 0, 2, -1, 1, 2]));
add("columns", "all empty", [batchOf(2)], (x) => g.columns(x, [-1, -1]));
add("columns", "of columns", [batchOf(3)], (x) => g.columns(g.columns(x, [2, 1, 0, 0]), [3, 0]));
add("columns", "a slice of tiles", [tiled(3, 3)], (x) => g.slice(x, 1, 3));
add("tile", "three particles", [batchOf(2)], (x) => g.tile(x, 3));
add("tile", "one particle", [batchOf(2)], (x) => apply("tile", [x], { count: 1 }));
add("sumTiles", "three particles", [tiled(3, 2)], (x) => g.sumTiles(g.square(x)));
add("toTiles", "three parts", [batchOf(6)], (x) => g.square(g.toTiles(x, 3)));
add("fromTiles", "three particles", [tiled(3, 2)], (x) => g.square(g.fromTiles(x)));
add("toTiles", "parts of tiles", [tiled(2, 4)], (x) => g.square(g.toTiles(x, 2)));
add("fromTiles", "groups of two", [tiled(4, 2)], (x) => g.square(g.fromTiles(x, 2)));
add("cast", "a batch", [batchOf(2)], (x) => g.cast(x, "f32"));
add("cast", "a param", [paramOf(2, 2)], (x) => g.cast(x, "f32"));

// ---- reductions
add("sumFeatures", "a batch", [batchOf(4)], (x) => g.sumFeatures(x));
add("sumFeatures", "tiles", [tiled(2, 3)], (x) => g.sumFeatures(g.square(x)));
add("sumFeatures", "a row", [paramOf(1, 4)], (x) => g.sumFeatures(x));
add("sumFeatures", "a param", [paramOf(3, 2)], (x) => g.sumFeatures(g.square(x)));
add("sumFeatures", "a column param", [paramOf(3, 1)], (x) => g.sumFeatures(x));
add("logSumExp", "a batch", [batchOf(4)], (x) => g.logSumExp(x));
add("logSumExp", "one feature", [batchOf(1)], (x) => g.logSumExp(x));
add("logSumExp", "tiles", [tiled(2, 2)], (x) => g.logSumExp(x));
for (const reverse of [false, true]) {
  add("cumsum", `reverse ${reverse}`, [batchOf(4)], (x) => g.cumsum(x, { reverse }));
  add("cumsum", `tiles, reverse ${reverse}`, [tiled(2, 3)], (x) => g.cumsum(g.square(x), { reverse }));
}
add("batchSum", "a batch", [batchOf(3)], (x) => g.batchSum(g.square(x)));
add("batchSum", "tiles", [tiled(2, 1)], (x) => g.batchSum(x));

// ---- sparse matrices: a ring of five unknowns with a chord
const ring = sparsePattern(
  5,
  [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 4],
    [4, 0],
    [1, 4],
  ],
  undefined,
  2,
);
const ringEntries = ring.rows.length;
const fixed = sparseMatrix(3, 4, [
  [0, 0, 2],
  [0, 2, -1],
  [2, 1, 0.5],
  [3, 0, 1],
  [3, 1, 1],
]);
/** Positive definite: 9 or more on the diagonal. */
const dominant = (a: Tensor): Tensor =>
  g.add(
    a,
    Array.from(ring.rows, (i, e) => (i === ring.cols[e] ? 11 : 0)),
  );
const solvePart =
  (part?: g.SolvePart) =>
  (a: Tensor, b: Tensor): Tensor =>
    g.sparseSolve(dominant(a), g.sparseCholesky(dominant(a), ring), b, ring, part);
const solveRing = solvePart();
add("linearMap", "with an output of nothing", [batchOf(3)], (x) => g.square(g.linearMap(x, fixed)));
add("sparseMul", "two sides", [batchOf(ringEntries), batchOf(10)], (a, x) => g.sparseMul(a, x, ring));
add("sparseOuter", "two sides", [batchOf(10), batchOf(10)], (a, b) => g.sparseOuter(a, b, ring));
add("sparseSolve", "two sides", [batchOf(ringEntries), batchOf(10)], solveRing);
add("sparseSolve", "one side for all samples", [batchOf(ringEntries), paramOf(1, 5)], solveRing);
add("sparseSolve", "tiles", [tiled(2, ringEntries), tiled(2, 5)], solveRing);
const parts: readonly g.SolvePart[] = [{ given: "last" }, { wanted: "last" }, { given: "last", wanted: "last" }];
for (const part of parts) {
  const given = part.given ? 4 : 10; // two sides of two unknowns, or of five
  add("sparseSolve", JSON.stringify(part), [batchOf(ringEntries), batchOf(given)], solvePart(part));
}
add(
  "sparseLogDet",
  "of a ring",
  [batchOf(ringEntries)],
  (a) => g.sparseLogDet(dominant(a), g.sparseCholesky(dominant(a), ring), ring),
  false,
);

// ---- layers
for (const activation of activationNames) {
  for (const bias of [true, false]) {
    add("dense", `${activation}, bias ${bias}`, [batchOf(3), paramOf(4, 2)], (x, w) =>
      g.dense(x, w, { bias, activation }),
    );
  }
}
add("dense", "tiles", [tiled(2, 2), paramOf(3, 3)], (x, w) => g.dense(x, w, { activation: "tanh" }));
add("dense", "a matrix without a row of biases", [batchOf(3), paramOf(3, 2)], (x, m) => g.matmul(x, m));
add("dense", "one weight for two layers", [batchOf(2), paramOf(3, 2)], (x, w) => g.dense(g.dense(x, w), w));
add("denseInputGrad", "with a row of biases", [batchOf(2), paramOf(4, 2)], (dz, w) => g.denseInputGrad(dz, w, 3));
add("denseInputGrad", "without, tiles", [tiled(2, 2), paramOf(3, 2)], (dz, w) => g.denseInputGrad(dz, w, 3));
add("denseWeightGrad", "with bias", [batchOf(3), batchOf(2)], (x, dz) => g.denseWeightGrad(x, dz, 4, true));
add("denseWeightGrad", "with a row of no bias", [batchOf(3), batchOf(2)], (x, dz) =>
  g.denseWeightGrad(x, dz, 4, false),
);
add("denseWeightGrad", "without", [tiled(2, 1), tiled(2, 2)], (x, dz) => g.denseWeightGrad(x, dz, 1, false));

// ---- triangles
for (const transpose of [false, true]) {
  for (const n of [1, 3]) {
    const name = `order ${n}, transpose ${transpose}`;
    add("triMul", name, [batchOf(packed(n)), batchOf(n)], (l, x) => g.triMul(l, x, { transpose }));
    add("triSolve", name, [batchOf(packed(n), positive), batchOf(n)], (l, x) => g.triSolve(l, x, { transpose }));
  }
  add("triMul", `tiles, transpose ${transpose}`, [tiled(2, 3), tiled(2, 2)], (l, x) => g.triMul(l, x, { transpose }));
}
add("outerTril", "order 3", [batchOf(3), batchOf(3)], (a, b) => g.outerTril(a, b));
add("outerTril", "one tensor twice", [batchOf(2)], (a) => g.outerTril(a, a));

/** A positive-definite matrix: half the identity and more on the diagonal, over the product of a factor with itself. */
const definite = (x: Tensor, n: number): Tensor => {
  const onDiagonal = Array.from({ length: packed(n) }, (_, i) => (packedOrder(i + 1) > 0 ? 0.5 : 0));
  const columnsOf = Array.from({ length: n }, (_, c) =>
    Array.from({ length: n }, (_x, i) => (i < c ? -1 : packed(i) + c)),
  );
  const squares = columnsOf.map((c) => g.columns(x, c)).map((c) => g.outerTril(c, c));
  return g.add(
    squares.reduce((a, b) => g.add(a, b)),
    onDiagonal,
  );
};
for (const n of [1, 2, 4]) {
  add("cholesky", `order ${n}`, [batchOf(packed(n))], (x) => g.cholesky(definite(x, n)));
  add("choleskyGrad", `order ${n}`, [batchOf(packed(n), positive), batchOf(packed(n))], (l, h) => g.choleskyGrad(l, h));
}
add("cholesky", "tiles, and its log-determinant", [tiled(2, 3)], (x) => logDet(g.cholesky(definite(x, 2))));
add("cholesky", "a Gaussian's log-density", [batchOf(6), batchOf(3), batchOf(3)], (x, m, y) =>
  gaussianLogDensity(y, m, g.cholesky(definite(x, 3))),
);
add("cholesky", "a draw of a Gaussian", [batchOf(6), batchOf(3), batchOf(3)], (x, m, e) =>
  gaussianSample(m, g.cholesky(definite(x, 3)), e),
);

// ---- flows: the first derivative only
for (const inverse of [false, true]) {
  const attrs = { bound: 3, inverse };
  const raw = (bins: number, dims: number): Leaf => batchOf(dims * (3 * bins - 1));
  for (const [bins, dims] of [
    [2, 1],
    [3, 2],
    [5, 3],
  ]) {
    const name = `${dims} of ${bins} bins, inverse ${inverse}`;
    const inside = batchOf(dims, { low: -2.9, high: 2.9 });
    add("spline", name, [inside, raw(bins, dims)], (x, p) => g.spline(x, p, { bins, ...attrs }), false);
  }
  const outside = batchOf(2, { low: 3.5, high: 5 });
  add(
    "spline",
    `outside, inverse ${inverse}`,
    [outside, raw(3, 2)],
    (x, p) => g.spline(x, p, { bins: 3, ...attrs }),
    false,
  );
}

// ---- loops: second derivatives are those of Jacobian-vector products (scan.test.ts)
const spiral = (s: Tensor, a: Tensor, row: Tensor): Tensor =>
  scan({
    state: s,
    steps: 3,
    step: (x) => g.add(g.mul(g.sin(x), a), row),
    emit: { at: [1, 3], value: (x) => g.mul(x, a) },
  });
/** Parts of `scanGrad` and `scanSum`, as functions of the cotangent alone. */
const ofCotangent = (wrt: number) => (seed: Tensor) => {
  const fixed = [g.mul(g.ones("f64"), [0.5, -1]), g.mul(g.ones("f64"), 1.25), g.exp(g.constant([0.25, -0.5], "f64"))];
  return grad(spiral(fixed[0], fixed[1], fixed[2]), [fixed[wrt]], seed)[0] as Tensor;
};
add("scan", "by state, batch and param", [batchOf(2), batchOf(1), paramOf(1, 2)], spiral, false);
add("scanGrad", "of the state", [batchOf(4)], ofCotangent(0), false);
add("scanGrad", "of a batch", [batchOf(4)], ofCotangent(1), false);
add("scanSum", "of a param", [batchOf(4)], ofCotangent(2), false);

for (const { op, name, leaves: specs, build, second } of cases) {
  test(`the derivatives of ${op} agree with finite differences: ${name}`, async () => {
    const { leaves, tensors, values } = plant(specs, "f64");
    const out = build(...tensors);
    const total = scalarOf(out, 50);
    const first = grad(total, leaves);
    first.forEach((t, i) => {
      if (t !== null) assert.equal([t.kind, t.rows, t.cols], [leaves[i].kind, leaves[i].rows, leaves[i].cols]);
    });
    await checkGradients(total, leaves, first, { rows: ROWS, values: values(ROWS) });
    if (!second) return;
    const gradients = first.filter((t) => t !== null);
    const again = gradients.map((t, i) => g.cast(scalarOf(t, 60 + i), "f64")).reduce((a, b) => g.add(a, b));
    await checkGradients(again, leaves, grad(again, leaves), { rows: ROWS, values: values(ROWS) });
  });
}

test("no differentiable op of the table is missing from the list", () => {
  const listed = new Set<OpName>(cases.map((c) => c.op));
  const missing = (Object.keys(vjps) as OpName[]).filter((op) => vjps[op] && !listed.has(op));
  assert.equal(missing, ["trigamma", "splineGrad", "sparseInverse"]); // whose derivatives are refused, below
});

test("every case of the list has a node of its op", () => {
  for (const { op, name, leaves, build } of cases) {
    const stack = [build(...plant(leaves, "f64").tensors)];
    let found = false;
    for (let t = stack.pop(); t !== undefined && !found; t = stack.pop()) {
      found = t.op === op;
      stack.push(...t.inputs);
    }
    assert.ok(found, `${op}: ${name}`);
  }
});

test("a second derivative of a spline is refused", () => {
  const { leaves, tensors } = plant([batchOf(1), batchOf(5)], "f64");
  const [dx] = grad(scalarOf(g.spline(tensors[0], tensors[1], { bins: 2, bound: 3, inverse: false }), 1), leaves);
  assert.throws(() => grad(scalarOf(dx as Tensor, 2), leaves), /spline: expected at most one derivative/);
});

test("a third derivative of lgamma is refused", () => {
  const { leaves, tensors } = plant([batchOf(1, positive)], "f64");
  assert.throws(
    () => grad(scalarOf(g.trigamma(tensors[0]), 1), leaves),
    /^trigamma: expected at most two derivatives of lgamma/,
  );
});

test("a second derivative of a sparse log-determinant is refused", () => {
  const { leaves, tensors } = plant([batchOf(ringEntries)], "f64");
  const a = dominant(tensors[0]);
  const [da] = grad(scalarOf(g.sparseLogDet(a, g.sparseCholesky(a, ring), ring), 1), leaves);
  assert.throws(() => grad(scalarOf(da as Tensor, 2), leaves), /sparseLogDet: expected at most one derivative/);
});

test("no gradient flows through detach, nor to tensors that the output does not depend on", () => {
  const { leaves, tensors } = plant([batchOf(2), batchOf(2)], "f64");
  assert.equal(grad(scalarOf(g.detach(tensors[0]), 1), leaves), [null, null]);
});

test("the gradient of a batch column is that of each row alone", async () => {
  const { leaves, tensors, values } = plant([batchOf(3), paramOf(1, 3)], "f64");
  const rowWise = g.sumFeatures(g.mul(g.square(tensors[0]), tensors[1]));
  const total = g.batchSum(rowWise);
  await checkGradients(total, leaves, grad(rowWise, leaves), { rows: ROWS, values: values(ROWS) });
});

test.run();
