/** The ops as functions on symbolic tensors: what forward models, guides and objectives are written in. */

import type { SparseMatrix } from "../sparse/matrix.ts";
import type { SparsePattern } from "../sparse/pattern.ts";
import { type Activation, apply, type OpName, type SplineAttrs } from "./ops.ts";
import { type DType, isTensor, type Operand, show, type Tensor } from "./tensor.ts";

/** Fixed numbers as a param (rows, columns), row by row. @throws unless they are numbers, and as many as rows × columns. */
export function constant(values: number | ArrayLike<number>, dtype: DType = "f32", rows = 1): Tensor {
  const list = typeof values === "number" ? [values] : Array.from(values ?? []);
  const bad = list.findIndex((x) => typeof x !== "number");
  if (bad >= 0) throw new Error(`constant: expected numbers, got ${String(list[bad])} at index ${bad}`);
  if (dtype !== "f32" && dtype !== "f64") throw new Error(`constant: expected type f32 or f64, got ${String(dtype)}`);
  if (list.length === 0 || !(rows >= 1) || list.length % rows !== 0)
    throw new Error(`constant: expected numbers for ${rows} rows of one length, got ${list.length} numbers`);
  return apply("constant", [], { values: list, rows, cols: list.length / rows, dtype });
}

/** Numbers take the type of the tensors that they meet. */
function lift(name: string, operands: readonly Operand[]): Tensor[] {
  const dtype = operands.find(isTensor)?.dtype;
  if (dtype === undefined) throw new Error(`${name}: expected at least one tensor, got numbers only`);
  return operands.map((x) => (isTensor(x) ? x : constant(x, dtype)));
}

// The types are spelled out: OpName is made from the table, whose rules call these functions.
type Unary = (x: Tensor) => Tensor;
type Binary = (a: Operand, b: Operand) => Tensor;
const map1 =
  (op: OpName): Unary =>
  (x) =>
    apply(op, [x]);
const map2 =
  (op: OpName): Binary =>
  (a, b) =>
    apply(op, lift(op, [a, b]));

// Elementwise, one operand.
export const neg: Unary = /* @__PURE__ */ map1("neg");
export const abs: Unary = /* @__PURE__ */ map1("abs");
export const exp: Unary = /* @__PURE__ */ map1("exp");
export const log: Unary = /* @__PURE__ */ map1("log");
export const log1p: Unary = /* @__PURE__ */ map1("log1p");
export const tanh: Unary = /* @__PURE__ */ map1("tanh");
export const sin: Unary = /* @__PURE__ */ map1("sin");
export const cos: Unary = /* @__PURE__ */ map1("cos");
export const sqrt: Unary = /* @__PURE__ */ map1("sqrt");
export const square: Unary = /* @__PURE__ */ map1("square");
export const softplus: Unary = /* @__PURE__ */ map1("softplus");
export const sigmoid: Unary = /* @__PURE__ */ map1("sigmoid");
export const silu: Unary = /* @__PURE__ */ map1("silu");
export const relu: Unary = /* @__PURE__ */ map1("relu");
export const leakyRelu: Unary = /* @__PURE__ */ map1("leakyRelu");
export const erf: Unary = /* @__PURE__ */ map1("erf");
export const probit: Unary = /* @__PURE__ */ map1("probit");

// Elementwise, two operands; either may be a number or one number a column.
export const add: Binary = /* @__PURE__ */ map2("add");
export const sub: Binary = /* @__PURE__ */ map2("sub");
export const mul: Binary = /* @__PURE__ */ map2("mul");
export const div: Binary = /* @__PURE__ */ map2("div");
export const maximum: Binary = /* @__PURE__ */ map2("maximum");
export const minimum: Binary = /* @__PURE__ */ map2("minimum");
export const atan2: Binary = /* @__PURE__ */ map2("atan2");
export const clamp = (x: Tensor, low: Operand, high: Operand): Tensor => minimum(maximum(x, low), high);

// Derivatives of maps, from their output (silu: from its input).
export const reluGrad: Binary = /* @__PURE__ */ map2("reluGrad");
export const leakyReluGrad: Binary = /* @__PURE__ */ map2("leakyReluGrad");
export const tanhGrad: Binary = /* @__PURE__ */ map2("tanhGrad");
export const sigmoidGrad: Binary = /* @__PURE__ */ map2("sigmoidGrad");
export const softplusGrad: Binary = /* @__PURE__ */ map2("softplusGrad");
export const siluGrad: Binary = /* @__PURE__ */ map2("siluGrad");

/** condition > 0 ? a : b, elementwise. */
export const where = (condition: Tensor, a: Operand, b: Operand): Tensor =>
  apply("where", lift("where", [condition, a, b]));

// ---- leaves
/** Rows (B, cols) that the caller gives at each run; with `repeat`, one row serves many consecutive rows of the run. */
export const input = (name: string, cols: number, { dtype = "f32" as DType, repeat = false } = {}): Tensor =>
  apply("input", [], { name, cols, dtype, repeat });

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

export const bankRows = (bank: string, cols: number, stream: number): Tensor =>
  apply("bankRows", [], { bank, cols, stream, dtype: "f32" });
export const ones = (dtype: DType, tiles = 1): Tensor => apply("ones", [], { cols: 1, rows: tiles, dtype });
export const rowWeight = (dtype: DType, tiles = 1): Tensor => apply("rowWeight", [], { cols: 1, rows: tiles, dtype });

// ---- arrangement
/** Side by side: (B, F1), (B, F2), … → (B, F1 + F2 + …). */
export const concat = (...parts: readonly Tensor[]): Tensor => (parts.length === 1 ? parts[0] : apply("concat", parts));
/** The columns with these indices, in this order; −1 stands for a column of zeros. */
export const columns = (x: Tensor, indices: readonly number[]): Tensor =>
  apply("columns", [x], { indices: Array.from(indices) });
