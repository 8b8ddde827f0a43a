// Sparse matrices: orderings and their fill, the table of fronts that kernels read, and factors for patterns of many shapes.
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as g from "../src/graph/build.ts";
import type { DType, Tensor } from "../src/graph/tensor.ts";
import { sparseMatrix, timesVector, transposed } from "../src/sparse/matrix.ts";
import { graphOf, nestedDissection } from "../src/sparse/ordering.ts";
import { entryFinder, type SparsePattern, sparsePattern } from "../src/sparse/pattern.ts";
import { triangleEntries } from "../src/sparse/symbolic.ts";
import { wasmBuilds } from "./helpers/backends.ts";
import { farthest } from "./helpers/fem.ts";
import { draw, generator } from "./helpers/random.ts";
import { runGraph } from "./helpers/run.ts";

type Pairs = readonly (readonly [number, number])[];
interface Shape {
  readonly n: number;
  readonly pairs: Pairs;
  readonly places?: ArrayLike<number>;
}
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** A square grid whose cells couple three of their corners, with the places of its points or without. */
function grid(side: number, placed: boolean): Shape {
  const pairs = range(side * side).flatMap((k): [number, number][] => {
    const [i, j] = [k % side, Math.floor(k / side)];
    return [
      ...(i > 0 ? [[k, k - 1] as [number, number]] : []),
      ...(j > 0 ? [[k, k - side] as [number, number]] : []),
      ...(i > 0 && j > 0 ? [[k, k - side - 1] as [number, number]] : []),
    ];
  });
  const places = range(2 * side * side).map((c) => (c % 2 === 0 ? (c / 2) % side : Math.floor((c - 1) / 2 / side)));
  return { n: side * side, pairs, ...(placed && { places }) };
}

const all = (n: number): [number, number][] => range(n).flatMap((i) => range(i).map((j) => [i, j] as [number, number]));
const linked = (n: number, to: (i: number) => number): [number, number][] =>
  range(n - 1).map((i) => [i + 1, to(i + 1)] as [number, number]);

/** So many unknowns, and about so many pairs to each, anywhere; with places for every other seed. */
function scattered(n: number, each: number, seed: number): Shape {
  const next = generator(seed);
  const any = (): number => Math.floor(next() * n);
  const pairs = Array.from({ length: Math.round(n * each) }, (): [number, number] => [any(), any()]);
  return { n, pairs, ...(seed % 2 === 0 && { places: Array.from({ length: 2 * n }, () => next()) }) };
}

const shapes: Readonly<Record<string, Shape>> = {
  "one unknown": { n: 1, pairs: [] },
  "two that are coupled": { n: 2, pairs: [[0, 1]] },
  "a hundred that are not": { n: 100, pairs: [] },
  "a dense matrix of 20": { n: 20, pairs: all(20) },
  "a dense matrix of 61": { n: 61, pairs: all(61) },
  "a path": { n: 90, pairs: linked(90, (i) => i - 1) },
  "a ring": { n: 75, pairs: [...linked(75, (i) => i - 1), [0, 74]] },
  "a star": { n: 80, pairs: linked(80, () => 0) },
  "a tree": { n: 127, pairs: linked(127, (i) => (i - 1) >> 1) },
  "two dense blocks and a bridge": {
    n: 70,
    pairs: [...all(35), ...all(35).map(([i, j]) => [i + 35, j + 35] as [number, number]), [3, 50]],
  },
  "three grids apart": {
    n: 3 * 36,
    pairs: [0, 36, 72].flatMap((base) =>
      grid(6, false).pairs.map(([i, j]) => [i + base, j + base] as [number, number]),
    ),
  },
  "a grid with places": grid(11, true),
  "a grid without": grid(11, false),
  "a grid whose points are in one place": { ...grid(8, false), places: new Float64Array(128) },
  "a grid whose points are on a line": {
    ...grid(8, false),
    places: range(128).map((c) => (c % 2 === 0 ? (c / 2) % 8 : 3)),
  },
};
for (let seed = 0; seed < 24; seed++) {
  const n = 3 + ((seed * 37) % 110);
  const each = [0.4, 1, 2, 5][seed % 4];
  (shapes as Record<string, Shape>)[`${n} unknowns with about ${each} random pairs each, seed ${seed}`] = scattered(
    n,
    each,
    seed,
  );
}
const patternOf = ({ n, pairs, places }: Shape): SparsePattern => sparsePattern(n, pairs, places);

