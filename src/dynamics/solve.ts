/**
 * Inverses of small matrices, one for each sample, by Gauss–Jordan elimination with partial pivoting, in ops (Golub & Van Loan,
 * Matrix Computations, 4th ed., §3.4). A matrix is the list of its rows (B, n). There is no branch on numbers: rows are exchanged
 * by `where`, entry by entry, so derivatives flow through the order that was chosen.
 */
import { abs, columns, concat, div, mul, slice, sub, sumFeatures, where } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";

const unit = (n: number, i: number): number[] => Array.from({ length: n }, (_, k) => Number(k === i));

/** The rows (B, n) of (σ 1 − J)⁻¹, for the columns (B, n) of J. Entries are not finite where the matrix is singular. */
export function resolvent(jacobian: readonly Tensor[], sigma: number): Tensor[] {
  const n = jacobian.length;
  const all = concat(...jacobian); // entry (i, d) at d n + i
  const rows = jacobian.map((_, i) => {
    const own = jacobian.map((_column, d) => d * n + i);
    const beside = unit(n, i);
    return sub([...beside.map((x) => x * sigma), ...beside], columns(all, [...own, ...own.map(() => -1)]));
  });
  const entry = (i: number, k: number): Tensor => slice(rows[i], k, k + 1);
  for (let k = 0; k < n; k++) {
    for (let i = k + 1; i < n; i++) {
      const exchange = sub(abs(entry(i, k)), abs(entry(k, k)));
      [rows[k], rows[i]] = [where(exchange, rows[i], rows[k]), where(exchange, rows[k], rows[i])];
    }
    rows[k] = div(rows[k], entry(k, k));
    for (let i = 0; i < n; i++) if (i !== k) rows[i] = sub(rows[i], mul(rows[k], entry(i, k)));
  }
  return rows.map((row) => slice(row, n, 2 * n));
}

/** The product (B, n) of a matrix, by its rows, and a vector (B, n). */
export const product = (rows: readonly Tensor[], x: Tensor): Tensor =>
  concat(...rows.map((row) => sumFeatures(mul(row, x))));
