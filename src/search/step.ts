/**
 * A Levenberg–Marquardt step towards the mode of a posterior, and the curvature where it starts. z is on the whole line, in prior
 * standard deviations (distributions/frame.ts), with θ = T⁻¹(z):
 *
 *   U(z) = log p(y | θ) + log p(θ) − log |dz/dθ|,   H = Jᵀ W J + P − diag(θ″ ∂log p(y | θ)/∂θ),
 *   z ← z + δ,   (H + λ (1 + diag Jᵀ W J)) δ = ∇U,
 *
 * where J = ∂f(θ)/∂z is of the noise-free data; W is their Fisher information, 1/σ² for normal noise and (ν + 1)/((ν + 3) s²) for
 * Student's, which stays positive where the curvature of an outlier does not; P = −∇² of the log-prior of z, exactly. A step is one
 * plan, in f64; climb.ts takes steps.
 */
import { isLinear } from "../distributions/distribution.ts";
import { frameOf } from "../distributions/frame.ts";
import { add, cholesky, columns, detach, input, mul, neg, square, sub, sumFeatures, triSolve } from "../graph/build.ts";
import { grad, jacobian } from "../graph/grad.ts";
import { gram, logDet, packColumns, triDiagonal } from "../graph/linear.ts";
import type { Tensor } from "../graph/tensor.ts";
import { packed, packedOrder } from "../numbers/triangles.ts";
import type { Problem } from "../problem/problem.ts";

/** Rows of a shard of the step. The Jacobians of more rows would not stay in cache. */
export const STEP_ROWS = 16;

/** Fisher information of the data, (M). @throws for a noise model that does not state it. */
function informationOf({ name, noise, M }: Problem): Float64Array {
  const { information } = noise;
  if (information === undefined)
    throw new Error(
      `laplace: expected noise that states its information, as gaussianNoise() and studentNoise() do, got "${noise.name}" in "${name}"; train an inverse map instead`,
    );
  return Float64Array.from({ length: M }, (_, m) => (typeof information === "number" ? information : information[m]));
}

/** `gauss-newton` is H as above; `newton` is H = −∇²U, with second derivatives of the model. */
export const curvatures = ["gauss-newton", "newton"] as const;
export type Curvature = (typeof curvatures)[number];

interface Objective {
  /** Parameters (B, D). */
  readonly theta: Tensor;
  /** Noise-free data (B, M). */
  readonly clean: Tensor;
  /** (B, 1): log p(θ) − log |dz/dθ|, log p(y | θ), and U, their sum. */
  readonly logPrior: Tensor;
  readonly logLikelihood: Tensor;
  readonly value: Tensor;
}

/** U(z) with its terms. @throws where the problem has no forward model. */
function traceObjective(problem: Problem, z: Tensor, y: Tensor): Objective {
  const { forward, noise, prior, name } = problem;
  if (forward === null)
    throw new Error(
      `laplace: expected a problem with a forward model written with ops, got "${name}", which has only simulate() and so no derivatives; train an inverse map instead, with objective "npe"`,
    );
  const frame = frameOf(prior);
  const theta = frame.fromGuide(z);
  const clean = forward(theta);
  const logPrior = sub(prior.logDensity(theta), frame.logDet(theta));
  const logLikelihood = noise.logDensity(y, clean);
  return { theta, clean, logPrior, logLikelihood, value: add(logLikelihood, logPrior) };
}

/**
 * One step from z (B, D) for data y (B, M) with damping λ (B, 1):
 * `value` U(z), `decrement` ½ ∇Uᵀ H⁻¹ ∇U (NaN where H is not positive definite; half the squared distance to the mode in
 * posterior standard deviations), `factor` that of H + λ(…), `logDet` its log-determinant, `next` z + δ, `nextValue`,
 * `predicted` the rise of U in the quadratic model.
 */
export function traceStep(problem: Problem, curvature: Curvature): Record<string, Tensor> {
  const { D, M } = problem;
  const z = input("z", D, { dtype: "f64" });
  const y = input("y", M, { dtype: "f64" });
  const damping = input("damping", 1, { dtype: "f64" });
  const { value, theta, clean, logPrior, logLikelihood } = traceObjective(problem, z, y);
  const gradient = grad(value, [z])[0] ?? mul(z, 0);
  const data = gram(jacobian(clean, z), informationOf(problem));
  const second = (slope: Tensor): Tensor => packColumns(jacobian(slope, z).parts);
  // The terms that remain when the model is linearised: the prior, and the bend of θ(z) along the slope of the likelihood.
  const along = grad(logLikelihood, [theta])[0];
  const bend = isLinear(problem.prior) || along === null ? null : sumFeatures(mul(detach(along), theta));
  const rest = bend === null ? logPrior : add(logPrior, bend);
  const hessian = curvature === "newton" ? neg(second(gradient)) : sub(data, second(grad(rest, [z])[0] ?? mul(z, 0)));
  const scale = add(triDiagonal(data), 1);
  const onDiagonal = Array.from({ length: packed(D) }, (_, k) => Math.max(packedOrder(k + 1) - 1, -1)); // −1: a zero
  const factor = cholesky(add(hessian, mul(columns(scale, onDiagonal), damping)));
  const half = triSolve(factor, gradient);
  const step = triSolve(factor, half, { transpose: true });
  const next = add(z, step);
  const damped = mul(sumFeatures(mul(square(step), scale)), damping);
  return {
    value,
    decrement: mul(sumFeatures(square(triSolve(cholesky(hessian), gradient))), 0.5),
    factor,
    logDet: logDet(factor),
    next,
    nextValue: traceObjective(problem, next, y).value,
    predicted: mul(add(sumFeatures(square(half)), damped), 0.5),
  };
}
