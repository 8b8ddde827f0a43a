// Moments, and packed triangles one at a time: against their definitions on full matrices, to rounding.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  columnMeans,
  columnMoments,
  columnOf,
  columnSds,
  covarianceOf,
  meanOf,
  quantileOf,
  rootMeanSquare,
  varianceOf,
  weightedMoments,
} from "../src/numbers/moments.ts";
import {
  addOuter,
  addTimes,
  addTransposedTimes,
  diagonalOf,
  factorise,
  invert,
  packed,
  packedOrder,
  solveLower,
  solveTransposed,
  symmetric,
  timesOwnTranspose,
  triIndex,
} from "../src/numbers/triangles.ts";
import { farthest } from "./helpers/fem.ts";
import { draw, generator } from "./helpers/random.ts";

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const ORDERS = [1, 2, 3, 7];

/** A triangle of order n with 1 to 2 on its diagonal, and a vector. */
function sample(n: number): { l: Float64Array; x: Float64Array } {
  const next = generator(n);
  const l = draw(next, packed(n), { low: -1, high: 1 });
  for (const i of range(n)) l[triIndex(i, i)] = 1 + Math.abs(l[triIndex(i, i)]);
  return { l, x: draw(next, n, { low: -2, high: 2 }) };
}
const entry = (l: Float64Array, i: number, j: number): number => (j > i ? 0 : l[triIndex(i, j)]);
const sum = (n: number, term: (k: number) => number): number => range(n).reduce((total, k) => total + term(k), 0);
const near = (got: ArrayLike<number>, want: ArrayLike<number>, name: string): void =>
  assert.ok(farthest(Float64Array.from(got), Float64Array.from(want)) < 1e-12, name);

test("a packed triangle knows its order, its places and its diagonal", () => {
  assert.equal(range(6).map(packed), [0, 1, 3, 6, 10, 15]);
  assert.equal([0, 1, 2, 3, 4, 6].map(packedOrder), [0, 1, -1, 2, -1, 3]);
  assert.equal([...diagonalOf(Float64Array.of(1, 2, 3, 4, 5, 6))], [1, 3, 6]);
  assert.equal([...symmetric(Float64Array.of(1, 2, 3))], [1, 2, 2, 3]);
});

test("products with a triangle and its transpose are those of the full matrix", () => {
  for (const n of ORDERS) {
    const { l, x } = sample(n);
    const [times, transposed] = [new Float64Array(n).fill(1), new Float64Array(n).fill(1)];
    addTimes(l, x, 0.5, times);
    addTransposedTimes(l, x, 0.5, transposed);
    near(
      times,
      range(n).map((i) => 1 + 0.5 * sum(n, (j) => entry(l, i, j) * x[j])),
      `L x, order ${n}`,
    );
    near(
      transposed,
      range(n).map((i) => 1 + 0.5 * sum(n, (j) => entry(l, j, i) * x[j])),
      `Lᵀ x, order ${n}`,
    );
    const outer = new Float64Array(packed(n));
    addOuter(outer, x, times);
    for (const i of range(n)) for (const j of range(i + 1)) assert.is(outer[triIndex(i, j)], x[i] * times[j]);
  }
});

test("solves undo products, also with the beginning of a longer triangle", () => {
  for (const n of ORDERS) {
    const { l, x } = sample(n);
    const longer = Float64Array.of(...l, ...new Float64Array(n + 1).fill(9));
    for (const triangle of [l, longer]) {
      const [forward, back] = [new Float64Array(n), new Float64Array(n)];
      addTimes(l, solveLower(triangle, x.slice()), 1, forward);
      addTransposedTimes(l, solveTransposed(triangle, x.slice()), 1, back);
      near(forward, x, `L L⁻¹ x, order ${n}`);
      near(back, x, `Lᵀ L⁻ᵀ x, order ${n}`);
    }
  }
});

test("a factor times its own transpose is factorised to itself, and its inverse is one from both sides", () => {
  for (const n of ORDERS) {
    const { l } = sample(n);
    const a = timesOwnTranspose(l);
    const [full, inverse] = [symmetric(a), symmetric(invert(l))];
    const unit = range(n * n).map((k) => Number(Math.floor(k / n) === k % n));
    const product = range(n * n).map((k) => sum(n, (j) => full[Math.floor(k / n) * n + j] * inverse[j * n + (k % n)]));
    near(product, unit, `A A⁻¹, order ${n}`);
    assert.is(factorise(a), -1);
    near(a, l, `the factor, order ${n}`);
  }
});

