/** Comparisons of the kernels of triangles, dense factors and sparse matrices, with bounds from Higham, Accuracy and Stability. */
import * as g from "../../src/graph/build.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { packed } from "../../src/numbers/triangles.ts";
import { sparseMatrix } from "../../src/sparse/matrix.ts";
import { type SparsePattern, sparsePattern } from "../../src/sparse/pattern.ts";
import { type Build, linear, sumOf } from "./cases.ts";
import type { Comparison } from "./compare.ts";
import { batchOf, paramOf, tiled } from "./leaves.ts";

export function triangleCases(n: number): Comparison[] {
  const cases: Comparison[] = [];
  // Substitution is within n u M(L)⁻¹ |L| |x| of the solution, M(L) the comparison matrix: |diagonal|, −|rest| (Higham,
  // theorem 8.10). Diagonals of 3 or more over entries of 2/n at most keep it small.
  const onDiagonal = new Set(Array.from({ length: n }, (_, i) => packed(i + 1) - 1));
  const perEntry = (diagonal: number, rest: number): number[] =>
    Array.from({ length: packed(n) }, (_, i) => (onDiagonal.has(i) ? diagonal : rest));
  const shaped = (l: Tensor): Tensor =>
    g.add(g.mul(l, perEntry(2 ** -2, 2 ** -Math.ceil(Math.log2(n)))), perEntry(4, 0));
  for (const transpose of [false, true]) {
    for (const [what, l, x] of [
      ["", batchOf(packed(n)), batchOf(n)],
      [" of tiles", tiled(2, packed(n)), tiled(2, n)],
    ] as const) {
      const name = `${what}, order ${n}, transpose ${transpose}`;
      cases.push(linear(`triMul${name}`, [l, x], n, (a, b) => g.triMul(a, b, { transpose })));
      const solve: Build = (a, b) => g.triSolve(shaped(a), b, { transpose });
      const bound: Build = (a, b) => {
        const [m, y] = [g.abs(shaped(a)), g.abs(solve(a, b))];
        return g.triSolve(g.mul(m, perEntry(1, -1)), g.triMul(m, y, { transpose }), { transpose });
      };
      cases.push({ name: `triSolve${name}`, leaves: [l, x], build: solve, factor: sumOf(n), scale: bound });
    }
  }
  cases.push(linear(`outerTril, order ${n}`, [batchOf(n), batchOf(n)], 1, (a, b) => g.outerTril(a, b)));
  cases.push(linear(`outerTril of tiles, order ${n}`, [tiled(2, n), tiled(2, n)], 1, (a, b) => g.outerTril(a, b)));
  return cases;
}

/** A square grid whose cells couple three of their corners, as finite elements do. */
export function gridPattern(side: number): SparsePattern {
  const pairs: [number, number][] = [];
  for (let k = 0; k < side * side; k++) {
    const [i, j] = [k % side, Math.floor(k / side)];
    if (i > 0) pairs.push([k, k - 1]);
    if (j > 0) pairs.push([k, k - side]);
    if (i > 0 && j > 0) pairs.push([k, k - side - 1]);
  }
  return sparsePattern(side * side, pairs);
}

