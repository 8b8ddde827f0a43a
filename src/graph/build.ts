/** The ops as functions on symbolic tensors: what forward models, guides and objectives are written in. */
import { expectList } from "../checks/arguments.ts";
import type { SparseMatrix } from "../sparse/matrix.ts";
import type { SparsePattern } from "../sparse/pattern.ts";
import { apply, expectTensors } from "./apply.ts";
import type { Activation } from "./names.ts";
import type { SplineAttrs } from "./spline-rules.ts";
import { type DType, isTensor, show, type Tensor } from "./tensor.ts";

export { constant } from "./apply.ts";
export * from "./elementwise.ts";

// ---- leaves
/** Rows (B, cols) that the caller gives at each run; with `repeat`, one row serves many consecutive rows of the run. */
export const input = (name: string, cols: number, { dtype = "f32" as DType, repeat = false } = {}): Tensor =>
  apply("input", [], { name, cols, dtype, repeat });

/** Options of `weight`. */
export interface WeightOptions {
  /** Not trained: scalers, projections. */
  readonly frozen?: boolean;
  /** Training starts from draws of U(−init, init). */
  readonly init?: number;
}
/** A named entry (rows, cols) of the slab of weights. */
export const weight = (
  name: string,
  rows: number,
  cols: number,
  { frozen = false, init = 0 }: WeightOptions = {},
): Tensor => apply("param", [], { name, rows, cols, frozen, init, dtype: "f32" });

/** Standard draws (tiles·B, cols) of a stream: the same integers on every backend and for any number of threads. */
export const random = (distribution: "normal" | "uniform", cols: number, stream: number, tiles = 1): Tensor =>
  apply("random", [], { distribution, cols, stream, rows: tiles, dtype: "f32" });
/** Rows (B, cols) drawn from a bank, with replacement; banks drawn from with one stream give the same rows. */
export const bankRows = (bank: string, cols: number, stream: number): Tensor =>
  apply("bankRows", [], { bank, cols, stream, dtype: "f32" });
/** Ones (tiles·B, 1). */
export const ones = (dtype: DType, tiles = 1): Tensor => apply("ones", [], { cols: 1, rows: tiles, dtype });
/** (tiles·B, 1): 1 for the rows of the batch, 0 for those that pad its last block. */
export const rowWeight = (dtype: DType, tiles = 1): Tensor => apply("rowWeight", [], { cols: 1, rows: tiles, dtype });

// ---- arrangement
/** Side by side: (B, F1), (B, F2), … → (B, F1 + F2 + …). @throws unless they have one row count and type. */
export const concat = (...parts: readonly Tensor[]): Tensor =>
  parts.length === 1 && isTensor(parts[0]) ? parts[0] : apply("concat", parts);
/** The columns with these indices, in this order; −1 stands for a column of zeros. @throws on an index that x does not have. */
export const columns = (x: Tensor, indices: readonly number[]): Tensor =>
  apply("columns", [x], { indices: Array.from(indices) });
/** The columns with these indices, in this order: (B, F) → (B, indices). @throws on an index that x does not have. */
export function pickColumns(x: Tensor, indices: readonly number[]): Tensor {
  expectTensors("columns", x);
  expectList("columns", "indices", indices);
  const negative = Array.from(indices).find((i) => i < 0);
  if (negative !== undefined) throw new Error(`columns: expected columns in 0..${x.cols - 1}, got ${negative}`);
  return columns(x, indices);
}
/** Columns `from` up to, and without, `to`: (B, F) → (B, to − from). @throws unless 0 ≤ from < to ≤ F. */
export function slice(x: Tensor, from: number, to: number): Tensor {
  expectTensors("slice", x);
  if (from === 0 && to === x.cols) return x;
  if (!(from >= 0 && from < to && to <= x.cols))
    throw new Error(`slice: expected columns from < to within 0..${x.cols}, got ${from} and ${to}`);
  const indices = Array.from({ length: to - from }, (_, i) => from + i);
  return columns(x, indices);
}
/** Its columns one by one, F of (B, 1): `const [height, angle] = split(theta)`. */
export function split(x: Tensor): Tensor[] {
  expectTensors("split", x);
  return Array.from({ length: x.cols }, (_, i) => slice(x, i, i + 1));
}
/** `count` copies of a batch one after another: (B, F) → (count·B, F). */
export const tile = (x: Tensor, count: number): Tensor =>
  count === 1 && x.rows === 1 ? x : apply("tile", [x], { count });
