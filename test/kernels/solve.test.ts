// Sparse factors and solutions beyond the comparisons of ops.test.ts: failures, padding, refinement.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Rows } from "../../src/backends/backend.ts";
import * as g from "../../src/graph/build.ts";
import { gradientsOf } from "../../src/graph/grad.ts";
import { compile } from "../../src/graph/program.ts";
import type { DType, Tensor } from "../../src/graph/tensor.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { sparsePattern } from "../../src/sparse/pattern.ts";
import { wasmBuilds } from "../helpers/backends.ts";
import { roundoff } from "../helpers/compare.ts";
import { gridPattern } from "../helpers/matrix-cases.ts";
import { draw, generator } from "../helpers/random.ts";
import { runGraph } from "../helpers/run.ts";

const backends = Object.values(wasmBuilds);

test("a matrix that is not positive definite gives NaN in its sample alone, and the coefficient to blame is reported", async () => {
  const pattern = gridPattern(5);
  const count = pattern.rows.length;
  for (const dtype of ["f32", "f64"] as const) {
    const [a, elements, b] = [g.input("a", count, { dtype }), g.input("e", 3, { dtype }), g.input("b", 25, { dtype })];
    const factor = g.sparseCholesky(a, pattern, elements);
    const program = atOnce(compile({ graph: { outputs: { x: g.sparseSolve(a, factor, b, pattern) } } }));
    const good = Array.from(pattern.rows, (i, e) => (i === pattern.cols[e] ? 8 : -1));
    for (const bad of [0, 6, 10]) {
      const rows = 11;
      const values = Array.from({ length: rows }, () => good).flat();
      const at = good.findIndex((_, e) => pattern.rows[e] === 12 && pattern.cols[e] === 12);
      values[bad * count + at] = -1;
      const coefficients = Array.from({ length: 3 * rows }, (_, k) => (k === 3 * bad + 1 ? -0.5 : 1 + k));
      const inputs = { a: values, e: coefficients, b: new Float64Array(25 * rows).fill(1) };
      for (const create of backends) {
        const executor = await create(program);
        const { x } = await executor.run("graph", { rows, inputs });
        for (let r = 0; r < rows; r++) {
          const finite = x.subarray(r * 25, (r + 1) * 25).every(Number.isFinite);
          assert.is(finite, r !== bad, `row ${r} of ${executor.device}`);
        }
        assert.match(
          executor.fault() ?? "",
          new RegExp(`sample ${bad + 1}; to blame is the coefficient -0.5 of element 1$`),
        );
        assert.match(executor.fault() ?? "", /unknown 12 /);
        await executor.run("graph", { rows: 1, inputs: { a: good, e: [1, 2, 3], b: inputs.b.slice(0, 25) } });
        assert.is(executor.fault(), undefined);
      }
    }
  }
});

test("padding lanes of a block are finite after a solve, whatever they held before: sums multiply them by 0", async () => {
  const pattern = gridPattern(3);
  const [a, b] = [g.input("a", pattern.rows.length), g.input("b", 9)];
  const x = g.sparseSolve(a, g.sparseCholesky(a, pattern), b, pattern);
  const loss = g.batchSum(g.sumFeatures(g.matmul(x, g.weight("w", 9, 2))));
  const program = atOnce(compile({ graph: { outputs: { loss }, gradients: () => gradientsOf(loss) } }));
  const good = Array.from(pattern.rows, (i, e) => (i === pattern.cols[e] ? 8 : -1));
  const bad = Array.from({ length: 8 }, () => good.map((v) => -v)).flat();
  for (const create of backends) {
    const executor = await create(program);
    await executor.run("graph", { rows: 8, inputs: { a: bad, b: new Float64Array(72).fill(1) } });
    assert.ok((await executor.readGradient("graph")).some(Number.isNaN));
    await executor.run("graph", { rows: 1, inputs: { a: good, b: new Float64Array(9).fill(1) } });
    assert.ok((await executor.readGradient("graph")).every(Number.isFinite), executor.device);
  }
});

