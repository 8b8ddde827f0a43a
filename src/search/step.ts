/**
 * A Levenberg–Marquardt step towards the mode of a posterior, and the curvature where it starts. z is on the whole line, in prior
 * standard deviations (distributions/frame.ts), with θ = T⁻¹(z):
 *
 *   U(z) = log p(y | θ) + log p(θ) − log |dz/dθ|,   H = Jᵀ W J + P − diag(θ″ ∂log p(y | θ)/∂θ),
 *   z ← z + δ,   (H + λ (1 + diag Jᵀ W J)) δ = ∇U,
 *
 * where Jᵀ W J is the Fisher information of the data about z: J = ∂f/∂z of the noise-free data f, and of parameters of the noise
 * that depend on θ or f, with weights W that the noise states (distributions/noise). It stays positive where the curvature of an
 * outlier does not. P = −∇² of the log-prior of z, exactly. Noise that states no information takes the Hessian of the
 * log-likelihood in place of both terms of it. A step is one plan, in f64; climb.ts takes steps.
 */
import { isLinear } from "../distributions/distribution.ts";
import { frameOf } from "../distributions/frame.ts";
import type { Noise } from "../distributions/noise/noise.ts";
import {
  abs,
  add,
  cholesky,
  columns,
  detach,
  input,
  mul,
  neg,
  square,
  sub,
  sumFeatures,
  triSolve,
} from "../graph/build.ts";
import { grad, hessian as hessianOf, jacobian } from "../graph/grad.ts";
import { gram, logDet, packColumns, triDiagonal } from "../graph/linear.ts";
import { type Tensor, topological } from "../graph/tensor.ts";
import { packed, packedOrder } from "../numbers/triangles.ts";
import type { Problem } from "../problem/problem.ts";

/** Rows of a shard of the step. The Jacobians of more rows would not stay in cache. */
export const STEP_ROWS = 16;

/** Jᵀ W J, packed; null for noise that does not state its information. */
export function informationOf({ fisher }: Noise, clean: Tensor, y: Tensor, z: Tensor): Tensor | null {
  if (fisher === undefined) return null;
  const terms = fisher(clean, y).filter(({ of }) => topological([of]).includes(z));
  const squares = terms.map(({ of, weight }) => gram(jacobian(of, z), weight));
  return squares.length === 0 ? null : squares.reduce((sum, term) => add(sum, term));
}

/** `gauss-newton` is H as above; `newton` is H = −∇²U, with second derivatives of the model. */
export const curvatures = ["gauss-newton", "newton"] as const;
export type Curvature = (typeof curvatures)[number];

interface Objective {
  /** Parameters (B, D). */
  readonly theta: Tensor;
  /** Noise-free data (B, M). */
  readonly clean: Tensor;
  readonly noise: Noise;
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
  const at = noise.at(theta, clean);
  const logLikelihood = at.logDensity(y, clean);
  return { theta, clean, noise: at, logPrior, logLikelihood, value: add(logLikelihood, logPrior) };
}

/** U(z) of rows of z (B, D) and data (B, width), without derivatives. */
export function traceValue(problem: Problem): Tensor {
  const { D, layout } = problem;
  return traceObjective(problem, input("z", D, { dtype: "f64" }), input("y", layout.width, { dtype: "f64" })).value;
}

/**
 * One step from z (B, D) for rows of data y (B, width) with damping λ (B, 1):
 * `value` U(z), `decrement` ½ ∇Uᵀ H⁻¹ ∇U (NaN where H is not positive definite; half the squared distance to the mode in
 * posterior standard deviations), `factor` that of H + λ(…), `logDet` its log-determinant, `next` z + δ, `nextValue`,
 * `predicted` the rise of U in the quadratic model.
 */
export function traceStep(problem: Problem, curvature: Curvature): Record<string, Tensor> {
  const { D, layout } = problem;
  const z = input("z", D, { dtype: "f64" });
  const y = input("y", layout.width, { dtype: "f64" });
  const damping = input("damping", 1, { dtype: "f64" });
  const { value, theta, clean, noise, logPrior, logLikelihood } = traceObjective(problem, z, y);
  const gradient = grad(value, [z])[0] ?? mul(z, 0);
  const data = informationOf(noise, clean, y, z);
  const second = (of: Tensor): Tensor => packColumns(hessianOf(of, z));
  // The terms that remain when the model is linearised: the prior, and the bend of θ(z) along the slope of the likelihood.
  const along = grad(logLikelihood, [theta])[0];
  const bend = isLinear(problem.prior) || along === null ? null : sumFeatures(mul(detach(along), theta));
  const rest = bend === null ? logPrior : add(logPrior, bend);
  const hessian = curvature === "newton" || data === null ? neg(second(value)) : sub(data, second(rest));
  // Without an information, which is never negative, the size of the curvature is the scale of the damping.
  const scale = add(data === null ? abs(triDiagonal(hessian)) : triDiagonal(data), 1);
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
