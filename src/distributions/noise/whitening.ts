/**
 * Normal noise of the data together, with a covariance of numbers Σ = L Lᵀ, factored once in double precision:
 *
 *   log p(y|c) = −½ |L⁻¹(y − c)|² − Σ log L_mm − ½ M log 2π,   drawn as c + L ε,
 *
 * with Fisher information Σ⁻¹ on c.
 */
import { describe } from "../../checks/arguments.ts";
import { constant, matmul } from "../../graph/build.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { log as logOf } from "../../numbers/math.ts";
import { diagonalOf, factorise, packed, solveLower, triIndex } from "../../numbers/triangles.ts";

/** Most data: the factor and its inverse are full matrices. */
const MOST_DATA = 2048;
/** Entries that mirror each other may differ by so much, relative to the largest. */
const SYMMETRY = 1e-12;

/** A covariance of M data: a list of M rows, or M² numbers row by row. */
export type Covariance = readonly ArrayLike<number>[] | ArrayLike<number>;

/** The packed lower triangle of a covariance (M, M). @throws where it is not square, finite or symmetric. */
export function readCovariance(owner: string, given: Covariance): Float64Array {
  const expected = `${owner}: expected covariance (M, M), a list of M rows of M numbers or M² numbers`;
  if (typeof given !== "object" || given === null || !("length" in given))
    throw new Error(`${expected}, got ${describe(given)}`);
  const nested = typeof given[0] === "object" && given[0] !== null;
  const M = nested ? given.length : Math.round(Math.sqrt(given.length));
  const rows = nested ? (given as readonly ArrayLike<number>[]) : null;
  const odd = rows === null ? -1 : Array.from(rows).findIndex((row) => row?.length !== M);
  if (odd >= 0) throw new Error(`${expected}, got ${M} rows with ${rows?.[odd]?.length} numbers in row ${odd + 1}`);
  if (M < 1 || (rows === null && given.length !== M * M)) throw new Error(`${expected}, got ${given.length} numbers`);
  if (M > MOST_DATA) throw new Error(`${owner}: expected a covariance of at most ${MOST_DATA} data, got ${M}`);
  const at = (i: number, j: number): number => (rows === null ? (given as ArrayLike<number>)[i * M + j] : rows[i][j]);
  const out = new Float64Array(packed(M));
  let largest = 0;
  for (let i = 0; i < M; i++)
    for (let j = 0; j < M; j++) {
      const x = at(i, j);
      if (typeof x !== "number" || !Number.isFinite(x))
        throw new Error(
          `${owner}: expected finite numbers in covariance, got ${describe(x)} in row ${i + 1}, column ${j + 1}`,
        );
      largest = Math.max(largest, Math.abs(x));
    }
  for (let i = 0; i < M; i++)
    for (let j = 0; j <= i; j++) {
      if (!(Math.abs(at(i, j) - at(j, i)) <= SYMMETRY * largest))
        throw new Error(
          `${owner}: expected a symmetric covariance, got ${at(i, j)} in row ${i + 1}, column ${j + 1}, and ${at(j, i)} on the other side`,
        );
      out[triIndex(i, j)] = at(i, j);
    }
  return out;
}

/** What noise does with a factor L of fixed numbers, on rows (B, M). */
export interface Whitening {
  readonly M: number;
  /** L⁻¹ x. */
  readonly whiten: (x: Tensor) => Tensor;
  /** L x. */
  readonly colour: (x: Tensor) => Tensor;
  /** Σ log L_mm. */
  readonly logDiagonal: number;
}

/** Factors a packed covariance, which it overwrites. @throws where it is not positive definite, with the row. */
export function whitening(owner: string, covariance: Float64Array): Whitening {
  const variances = diagonalOf(covariance);
  const M = variances.length;
  const bad = factorise(covariance);
  if (bad >= 0)
    throw new Error(
      `${owner}: expected a positive definite covariance, got one whose datum ${bad + 1} has the variance ${variances[bad]} and none left given those before it (pivot ${covariance[triIndex(bad, bad)]})`,
    );
  const [colour, white] = [new Float64Array(M * M), new Float64Array(M * M)];
  for (let k = 0; k < M; k++) {
    const column = new Float64Array(M); // column k of L⁻¹
    column[k] = 1;
    solveLower(covariance, column);
    for (let i = k; i < M; i++) {
      colour[k * M + i] = covariance[triIndex(i, k)];
      white[k * M + i] = column[i];
    }
  }
  return {
    M,
    whiten: (x) => matmul(x, constant(white, x.dtype, M)),
    colour: (x) => matmul(x, constant(colour, x.dtype, M)),
    logDiagonal: diagonalOf(covariance).reduce((sum, l) => sum + logOf(l), 0),
  };
}