/** The sum of the copies, (tiles·B, F) → (B, F). */
export const sumTiles = (x: Tensor): Tensor => (x.rows === 1 ? x : apply("sumTiles", [x]));
/** Parts of the columns as tiles, (T·B, count·F) → (T·count·B, F), so that one layer is applied to each. @throws unless they divide. */
export const toTiles = (x: Tensor, count: number): Tensor => (count === 1 ? x : apply("toTiles", [x], { count }));
/** `count` tiles side by side, (T·count·B, F) → (T·B, count·F): the inverse of `toTiles`. @throws unless they divide. */
export const fromTiles = (x: Tensor, count = x.rows): Tensor => (count === 1 ? x : apply("fromTiles", [x], { count }));
/** The same numbers in another type. */
export const cast = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : apply("cast", [x], { dtype }));
/** The same numbers, through which no gradient flows. */
export const detach = (x: Tensor): Tensor => apply("detach", [x]);

// ---- reductions
/** (B, F) → (B, 1); a param (R, C) → (1, 1). */
export const sumFeatures = (x: Tensor): Tensor =>
  isTensor(x) && x.cols === 1 && (x.kind === "batch" || x.rows === 1) ? x : apply("sumFeatures", [x]);
/** log Σ exp over the features, (B, F) → (B, 1). @throws unless x is a batch. */
export const logSumExp = (x: Tensor): Tensor => apply("logSumExp", [x]);
/** Running sums over the features, (B, F) → (B, F), from the last one on with `reverse`. @throws unless x is a batch. */
export const cumsum = (x: Tensor, { reverse = false } = {}): Tensor => apply("cumsum", [x], { reverse });
/** Sum over the rows, (B, F) → (1, F). */
export const batchSum = (x: Tensor): Tensor => apply("batchSum", [x]);

// ---- layers
/** activation(x · w[0:I] + w[I]): x (B, I) and w (I + 1, O), the bias last → (B, O). @throws when shapes do not fit. */
export const dense = (x: Tensor, w: Tensor, { bias = true, activation = "linear" as Activation } = {}): Tensor =>
  apply("dense", [x, w], { bias, activation });
/** x · m for a matrix m (I, O) that all samples share: (B, I) → (B, O). @throws unless x has as many columns as m has rows. */
export function matmul(x: Tensor, m: Tensor): Tensor {
  if (isTensor(x) && isTensor(m) && m.rows !== x.cols)
    throw new Error(`matmul: expected a matrix of ${x.cols} rows for x ${show(x)}, got ${show(m)}`);
  return dense(x, m, { bias: false });
}
/** dz · w[0:I]ᵀ: the cotangent (B, I) of the input of a dense layer, from dz (B, O). */
export const denseInputGrad = (dz: Tensor, w: Tensor, cols: number): Tensor =>
  apply("denseInputGrad", [dz, w], { cols });
/** [xᵀ · dz; Σ dz]: the cotangent (rows, O) of the weights of a dense layer, from its input and dz (B, O). */
export const denseWeightGrad = (x: Tensor, dz: Tensor, rows: number, bias: boolean): Tensor =>
  apply("denseWeightGrad", [x, dz], { rows, bias });

// ---- packed lower triangles (B, n(n+1)/2), row by row: (0,0), (1,0), (1,1), …
/** L x, or Lᵀ x with `transpose`: x (B, n) → (B, n). @throws when shapes do not fit. */
export const triMul = (l: Tensor, x: Tensor, { transpose = false } = {}): Tensor =>
  apply("triMul", [l, x], { transpose });
