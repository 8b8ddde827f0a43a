/** `retrodict/ops`: the differentiable operations that forward models are written in. */
export {
  abs, add, atan2, clamp, columns, concat, constant, cos, cumsum, div, erf, exp, log, log1p, logSumExp, matmul, maximum, minimum, mul, neg,
  probit, relu, sigmoid, silu, sin, slice, softplus, sqrt, square, sub, sumFeatures, tanh, where,
} from "./graph/build.ts";
export type { DType, Operand, Tensor } from "./graph/tensor.ts";
