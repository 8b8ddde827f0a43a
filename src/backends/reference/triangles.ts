/** Ops on packed lower triangles: entry (i, j) of a sample is at i(i + 1)/2 + j. */

import type { TriangleName } from "../../graph/names.ts";
import { packedOrder } from "../../graph/tensor.ts";
import { type Dense, fill, get, type Kernel, sum } from "./kernel.ts";

/** Entry (i, j) of the packed lower triangle of row r, or of its transpose. */
const entry = (l: Dense, r: number, i: number, j: number, transpose: unknown): number => {
  const [row, column] = transpose ? [j, i] : [i, j];
  return column > row ? 0 : get(l, r, (row * (row + 1)) / 2 + column);
};

const triMul: Kernel = (out, [l, x], { transpose }) =>
  fill(out, (r, i) => sum(x.cols, (j) => entry(l, r, i, j, transpose) * get(x, r, j)));

const triSolve: Kernel = (out, [l, x], { transpose }) => {
  const n = x.cols;
  for (let r = 0; r < x.rows; r++) {
    for (let k = 0; k < n; k++) {
      const i = transpose ? n - 1 - k : k;
      // Entries of the solution that are not yet there meet zeros of the triangle.
      const rest = get(x, r, i) - sum(n, (j) => (j === i ? 0 : entry(l, r, i, j, transpose) * get(out, r, j)));
      out.data[r * n + i] = rest / entry(l, r, i, i, transpose);
    }
  }
};

const outerTril: Kernel = (out, [a, b]) => {
  let at = 0;
  for (let r = 0; r < a.rows; r++) {
    for (let i = 0; i < a.cols; i++) for (let j = 0; j <= i; j++) out.data[at++] = get(a, r, i) * get(b, r, j);
  }
};

/** Calls with the packed entries of each sample's triangle and with those of its output. */
const eachTriangle =
  (act: (n: number, out: Float64Array, inputs: Float64Array[]) => void): Kernel =>
  (out, inputs) => {
    const row = (t: Dense, r: number): Float64Array => t.data.subarray(r * t.cols, (r + 1) * t.cols);
    for (let r = 0; r < out.rows; r++) {
      act(
        packedOrder(out.cols),
        row(out, r),
        inputs.map((t) => row(t, r)),
      );
    }
  };
const tri = (i: number, j: number): number => (i * (i + 1)) / 2 + j;

const cholesky = eachTriangle((n, l, [a]) => {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const rest = a[tri(i, j)] - sum(j, (k) => l[tri(i, k)] * l[tri(j, k)]);
      if (i === j) l[tri(i, i)] = rest > 0 ? Math.sqrt(rest) : Number.NaN;
      else l[tri(i, j)] = rest / l[tri(j, j)];
    }
  }
});

/** By its formula, and not by the steps backwards: L⁻ᵀ Φ(Lᵀ G) L⁻¹, Φ the lower triangle with its diagonal halved. */
const choleskyGrad = eachTriangle((n, out, [l, g]) => {
  const below = (t: Float64Array, i: number, j: number): number => (j > i ? 0 : t[tri(i, j)]);
  const square = (entry: (i: number, j: number) => number): number[][] =>
    Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_x, j) => entry(i, j)));
  /** L⁻ᵀ M */
  const solve = (m: number[][]): number[][] => {
    for (let i = n - 1; i >= 0; i--) {
      for (let c = 0; c < n; c++) {
        for (let k = i + 1; k < n; k++) m[i][c] -= l[tri(k, i)] * m[k][c];
        m[i][c] /= l[tri(i, i)];
      }
    }
    return m;
  };
  const phi = square((i, j) => (j > i ? 0 : (i === j ? 0.5 : 1) * sum(n, (k) => below(l, k, i) * below(g, k, j))));
  const left = solve(phi);
  const both = solve(square((i, j) => left[j][i])); // the transpose of L⁻ᵀ Φ L⁻¹
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) out[tri(i, j)] = i === j ? both[i][i] : both[i][j] + both[j][i];
});

export const triangleKernels: Readonly<Record<TriangleName, Kernel>> = {
  triMul,
  triSolve,
  outerTril,
  cholesky,
  choleskyGrad,
};