test("one step of refinement makes single-precision solutions accurate to rounding, where the condition would cost digits", async () => {
  const pattern = gridPattern(12);
  const n = pattern.n;
  // A Laplacian of seven points, held by 2^-8 on the diagonal: condition about 14 / 2^-8 = 3600.
  const degree = new Float64Array(n);
  for (let e = 0; e < pattern.rows.length; e++) {
    if (pattern.rows[e] === pattern.cols[e]) continue;
    degree[pattern.rows[e]]++;
    degree[pattern.cols[e]]++;
  }
  const a = Array.from(pattern.rows, (i, e) => (i === pattern.cols[e] ? degree[i] + 2 ** -8 : -1));
  const b = Array.from({ length: n }, (_, i) => Math.fround(Math.sin(i)));
  const solve = (dtype: DType): Tensor => {
    const values = g.input("a", a.length, { dtype });
    return g.sparseSolve(values, g.sparseCholesky(values, pattern), g.input("b", n, { dtype }), pattern);
  };
  const inputs = { a, b };
  const want = Float64Array.from((await runGraph({ x: solve("f64") }, { rows: 1, inputs })).x);
  const largest = want.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  for (const create of backends) {
    const { x } = await runGraph({ x: solve("f32") }, { rows: 1, inputs, create });
    const error = Float64Array.from(x).reduce((most, v, i) => Math.max(most, Math.abs(v - want[i])), 0) / largest;
    // (κu)² = 5e-8 is left of the error after one step (Higham, §12.1), and rounding of the solution itself, u.
    assert.ok(error < 4 * roundoff.f32, `relative error ${error}`);
  }
});

test("solves for the last unknowns alone are those for all of them, and single precision is refused", async () => {
  const [side, last] = [11, 9];
  const places = Array.from({ length: 2 * side * side }, (_, i) =>
    i % 2 === 0 ? (i / 2) % side : Math.floor(i / 2 / side),
  );
  const { n, rows, cols } = gridPattern(side);
  const pairs = Array.from(rows, (i, e): [number, number] => [i, cols[e]]);
  const pattern = sparsePattern(n, pairs, places, last);
  const order = pattern.symbolic.table.subarray(pattern.symbolic.table[6], pattern.symbolic.table[6] + n);
  assert.equal(
    [...order.subarray(n - last)].sort((a, b) => a - b),
    Array.from({ length: last }, (_, i) => n - last + i),
  );

  const next = generator(3);
  const count = 11; // samples: a block and a part of one
  const diagonal = Array.from(pattern.rows, (i, e) => (i === pattern.cols[e] ? 16 : 0));
  for (const width of [1, 2, 3, 4, 7]) {
    const a = g.add(g.input("a", diagonal.length, { dtype: "f64" }), diagonal);
    const factor = g.sparseCholesky(a, pattern);
    const [all, some] = [g.input("all", n * width, { dtype: "f64" }), g.input("some", last * width, { dtype: "f64" })];
    const zeros = g.constant(new Float64Array((n - last) * width), "f64");
    const padded = g.concat(g.add(g.mul(g.slice(all, 0, zeros.cols), 0), zeros), some);
    const tail = (x: Tensor): Tensor => g.slice(x, (n - last) * width, n * width);
    const solve = (b: Tensor, part: g.SolvePart = {}): Tensor => g.sparseSolve(a, factor, b, pattern, part);
    const outputs = {
      given: solve(some, { given: "last" }),
      givenWant: solve(padded),
      wanted: solve(all, { wanted: "last" }),
      wantedWant: tail(solve(all)),
      both: solve(some, { given: "last", wanted: "last" }),
      bothWant: tail(solve(padded)),
    };
    const draws = (cols: number): Rows => draw(next, count * cols, { low: -1, high: 1 });
    const inputs = { a: draws(diagonal.length), all: draws(all.cols), some: draws(some.cols) };
    for (const create of backends) {
      const got = await runGraph(outputs, { rows: count, inputs, create });
      // Both take the same operations on the same numbers; those left out are with zeros.
      for (const name of ["given", "wanted", "both"])
        assert.equal(got[name], got[`${name}Want`], `${name}, ${width} sides`);
    }
  }
  const a = g.input("a", diagonal.length);
  assert.throws(
    () => g.sparseSolve(a, g.sparseCholesky(a, pattern), g.input("b", last), pattern, { given: "last" }),
    /^sparseSolve: expected double precision for the last unknowns alone/,
  );
});

test.run();
