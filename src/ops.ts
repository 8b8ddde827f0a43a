/** `retrodict/ops`: the differentiable operations that forward models are written in. */
import { columns as anyColumns } from "./graph/build.ts";
import type { Tensor } from "./graph/tensor.ts";

export {
  abs,
  add,
  atan2,
  cholesky,
  clamp,
  concat,
  constant,
  cos,
  cumsum,
  div,
  erf,
  exp,
  log,
  log1p,
  logSumExp,
  matmul,
  maximum,
  minimum,
  mul,
  neg,
  outerTril,
  probit,
  relu,
  sigmoid,
  silu,
  sin,
  slice,
  softplus,
  split,
  sqrt,
  square,
  sub,
  sumFeatures,
  tanh,
  triMul,
  triSolve,
  where,
} from "./graph/build.ts";
export { gaussianLogDensity, gaussianSample, logDet, triDiagonal } from "./graph/linear.ts";
export type { DType, Operand, Tensor } from "./graph/tensor.ts";

/** The columns with these indices, in this order. @throws on an index that x (B, F) does not have. */
export function columns(x: Tensor, indices: readonly number[]): Tensor {
  const negative = Array.from(indices).find((i) => i < 0); // the op itself takes −1, for zeros
  if (negative !== undefined) throw new Error(`columns: expected columns in 0..${x.cols - 1}, got ${negative}`);
  return anyColumns(x, indices);
}
