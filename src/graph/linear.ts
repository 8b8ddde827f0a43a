/**
 * Linear algebra with one small matrix for each sample, written with `cholesky`, `triMul` and `triSolve`. L (B, n(n+1)/2) is the packed
 * factor of a covariance A = L Lᵀ, row by row:
 *
 *   log |A| = 2 Σ log L_ii,   draw m + L ε,   log N(x; m, A) = −½ |L⁻¹(x − m)|² − ½ log |A| − ½ n log 2π.
 */

import { LOG_2PI } from "../numbers/math.ts";
import { packedOrder, triIndex } from "../numbers/triangles.ts";
import { expectTensors } from "./apply.ts";
import {
  add,
  columns,
  concat,
  log,
  mul,
  outerTril,
  slice,
  sqrt,
  square,
  sub,
  sumFeatures,
  triMul,
  triSolve,
} from "./build.ts";
import type { Jacobian } from "./grad.ts";
import { isTensor, type Operand, show, type Tensor } from "./tensor.ts";

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Order n of packed triangles. @throws unless they are (B, n(n+1)/2). */
function orderOf(owner: string, l: Tensor): number {
  expectTensors(owner, l);
  const n = packedOrder(l.cols);
  if (l.kind !== "batch" || n < 1) throw new Error(`${owner}: expected packed triangles (B, n(n+1)/2), got ${show(l)}`);
  return n;
}

/** The diagonals (B, n) of packed triangles. @throws unless they are (B, n(n+1)/2). */
export const triDiagonal = (l: Tensor): Tensor =>
  columns(
    l,
    range(orderOf("triDiagonal", l)).map((i) => triIndex(i, i)),
  );

/** log |L Lᵀ| (B, 1) of packed factors. @throws unless they are (B, n(n+1)/2). */
export function logDet(l: Tensor): Tensor {
  expectTensors("logDet", l);
  return mul(sumFeatures(log(triDiagonal(l))), 2);
}

/** Draws of N(mean, L Lᵀ) from standard normal noise, all (B, n). @throws when shapes do not fit. */
export const gaussianSample = (mean: Tensor, l: Tensor, noise: Tensor): Tensor => add(mean, triMul(l, noise));

/** log N(x; mean, L Lᵀ) (B, 1) of x and mean (B, n). @throws when shapes do not fit. */
export function gaussianLogDensity(x: Tensor, mean: Tensor, l: Tensor): Tensor {
  const quadratic = sumFeatures(square(triSolve(l, sub(x, mean))));
  return mul(add(add(quadratic, logDet(l)), x.cols * LOG_2PI), -0.5);
}

/** Packed lower triangle (B, n(n+1)/2) of the matrices whose n columns (B, n) are given. @throws unless they are square. */
export function packColumns(parts: readonly Tensor[]): Tensor {
  const n = parts.length;
  if (parts.some((t) => t.cols !== n))
    throw new Error(`packColumns: expected ${n} columns (B, ${n}), got ${parts.map(show).join(", ")}`);
  return columns(
    concat(...parts),
    range(n).flatMap((i) => range(i + 1).map((j) => j * n + i)),
  );
}

/**
 * Jᵀ W J (B, D(D+1)/2), packed, of a Jacobian (B, M) by (B, D) and weights ≥ 0, one number, M numbers, or a batch of one or M
 * columns: Σ_m w_m J_mi J_mj. It multiplies columns where that makes fewer nodes than outer products of rows.
 */
export function gram({ by, parts }: Jacobian, weights: Operand): Tensor {
  const roots =
    typeof weights === "number"
      ? [Math.sqrt(weights)]
      : isTensor(weights)
        ? sqrt(weights)
        : Array.from(weights, Math.sqrt);
  const rootOf = (m: number): Operand => {
    if (isTensor(roots)) return roots.cols === 1 ? roots : slice(roots, m, m + 1);
    return roots[roots.length === 1 ? 0 : m];
  };
  if (by === "rows") return sumOfSquares(parts.map((row, m) => mul(row, rootOf(m))));
  const scaled = parts.map((column) => mul(column, roots));
  const [D, M] = [parts.length, parts[0].cols];
  if (D * (D + 1) <= 3 * M)
    return concat(...range(D).flatMap((i) => range(i + 1).map((j) => sumFeatures(mul(scaled[i], scaled[j])))));
  const all = concat(...scaled); // entry (m, d) at d M + m
  return sumOfSquares(
    range(M).map((m) =>
      columns(
        all,
        range(D).map((d) => d * M + m),
      ),
    ),
  );
}

/** Σ a aᵀ over the list, packed; added one after another, so that few are alive at once. */
const sumOfSquares = (vectors: readonly Tensor[]): Tensor =>
  vectors.map((a) => outerTril(a, a)).reduce((sum, square) => add(sum, square));
