/**
 * Sparse matrices in the plainest f64 code. Factors are not kept: every op that takes one factors the entries again, within
 * their envelope and in the given order of the unknowns (George & Liu, Computer Solution of Large Sparse Positive
 * Definite Systems, 1981, ch. 4), so that the oracle shares nothing with the multifrontal kernels that it judges.
 */
import type { SparseName } from "../../graph/names.ts";
import { unknownsOf } from "../../graph/sparse-rules.ts";
import type { SparseMatrix } from "../../sparse/matrix.ts";
import type { SparsePattern } from "../../sparse/pattern.ts";
import type { Dense, Kernel } from "./kernel.ts";

const rowOf = (t: Dense, r: number): Float64Array => t.data.subarray(r * t.cols, (r + 1) * t.cols);

const linearMap: Kernel = (out, [x], attrs) => {
  const { start, index, value } = attrs.matrix as SparseMatrix;
  for (let r = 0; r < out.rows; r++) {
    const [from, to] = [rowOf(x, r), rowOf(out, r)];
    for (let g = 0; g < out.cols; g++) {
      to[g] = 0;
      for (let k = start[g]; k < start[g + 1]; k++) to[g] += value[k] * from[index[k]];
    }
  }
};

const sparseMul: Kernel = (out, [a, x], attrs) => {
  const { n, rows, cols } = attrs.pattern as SparsePattern;
  const width = out.cols / n;
  out.data.fill(0);
  for (let r = 0; r < out.rows; r++) {
    const [values, from, to] = [rowOf(a, r), rowOf(x, r), rowOf(out, r)];
    for (let e = 0; e < rows.length; e++) {
      for (let c = 0; c < width; c++) {
        const [i, j] = [rows[e] * width + c, cols[e] * width + c];
        to[i] += values[e] * from[j];
        if (i !== j) to[j] += values[e] * from[i];
      }
    }
  }
};

const sparseOuter: Kernel = (out, [a, b], attrs) => {
  const { n, rows, cols } = attrs.pattern as SparsePattern;
  const width = a.cols / n;
  out.data.fill(0);
  for (let r = 0; r < out.rows; r++) {
    const [x, y, to] = [rowOf(a, r), rowOf(b, r), rowOf(out, r)];
    for (let e = 0; e < rows.length; e++) {
      for (let c = 0; c < width; c++) {
        const [i, j] = [rows[e] * width + c, cols[e] * width + c];
        to[e] += x[i] * y[j] + (i === j ? 0 : x[j] * y[i]);
      }
    }
  }
};

/** L by rows: row i holds columns first_i … i. */
interface Envelope {
  readonly first: Int32Array;
  readonly rows: readonly Float64Array[];
}

/** A pivot that is not positive makes NaN of what depends on it. */
function factor({ n, rows, cols }: SparsePattern, values: Float64Array): Envelope {
  const first = Int32Array.from({ length: n }, (_, i) => i);
  for (let e = 0; e < rows.length; e++) first[rows[e]] = Math.min(first[rows[e]], cols[e]);
  const l = Array.from(first, (f, i) => new Float64Array(i - f + 1));
  for (let e = 0; e < rows.length; e++) l[rows[e]][cols[e] - first[rows[e]]] = values[e];
  for (let i = 0; i < n; i++) {
    for (let j = first[i]; j <= i; j++) {
      let sum = l[i][j - first[i]];
      for (let k = Math.max(first[i], first[j]); k < j; k++) sum -= l[i][k - first[i]] * l[j][k - first[j]];
      l[i][j - first[i]] = i === j ? Math.sqrt(sum > 0 ? sum : Number.NaN) : sum / l[j][j - first[j]];
    }
  }
  return { first, rows: l };
}

/** A⁻¹ b in place, for one right-hand side at b[c], b[c + width], … */
function solve({ first, rows }: Envelope, b: Float64Array, c = 0, width = 1): void {
  for (let i = 0; i < rows.length; i++) {
    let sum = b[i * width + c];
    for (let k = first[i]; k < i; k++) sum -= rows[i][k - first[i]] * b[k * width + c];
    b[i * width + c] = sum / rows[i][i - first[i]];
  }
  for (let i = rows.length - 1; i >= 0; i--) {
    const x = (b[i * width + c] /= rows[i][i - first[i]]);
    for (let k = first[i]; k < i; k++) b[k * width + c] -= rows[i][k - first[i]] * x;
  }
}

const sparseSolve: Kernel = (out, [a, , b], attrs) => {
  const pattern = attrs.pattern as SparsePattern;
  const width = out.cols / unknownsOf(pattern, attrs.wanted);
  const x = new Float64Array(pattern.n * width);
  for (let r = 0; r < out.rows; r++) {
    const l = factor(pattern, rowOf(a, r));
    x.fill(0).set(rowOf(b, b.kind === "param" ? 0 : r), x.length - b.cols);
    for (let c = 0; c < width; c++) solve(l, x, c, width);
    rowOf(out, r).set(x.subarray(x.length - out.cols));
  }
};

const sparseLogDet: Kernel = (out, [a], attrs) => {
  for (let r = 0; r < out.rows; r++) {
    const { rows } = factor(attrs.pattern as SparsePattern, rowOf(a, r));
    out.data[r] = rows.reduce((sum, row) => sum + 2 * Math.log(row[row.length - 1]), 0);
  }
};

const sparseInverse: Kernel = (out, [a], attrs) => {
  const pattern = attrs.pattern as SparsePattern;
  for (let r = 0; r < out.rows; r++) {
    const l = factor(pattern, rowOf(a, r));
    const columns = Array.from({ length: pattern.n }, (_, j) => {
      const unit = new Float64Array(pattern.n);
      unit[j] = 1;
      solve(l, unit);
      return unit;
    });
    const to = rowOf(out, r);
    for (let e = 0; e < to.length; e++) {
      const [i, j] = [pattern.rows[e], pattern.cols[e]];
      to[e] = (i === j ? 1 : 2) * columns[j][i];
    }
  }
};

/** The kernels of the sparse ops. */
export const sparseKernels: Readonly<Record<SparseName, Kernel>> = {
  linearMap,
  sparseMul,
  sparseOuter,
  sparseCholesky: () => {}, // factors are not kept
  sparseSolve,
  sparseLogDet,
  sparseInverse,
};