// ---- orderings

/** Entries of the envelope, in the order of the unknowns as they come. */
function envelope({ n, rows, cols }: SparsePattern): number {
  const first = range(n);
  rows.forEach((i, e) => {
    first[i] = Math.min(first[i], cols[e]);
  });
  return first.reduce((sum, f, i) => sum + i - f + 1, 0);
}

test("an ordering takes every unknown once, whatever the graph", () => {
  for (const [name, { n, pairs, places }] of Object.entries(shapes)) {
    const { rows, cols } = sparsePattern(n, pairs, places);
    const order = nestedDissection(graphOf(n, rows, cols), places);
    assert.equal(
      [...order].sort((a, b) => a - b),
      range(n),
      name,
    );
  }
});

test("nested dissection fills a grid less than a band, and within George's bound of 31/4 n log₂ n", () => {
  // The band of 33² has 33 to a row; separators of half the length, and of half of that, make less of it.
  for (const [side, share] of [
    [33, 0.75],
    [65, 0.5],
    [129, 0.3],
  ]) {
    const pattern = patternOf(grid(side, true));
    const [entries, band] = [pattern.symbolic.entries, envelope(pattern)];
    assert.ok(entries < share * band, `${side}²: ${entries} entries, the band ${band}`);
    const bound = (31 / 4) * side * side * Math.log2(side * side);
    assert.ok(entries < bound, `${side}²: ${entries} entries, the bound ${bound}`);
  }
});

test("fill grows like n log n and work like n√n from grid to grid, with places or without", () => {
  const log = (side: number): number => side * side * Math.log2(side * side);
  for (const placed of [true, false]) {
    const [small, large] = [33, 65].map((side) => patternOf(grid(side, placed)).symbolic);
    const [fill, work] = [large.entries / small.entries, large.products / small.products];
    assert.ok(fill < 1.15 * (log(65) / log(33)), `placed ${placed}: entries grow ${fill} times`);
    assert.ok(work < 1.15 * (65 / 33) ** 3, `placed ${placed}: products grow ${work} times`);
  }
});

test("a grid without places is ordered nearly as well as one with them", () => {
  const [placed, free] = [true, false].map((p) => patternOf(grid(33, p)).symbolic.entries);
  assert.ok(free < 2 * placed, `${free} entries instead of ${placed}`);
});

// ---- the table

interface Front {
  readonly at: number;
  readonly s: number;
  readonly r: number;
  readonly block: number;
  readonly update: number;
  readonly first: number;
  readonly rows: Int32Array;
  readonly map: Int32Array;
  readonly own: Int32Array;
  readonly children: Int32Array;
  readonly parent: number;
}
const up4 = (x: number): number => 4 * Math.ceil(x / 4);
/** Entries of a triangle of s pivots in panels of 4 rows: panel J has columns 0…4J + 3, the last one ends with column s − 1. */
function pivotEntries(s: number): number {
  let entries = 0;
  for (let first = 0; first < s; first += 4) entries += 4 * Math.min(first + 4, s);
  return entries;
}

/** Reads the table back as its description in src/sparse/symbolic.ts has it. */
function frontsOf({ symbolic: { table } }: SparsePattern): Front[] {
  return range(table[2]).map((f) => {
    const at = table[5] + 13 * f;
    const [s, r, block, update, first, rows, map, own, owned, children, count, , parent] = table.subarray(at, at + 13);
    const list = (from: number, length: number): Int32Array => table.subarray(from, from + length);
    return {
      at,
      s,
      r,
      block,
      update,
      first,
      rows: list(rows, r),
      map: list(map, parent ? r : 0),
      own: list(own, 2 * owned),
      children: list(children, count),
      parent,
    };
  });
}