test("a matrix that is not positive definite is reported by its row, where the pivot stays", () => {
  for (const [matrix, row, pivot] of [
    [[-1, 0, 1], 0, -1],
    [[1, 2, 3], 1, -1],
    [[1, 0, Number.NaN], 1, Number.NaN],
    [[1, 0, Number.POSITIVE_INFINITY], 1, Number.POSITIVE_INFINITY],
  ] as const) {
    const a = Float64Array.from(matrix);
    assert.is(factorise(a), row);
    assert.ok(Object.is(a[triIndex(row, row)], pivot), `${a}`);
  }
});

test("moments of columns are those of each column as a list", () => {
  const [N, M] = [50, 3];
  const rows = draw(generator(4), N * M, { low: -3, high: 5 });
  const columns = range(M).map((d) => range(N).map((n) => rows[n * M + d]));
  const mean = columnMeans(rows, M);
  near(mean, columns.map(meanOf), "means");
  near(
    columnSds(rows, M, mean),
    columns.map((c) => Math.sqrt((varianceOf(c) * (N - 1)) / N)),
    "sds",
  );
  const covariance = covarianceOf(rows, mean);
  near(diagonalOf(covariance), columns.map(varianceOf), "variances");
  const crossed = sum(N, (n) => (columns[2][n] - mean[2]) * (columns[0][n] - mean[0])) / (N - 1);
  assert.ok(Math.abs(covariance[triIndex(2, 0)] - crossed) < 1e-12);
});

test("quantiles are linear between order statistics: 0 and 1 are the ends", () => {
  assert.equal(
    [0, 0.25, 0.5, 0.875, 1].map((p) => quantileOf([1, 3, 4, 4, 10], p)),
    [1, 3, 4, 7, 10],
  );
  assert.is(quantileOf([7], 0.3), 7);
});

test("weighted moments are those of rows that stand there as often as their weights say", () => {
  const M = 3;
  const rows = draw(generator(5), 4 * M, { low: -2, high: 2 });
  const times = [2, 0, 1, 3];
  const rowOf = (n: number, out: Float64Array): void => out.set(rows.subarray(n * M, (n + 1) * M));
  const repeated = Float64Array.from(
    times.flatMap((t, n) => range(t).flatMap(() => [...rows.subarray(n * M, (n + 1) * M)])),
  );
  const mean = columnMeans(repeated, M);
  const biased = covarianceOf(repeated, mean).map((c) => (c * 5) / 6);
  for (const scale of [1, 0.25]) {
    const found = weightedMoments(4, M, rowOf, (n) => scale * times[n]);
    near(found.mean, mean, "mean");
    near(found.covariance, biased, "covariance");
    assert.ok(Math.abs(found.effective - 36 / 14) < 1e-12); // (2 + 1 + 3)² / (4 + 1 + 9)
  }
});

test("column moments, a column and the root mean square are what they say", () => {
  const rows = [1, 5, 3, 5, 8, 5];
  assert.equal([...columnOf(rows, 2, 0)], [1, 3, 8]);
  const { mean, sd } = columnMoments(rows, 2);
  near(mean, [4, 5], "means");
  near(sd, [Math.sqrt(26 / 3), 1], "a column that does not vary has spread 1");
  near([rootMeanSquare([3, 4])], [Math.sqrt(12.5)], "root mean square");
});

test("the mean of numbers of which some are infinite is infinite, or NaN for both signs, wherever they stand", () => {
  const [up, down] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const list of [[up], [up, 1], [1, up], [up, up], [0.1, 0.2, up]]) assert.is(meanOf(list), up, `${list}`);
  for (const list of [
    [down, 1],
    [1, down],
  ])
    assert.is(meanOf(list), down, `${list}`);
  for (const list of [[up, down], [1, down, up], [Number.NaN, 1], []]) assert.ok(Number.isNaN(meanOf(list)), `${list}`);
});

test.run();
