/** `retrodict/priors`: distributions of parameters, and how they are put together. */
export { beta } from "./distributions/beta.ts";
export { dirichlet } from "./distributions/dirichlet.ts";
export type { Distribution } from "./distributions/distribution.ts";
export { doubleExponential } from "./distributions/double-exponential.ts";
export type { PriorParameter } from "./distributions/entrywise.ts";
export { exponential } from "./distributions/exponential.ts";
export { gamma, inverseGamma } from "./distributions/gamma.ts";
export { halfCauchy } from "./distributions/half-cauchy.ts";
export { halfNormal } from "./distributions/half-normal.ts";
export { type Earlier, type JointDistribution, joint, type Part } from "./distributions/joint.ts";
export { logNormal } from "./distributions/log-normal.ts";
export {
  type Matrix,
  type MultivariateNormalOptions,
  multivariateNormal,
} from "./distributions/multivariate-normal.ts";
export { normal } from "./distributions/normal.ts";
export { ordered } from "./distributions/ordered.ts";
export { product, repeat } from "./distributions/product.ts";
export { softUniform } from "./distributions/soft-uniform.ts";
export { student } from "./distributions/student.ts";
export { truncatedNormal } from "./distributions/truncated-normal.ts";
export { uniform } from "./distributions/uniform.ts";