/** L⁻¹ x, or L⁻ᵀ x with `transpose`: x (B, n) → (B, n). @throws when shapes do not fit. */
export const triSolve = (l: Tensor, x: Tensor, { transpose = false } = {}): Tensor =>
  apply("triSolve", [l, x], { transpose });
/** The packed lower triangle of a bᵀ, of a and b (B, n). @throws unless they have one shape. */
export const outerTril = (a: Tensor, b: Tensor): Tensor => apply("outerTril", [a, b]);
/** The packed Cholesky factor of packed symmetric positive-definite matrices, NaN where one is not. @throws unless packed. */
export const cholesky = (a: Tensor): Tensor => apply("cholesky", [a]);
/** The cotangent of a matrix from its factor and the cotangent of that, all packed. */
export const choleskyGrad = (l: Tensor, g: Tensor): Tensor => apply("choleskyGrad", [l, g]);

// ---- splines
/** Monotone splines: x (B, D) and raw parameters (B, D(3K − 1)) → values and log-derivatives (B, 2D). */
export const spline = (x: Tensor, parameters: Tensor, attrs: SplineAttrs): Tensor =>
  apply("spline", [x, parameters], { ...attrs });
/** Cotangents (B, D + D(3K − 1)) of the values and parameters of splines, from the cotangent g (B, 2D). */
export const splineGrad = (x: Tensor, parameters: Tensor, g: Tensor, attrs: SplineAttrs): Tensor =>
  apply("splineGrad", [x, parameters, g], { ...attrs });

// ---- sparse matrices
/** out_g = Σ_f m_gf x_f for a fixed sparse matrix m (G, F): (B, F) → (B, G). */
export const linearMap = (x: Tensor, matrix: SparseMatrix): Tensor => apply("linearMap", [x], { matrix });
/** A x for symmetric matrices A by their entries (B, K) and vectors (B, n · width), unknown by unknown. */
export const sparseMul = (values: Tensor, x: Tensor, pattern: SparsePattern): Tensor =>
  apply("sparseMul", [values, x], { pattern });
/** The factor of each entry of A in aᵀ A b, summed over right-hand sides: (B, n · width) twice → (B, K). */
export const sparseOuter = (a: Tensor, b: Tensor, pattern: SparsePattern): Tensor =>
  apply("sparseOuter", [a, b], { pattern });
/** The Cholesky factor, read only by `sparseSolve` and the like. `coefficients` (B, E): those that a failure is blamed on. */
export const sparseCholesky = (values: Tensor, pattern: SparsePattern, coefficients?: Tensor): Tensor =>
  apply("sparseCholesky", coefficients === undefined ? [values] : [values, coefficients], { pattern });
/** Which of the unknowns right-hand sides are given for, and which are wanted: the last of the pattern, where it has any, or all. */
export interface SolvePart {
  readonly given?: "last";
  readonly wanted?: "last";
}
/**
 * A⁻¹ b with the factor of A: b (B, n · width), or (1, n · width) shared by all samples. Where b is `given` for the last unknowns
 * of the pattern (it is 0 elsewhere), or x is `wanted` there alone, it has so many numbers a side, and the substitution through the
 * others is left out.
 */
export const sparseSolve = (
  values: Tensor,
  factor: Tensor,
  b: Tensor,
  pattern: SparsePattern,
  { given, wanted }: SolvePart = {},
): Tensor => apply("sparseSolve", [values, factor, b], { pattern, ...(given && { given }), ...(wanted && { wanted }) });
/** log det A (B, 1) with the factor of A. */
export const sparseLogDet = (values: Tensor, factor: Tensor, pattern: SparsePattern): Tensor =>
  apply("sparseLogDet", [values, factor], { pattern });
/** The entries of A⁻¹ on the pattern, those off the diagonal twice: the derivative of log det A by its entries. */
export const sparseInverse = (values: Tensor, factor: Tensor, pattern: SparsePattern): Tensor =>
  apply("sparseInverse", [values, factor], { pattern });