/** Columns `from` up to, and without, `to`. */
export function slice(x: Tensor, from: number, to: number): Tensor {
  if (from === 0 && to === x.cols) return x;
  if (!(from >= 0 && from < to && to <= x.cols))
    throw new Error(`slice: expected columns from < to within 0..${x.cols}, got ${from} and ${to}`);
  return columns(
    x,
    Array.from({ length: to - from }, (_, i) => from + i),
  );
}
/** Its columns one by one: `const [height, angle] = split(theta)`. */
export const split = (x: Tensor): Tensor[] => Array.from({ length: x.cols }, (_, i) => slice(x, i, i + 1));
export const tile = (x: Tensor, count: number): Tensor =>
  count === 1 && x.rows === 1 ? x : apply("tile", [x], { count });
export const sumTiles = (x: Tensor): Tensor => (x.rows === 1 ? x : apply("sumTiles", [x]));
export const cast = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : apply("cast", [x], { dtype }));
export const detach = (x: Tensor): Tensor => apply("detach", [x]);

// ---- reductions
/** (B, F) → (B, 1); a param (R, C) → (1, 1). */
export const sumFeatures = (x: Tensor): Tensor =>
  x.cols === 1 && (x.kind === "batch" || x.rows === 1) ? x : apply("sumFeatures", [x]);
/** log Σ exp over the features, (B, F) → (B, 1). */
export const logSumExp = (x: Tensor): Tensor => apply("logSumExp", [x]);
export const cumsum = (x: Tensor, { reverse = false } = {}): Tensor => apply("cumsum", [x], { reverse });
/** (B, F) → (1, F). */
export const batchSum = (x: Tensor): Tensor => apply("batchSum", [x]);

// ---- layers and triangles
export const dense = (x: Tensor, w: Tensor, { bias = true, activation = "linear" as Activation } = {}): Tensor =>
  apply("dense", [x, w], { bias, activation });
/** x · m for a fixed matrix m (I, O). */
export function matmul(x: Tensor, m: Tensor): Tensor {
  if (isTensor(x) && isTensor(m) && m.rows !== x.cols)
    throw new Error(`matmul: expected a matrix of ${x.cols} rows for x ${show(x)}, got ${show(m)}`);
  return dense(x, m, { bias: false });
}
export const denseInputGrad = (dz: Tensor, w: Tensor, cols: number): Tensor =>
  apply("denseInputGrad", [dz, w], { cols });
export const denseWeightGrad = (x: Tensor, dz: Tensor, rows: number, bias: boolean): Tensor =>
  apply("denseWeightGrad", [x, dz], { rows, bias });
export const triMul = (l: Tensor, x: Tensor, { transpose = false } = {}): Tensor =>
  apply("triMul", [l, x], { transpose });
export const triSolve = (l: Tensor, x: Tensor, { transpose = false } = {}): Tensor =>
  apply("triSolve", [l, x], { transpose });
export const outerTril = (a: Tensor, b: Tensor): Tensor => apply("outerTril", [a, b]);
/** The packed Cholesky factor (B, n(n+1)/2) of packed symmetric positive-definite matrices. */
export const cholesky = (a: Tensor): Tensor => apply("cholesky", [a]);
export const choleskyGrad = (l: Tensor, g: Tensor): Tensor => apply("choleskyGrad", [l, g]);

// ---- flows
export const spline = (x: Tensor, parameters: Tensor, attrs: SplineAttrs): Tensor =>
  apply("spline", [x, parameters], { ...attrs });
export const splineGrad = (x: Tensor, parameters: Tensor, g: Tensor, attrs: SplineAttrs): Tensor =>
  apply("splineGrad", [x, parameters, g], { ...attrs });

// ---- sparse matrices
/** out_g = Σ_f m_gf x_f for a fixed sparse matrix m (G, F): (B, F) → (B, G). */
export const linearMap = (x: Tensor, matrix: SparseMatrix): Tensor => apply("linearMap", [x], { matrix });
/** A x for symmetric matrices A by their entries (B, K) and vectors (B, n · width), unknown by unknown. */
export const sparseMul = (values: Tensor, x: Tensor, pattern: SparsePattern): Tensor =>
  apply("sparseMul", [values, x], { pattern });
/** What a symmetric matrix is multiplied with in aᵀ A b, entry by entry, summed over right-hand sides: (B, n · width) twice → (B, K). */
export const sparseOuter = (a: Tensor, b: Tensor, pattern: SparsePattern): Tensor =>
  apply("sparseOuter", [a, b], { pattern });
/** The Cholesky factor, for `sparseSolve` and the like alone. `elements` (B, E): coefficients that a failure is blamed on. */
export const sparseCholesky = (values: Tensor, pattern: SparsePattern, elements?: Tensor): Tensor =>
  apply("sparseCholesky", elements === undefined ? [values] : [values, elements], { pattern });
/** A⁻¹ b with the factor of A: b (B, n · width), or (1, n · width) for all samples alike. */
export const sparseSolve = (values: Tensor, factor: Tensor, b: Tensor, pattern: SparsePattern): Tensor =>
  apply("sparseSolve", [values, factor, b], { pattern });
/** log det A (B, 1) with the factor of A. */
export const sparseLogDet = (values: Tensor, factor: Tensor, pattern: SparsePattern): Tensor =>
  apply("sparseLogDet", [values, factor], { pattern });
/** The entries of A⁻¹ on the pattern, those off the diagonal twice: the derivative of log det A by its entries. */
export const sparseInverse = (values: Tensor, factor: Tensor, pattern: SparsePattern): Tensor =>
  apply("sparseInverse", [values, factor], { pattern });
