/** `retrodict/ops`: the differentiable operations that forward models are written in. */
export { simplexWeights } from "./distributions/simplex-line.ts";
export {
  cholesky,
  concat,
  constant,
  cumsum,
  logSumExp,
  matmul,
  outerTril,
  pickColumns as columns,
  slice,
  split,
  sumFeatures,
  triMul,
  triSolve,
} from "./graph/build.ts";
export * from "./graph/elementwise.ts";
export { gaussianLogDensity, gaussianSample, logDet, triDiagonal } from "./graph/linear.ts";
export { type ScanEmission, type ScanOptions, type ScanStep, scan } from "./graph/scan.ts";
export type { DType, Operand, Tensor } from "./graph/tensor.ts";