test("updates have places of their own as long as they are needed, and so have the blocks of the factor", () => {
  for (const [name, shape] of Object.entries({ ...shapes, "a grid of 33²": grid(33, true) })) {
    const { symbolic } = patternOf(shape);
    const fronts = frontsOf({ symbolic } as SparsePattern);
    const alive = new Map<number, [number, number]>(); // front → where its update is
    let factor = 0;
    for (const { at, s, r, block, update, children } of fronts) {
      assert.is(block, factor, `${name}: blocks follow one another`);
      factor += pivotEntries(s) + up4(r) * s;
      if (r > 0) {
        const [from, to] = [update, update + triangleEntries(r)];
        assert.ok(to <= symbolic.workspaceSize, `${name}: within the workspace`);
        for (const [start, end] of alive.values()) assert.ok(to <= start || from >= end, `${name}: ${from} to ${to}`);
        alive.set(at, [from, to]);
      }
      for (const c of children) alive.delete(c); // they are read while the parent's own is written
    }
    assert.is(factor, symbolic.factorSize);
    assert.is(alive.size, 0, `${name}: every update is taken up by a parent`);
  }
});

test("fronts hold every unknown and every entry of the matrix once, and rows of a child are found in its parent", () => {
  for (const [name, shape] of Object.entries(shapes)) {
    const pattern = patternOf(shape);
    const fronts = frontsOf(pattern);
    const byPlace = new Map(fronts.map((front) => [front.at, front]));
    const { table } = pattern.symbolic;
    assert.equal(
      [...table.subarray(table[6], table[6] + pattern.n)].sort((a, b) => a - b),
      range(pattern.n),
      name,
    );
    let next = 0;
    const entries: number[] = [];
    for (const { at, s, r, first, rows, map, own, parent } of fronts) {
      assert.is(first, next, name);
      next += s;
      assert.ok(
        rows.every((row, k) => row >= next && (k === 0 || row > rows[k - 1])),
        name,
      );
      entries.push(...own.filter((_, k) => k % 2 === 0));
      assert.is(parent === 0, r === 0, `${name}: only roots have no rows below`);
      const above = byPlace.get(parent);
      if (above === undefined) continue;
      assert.ok(above.at > at && above.children.includes(at), `${name}: children come first`);
      const numberAt = (place: number): number =>
        place < up4(above.s) ? above.first + place : above.rows[place - up4(above.s)];
      assert.equal([...map].map(numberAt), [...rows], `${name}: places in the parent`);
    }
    assert.is(next, pattern.n);
    assert.equal(
      entries.sort((a, b) => a - b),
      range(pattern.rows.length),
      name,
    );
  }
});

// ---- factors

/** Diagonally dominant, so that A⁻¹ and rounding are of order 1: at most 2 off the diagonal, more than the row's sum on it. */
function dominant(a: Tensor, { n, rows, cols }: SparsePattern): Tensor {
  const degree = new Float64Array(n).fill(3);
  rows.forEach((i, e) => {
    if (i !== cols[e]) for (const k of [i, cols[e]]) degree[k] += 2;
  });
  return g.add(
    a,
    Float64Array.from(rows, (i, e) => (i === cols[e] ? degree[i] : 0)),
  );
}