export function sparseCases(n: number): Comparison[] {
  const pattern = gridPattern(n > 16 ? 12 : n);
  const { rows, cols } = pattern;
  const size = pattern.n;
  const entries = batchOf(rows.length);
  const diagonal = Array.from(rows, (i, e) => (i === cols[e] ? 1 : 0));
  // 16 or more on the diagonal over at most six entries of 2: the comparison matrix (|diagonal|, −|rest|) is positive definite.
  const shaped = (a: Tensor): Tensor =>
    g.add(
      a,
      diagonal.map((d) => 18 * d),
    );
  const comparison = (a: Tensor): Tensor =>
    g.mul(
      g.abs(shaped(a)),
      diagonal.map((d) => 2 * d - 1),
    );
  const solve = (a: Tensor, b: Tensor): Tensor => g.sparseSolve(a, g.sparseCholesky(a, pattern), b, pattern);
  const x: Build = (a, b) => solve(shaped(a), b);
  // A computed factor is that of a matrix within n u |L| |Lᵀ| of A (Higham, theorem 10.3), and |L| |Lᵀ| ≤ |A| entry by entry up to
  // a small factor for such matrices: the solution is off by |A⁻¹| |A| |x| at most, |A⁻¹| below the inverse of the comparison matrix.
  const bound: Build = (a, b) => {
    return solve(comparison(a), g.sparseMul(g.abs(shaped(a)), g.abs(x(a, b)), pattern));
  };
  const matrix = sparseMatrix(
    n,
    5,
    Array.from({ length: 3 * n }, (_, k) => [k % 5, k % n, ((k * 7) % 13) / 4 - 1] as const),
  );
  const positiveMatrix = { ...matrix, value: matrix.value.map(Math.abs) };
  const logDet: Build = (a) => g.sparseLogDet(shaped(a), g.sparseCholesky(shaped(a), pattern), pattern);
  const inverse: Build = (a) => g.sparseInverse(shaped(a), g.sparseCholesky(shaped(a), pattern), pattern);
  const cases: Comparison[] = [
    {
      ...linear("linearMap", [batchOf(n)], n, (v) => g.linearMap(v, matrix)),
      scale: (v) => g.linearMap(g.abs(v), positiveMatrix),
    },
    {
      ...linear("linearMap of tiles", [tiled(2, n)], n, (v) => g.linearMap(v, matrix)),
      scale: (v) => g.linearMap(g.abs(v), positiveMatrix),
    },
    linear("sparseMul", [entries, batchOf(2 * size)], 8, (a, v) => g.sparseMul(a, v, pattern)),
    linear("sparseMul of tiles", [tiled(2, rows.length), tiled(2, size)], 8, (a, v) => g.sparseMul(a, v, pattern)),
    linear("sparseOuter", [batchOf(3 * size), batchOf(3 * size)], 6, (a, b) => g.sparseOuter(a, b, pattern)),
    linear("sparseOuter of tiles", [tiled(2, size), tiled(2, size)], 2, (a, b) => g.sparseOuter(a, b, pattern)),
    // log det is a sum over the pivots, each within the error of its factor of 1, relative.
    {
      name: "sparseLogDet",
      leaves: [entries],
      build: logDet,
      factor: sumOf(size),
      scale: (a) => g.add(g.abs(logDet(a)), size),
    },
    // Each entry of the inverse is one of the solution for a unit vector: at most 1 / 4 by diagonal dominance.
    {
      name: "sparseInverse",
      leaves: [entries],
      build: inverse,
      factor: sumOf(size),
      scale: (a) => g.add(g.mul(a, 0), 1),
    },
  ];
  for (const width of [1, 2, 3]) {
    cases.push(
      {
        name: `sparseSolve, ${width} sides`,
        leaves: [entries, batchOf(width * size)],
        build: x,
        factor: sumOf(size),
        scale: bound,
      },
      {
        name: `sparseSolve of tiles, ${width} sides`,
        leaves: [tiled(2, rows.length), tiled(2, width * size)],
        build: x,
        factor: sumOf(size),
        scale: bound,
      },
      {
        name: `sparseSolve of a row, ${width} sides`,
        leaves: [entries, paramOf(1, width * size)],
        build: x,
        factor: sumOf(size),
        scale: bound,
      },
    );
  }
  return cases;
}

export function choleskyCases(n: number): Comparison[] {
  const range = Array.from({ length: n }, (_, i) => i);
  const onDiagonal = new Set(range.map((i) => packed(i + 1) - 1));
  const perEntry = (diagonal: number, rest: number): number[] =>
    Array.from({ length: packed(n) }, (_, i) => (onDiagonal.has(i) ? diagonal : rest));
  // Diagonals of 3.5 to 4.5 over rows whose other entries sum to 2 at most: eigenvalues in [1.5, 6.5].
  const shaped = (x: Tensor): Tensor =>
    g.add(g.mul(x, perEntry(2 ** -2, 2 ** -Math.ceil(Math.log2(2 * n)))), perEntry(4, 0));
  // The factor computed is that of A + E, |E| ≤ n u |L||L|ᵀ (Higham, theorem 10.3), so it is off by at most
  // ‖L‖ ‖A⁻¹‖ ‖E‖_F / √2 to first order (Sun, BIT 31 (1991)): √6.5 / 1.5 / √2 = 1.21 times ‖E‖_F.
  const spread: Build = (x) => {
    const l = g.abs(g.cholesky(shaped(x)));
    const squares = range
      .map((c) =>
        g.columns(
          l,
          range.map((i) => (i < c ? -1 : packed(i) + c)),
        ),
      )
      .map((c) => g.outerTril(c, c))
      .reduce((a, b) => g.add(a, b));
    const norm = g.sqrt(g.sumFeatures(g.mul(g.square(squares), perEntry(1, 2))));
    return g.mul(g.add(g.mul(l, 0), norm), 1.21);
  };
  // All steps of the derivative add products of entries with earlier cotangents, over diagonals: with the signs that make
  // every term positive it is the sum of the terms. No entry is more than 2 n² additions deep.
  const backwards: Build = (l, h) => g.choleskyGrad(shaped(l), h);
  const terms: Build = (l, h) => g.choleskyGrad(g.mul(g.abs(shaped(l)), perEntry(1, -1)), g.abs(h));
  return [batchOf, (cols: number) => tiled(2, cols)].flatMap((leaf, i) => {
    const [x, name] = [leaf(packed(n)), `${i === 1 ? " of tiles" : ""}, order ${n}`];
    return [
      { name: `cholesky${name}`, leaves: [x], build: (a) => g.cholesky(shaped(a)), factor: sumOf(n), scale: spread },
      { name: `choleskyGrad${name}`, leaves: [x, x], build: backwards, factor: sumOf(2 * n * n), scale: terms },
    ] satisfies Comparison[];
  });
}