test("patterns of all shapes are factored right in every lane, in both types", async () => {
  const rows = 11;
  for (const [name, shape] of Object.entries(shapes)) {
    const pattern = patternOf(shape);
    const next = generator(shape.n);
    const inputs = {
      a: draw(next, rows * pattern.rows.length, { low: -2, high: 2 }),
      b: draw(next, rows * 3 * shape.n, { low: -2, high: 2 }),
    };
    const outputs = (dtype: DType) => {
      const a = dominant(g.input("a", pattern.rows.length, { dtype }), pattern);
      const factor = g.sparseCholesky(a, pattern);
      return {
        x: g.sparseSolve(a, factor, g.input("b", 3 * shape.n, { dtype }), pattern),
        logDet: g.mul(g.sparseLogDet(a, factor, pattern), 1 / shape.n),
        inverse: g.sparseInverse(a, factor, pattern),
      };
    };
    const want = await runGraph(outputs("f64"), { rows, inputs });
    for (const [backend, create] of Object.entries(wasmBuilds)) {
      for (const [dtype, tolerance] of [
        ["f64", 1e-13],
        ["f32", 5e-6],
      ] as const) {
        const got = await runGraph(outputs(dtype), { rows, inputs, create });
        for (const key of ["x", "logDet", "inverse"]) {
          const off = farthest(got[key], want[key]);
          assert.ok(off < tolerance, `${name}: ${key} in ${dtype} on ${backend} is off by ${off}`);
        }
      }
    }
  }
});

// ---- patterns and fixed matrices

test("a pattern has its diagonal and each pair once, whatever their order, and finds them again", () => {
  const pattern = sparsePattern(4, [
    [3, 1],
    [1, 3],
    [2, 2],
    [0, 1],
    [3, 1],
  ]);
  const pairs = range(pattern.rows.length).map((e) => [pattern.rows[e], pattern.cols[e]]);
  assert.equal(pairs, [
    [0, 0],
    [1, 0],
    [1, 1],
    [3, 1],
    [2, 2],
    [3, 3],
  ]);
  const entryOf = entryFinder(pattern);
  assert.equal(
    pairs.map(([i, j]) => entryOf(i, j)),
    range(6),
  );
  assert.equal(
    pairs.map(([i, j]) => entryOf(j, i)),
    range(6),
  );
  assert.throws(() => entryOf(0, 2), /internal: \(0, 2\) is no entry of the pattern/);
  for (const pair of [
    [0, 4],
    [-1, 0],
    [0.5, 1],
  ] as const)
    assert.throws(() => sparsePattern(4, [pair]), /sparsePattern: expected unknowns in 0\.\.3, got/);
});

test("entries of a fixed matrix at one place add, and columns ascend within a row", () => {
  const m = sparseMatrix(3, 4, [
    [2, 1, 5],
    [0, 2, 1],
    [0, 0, 2],
    [0, 2, 0.5],
    [3, 2, -1],
    [2, 1, -5],
  ]);
  assert.equal([...m.start], [0, 2, 2, 3, 4]);
  assert.equal([...m.index], [0, 2, 1, 2]);
  assert.equal([...m.value], [2, 1.5, 0, -1]);
  assert.equal([...timesVector(m, [1, 10, 100])], [152, 0, 0, -100]);
  const empty = sparseMatrix(2, 3, []);
  assert.equal([...empty.start], [0, 0, 0, 0]);
});

test("the transpose has its entries mirrored, is made once, and its own transpose is the matrix itself", () => {
  const next = generator(2);
  const entries = Array.from({ length: 60 }, () => [Math.floor(next() * 9), Math.floor(next() * 7), next()] as const);
  const m = sparseMatrix(7, 9, entries);
  const t = transposed(m);
  assert.is(transposed(t), m);
  assert.is(transposed(m), t);
  assert.equal([t.inputs, t.outputs], [9, 7]);
  const mirrored = sparseMatrix(
    9,
    7,
    entries.map(([i, j, v]) => [j, i, v] as const),
  );
  assert.equal(t.start, mirrored.start);
  assert.equal(t.index, mirrored.index);
  assert.ok(farthest(t.value, mirrored.value) < 1e-15);
});

test("entries that are out of range or not finite are refused", () => {
  for (const entry of [
    [3, 0, 1],
    [0, 2, 1],
    [-1, 0, 1],
    [0, 0.5, 1],
  ] as const)
    assert.throws(() => sparseMatrix(2, 3, [entry]), /sparseMatrix: expected an entry within \(3, 2\), got \(/);
  assert.throws(() => sparseMatrix(2, 3, [[1, 1, Number.NaN]]), /expected finite entries, got NaN at \(1, 1\)/);
});

test.run();
