/**
 * Modes of posteriors by the method of Levenberg and Marquardt, many rows at once, and the curvature there. On the whole
 * line, in prior standard deviations (density.ts), with θ = T⁻¹(z):
 *
 *   U(z) = log p(y | θ) + log p(θ) − log |dz/dθ|,   H = Jᵀ W J + P − diag(θ″ ∂log p(y | θ)/∂θ),
 *   z ← z + δ,   (H + λ (1 + diag Jᵀ W J)) δ = ∇U,
 *
 * J = ∂f(θ)/∂z of the noise-free data; W their Fisher information: 1/σ² for normal noise, (ν + 1)/((ν + 3) s²) for Student's,
 * which stays positive where the curvature of an outlier does not; P = −∇² of the log-prior of z, exactly. A step is one
 * plan, in f64. λ follows the gain, row by row (Nielsen, Damping parameter in Marquardt's method, report IMM-REP-1999-05),
 * and is 0 near the mode.
 */
import type { Executor } from "./backends/backend.ts";
import { frameOf } from "./density.ts";
import { add, cholesky, columns, detach, input, mul, neg, square, sub, sumFeatures, triSolve } from "./graph/build.ts";
import { grad, jacobian } from "./graph/grad.ts";
import { gram, logDet, packSymmetric, triDiagonal } from "./graph/linear.ts";
import { packed, packedOrder, type Tensor } from "./graph/tensor.ts";
import { isUnbounded } from "./posterior.ts";
import type { Problem } from "./problem.ts";

/** Fisher information of each of the M data. @throws for a noise model that does not state it. */
function informationOf({ name, noise, M }: Problem): Float64Array {
  const { information } = noise;
  if (information === undefined)
    throw new Error(
      `laplace: expected noise that states its information, as gaussianNoise() and studentNoise() do, got "${noise.name}" in "${name}"; train an inverse map instead`,
    );
  return Float64Array.from({ length: M }, (_, m) => (typeof information === "number" ? information : information[m]));
}

/** `gauss-newton`: H as above. `newton`: H = −∇²U, second derivatives of the model with it. */
export type Curvature = "gauss-newton" | "newton";
export const curvatures: readonly Curvature[] = ["gauss-newton", "newton"];

interface Objective {
  /** (B, D) and the noise-free data (B, M). */
  readonly theta: Tensor;
  readonly clean: Tensor;
  /** (B, 1): log p(θ) − log |dz/dθ|, log p(y | θ), and U, their sum. */
  readonly logPrior: Tensor;
  readonly logLikelihood: Tensor;
  readonly value: Tensor;
}

/** U(z) and what it is made of. @throws where the problem has no forward model. */
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
  const second = (slope: Tensor): Tensor => packSymmetric(jacobian(slope, z).parts);
  // What remains when the model alone is taken for linear: the prior, and the bend of θ(z) along the slope of the likelihood.
  const along = grad(logLikelihood, [theta])[0];
  const bend = isUnbounded(problem.prior) || along === null ? null : sumFeatures(mul(detach(along), theta));
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

/** Half a squared distance to the mode in posterior standard deviations: where it counts as found, and where a search ends. */
const CONVERGED = 1e-8;
const TIGHT = 1e-20;
/** Below this much to gain, and where the model was right, steps are Gauss–Newton's own. */
const NEAR = 1e-4;
const RIGHT = 0.8;
const FIRST_DAMPING = 1e-3;
const SMALL_DAMPING = 1e-2;
const MOST_DAMPING = 1e12;
/** Rounding of U, relative to 1 + |U|: a fall by less is none. */
const ROUNDING = 1e-11;

export interface Climb {
  /** Where it ended, (D). */
  readonly z: Float64Array;
  /** U there; −∞ where it was not finite at the start. */
  readonly value: number;
  /** Half the squared distance to the mode in posterior standard deviations, by the quadratic model; NaN where H has none. */
  readonly decrement: number;
  readonly converged: boolean;
  readonly iterations: number;
  /** Packed Cholesky factor C of H = C Cᵀ, or of H + λ(…) with the least λ that makes it positive definite. */
  readonly factor: Float64Array;
  readonly logDet: number;
  readonly damping: number;
}
interface Climber {
  z: Float64Array;
  /** False where U is not finite at the start. */
  finite: boolean;
  decrement: number;
  damping: number;
  /** What the damping is multiplied by when the next step is refused. */
  growth: number;
  iterations: number;
  done: boolean;
}

/** What the plan of `traceStep` says of one row. */
interface Answer {
  readonly value: number;
  readonly decrement: number;
  readonly next: Float64Array;
  readonly nextValue: number;
  readonly predicted: number;
  readonly factor: Float64Array;
  readonly logDet: number;
}

/** One run of the step for rows of z, data and dampings. */
async function ask(
  executor: Executor,
  plan: string,
  z: readonly Float64Array[],
  y: readonly Float64Array[],
  damping: readonly number[],
): Promise<Answer[]> {
  const flat = (rows: readonly Float64Array[]): Float64Array => {
    const out = new Float64Array(rows.length * rows[0].length);
    for (const [i, row] of rows.entries()) out.set(row, i * row.length);
    return out;
  };
  const inputs = { z: flat(z), y: flat(y), damping: Float64Array.from(damping) };
  const out = (await executor.run(plan, { rows: z.length, inputs })) as Record<string, Float64Array>;
  const row = (name: string, i: number): Float64Array => {
    const width = out[name].length / z.length;
    return out[name].subarray(i * width, (i + 1) * width);
  };
  return z.map((_, i) => ({
    value: out.value[i],
    decrement: out.decrement[i],
    next: row("next", i),
    nextValue: out.nextValue[i],
    predicted: out.predicted[i],
    factor: row("factor", i),
    logDet: out.logDet[i],
  }));
}

/** Moves one climber, or tightens its damping. */
function advance(c: Climber, { value, decrement, next, nextValue, predicted }: Answer): void {
  const before = c.decrement;
  c.iterations++;
  c.decrement = decrement;
  c.finite = Number.isFinite(value);
  c.done = !c.finite;
  if (c.done) return;
  const slack = ROUNDING * (1 + Math.abs(value));
  if (nextValue >= value - slack && next.every(Number.isFinite)) {
    c.z = next.slice();
    if (predicted > slack) {
      // A gain of 1: the model is right; below ½ steps overshoot, as they do where its curvature is too small.
      const rest = 2 * ((nextValue - value) / predicted) - 1;
      if (rest < 0) c.damping = Math.max(c.damping, FIRST_DAMPING);
      // Right after a refusal the damping is kept: where it is needed all the way, it would be refused every other step.
      c.damping *= Math.min(2, Math.max(c.growth > 2 ? 1 : 0.1, 1 - rest * rest * rest));
      if (decrement < NEAR && rest > RIGHT && c.damping < SMALL_DAMPING) c.damping = 0;
    }
    c.growth = 2;
    // Where rounding sets the distance to the mode, more steps do not shorten it.
    c.done = decrement <= TIGHT || (decrement <= CONVERGED && decrement > 0.25 * before);
    return;
  }
  c.damping = Math.max(c.damping, FIRST_DAMPING) * c.growth;
  c.growth *= 2;
  c.done = c.damping > MOST_DAMPING;
}

/**
 * Climbs from each of the starts (N, D) for its data (N, M), all rows in one run a step; rows that are there drop out.
 * `plan` is one of `traceStep`.
 */
export async function climb(
  executor: Executor,
  plan: string,
  starts: readonly Float64Array[],
  data: readonly Float64Array[],
  most: number,
): Promise<Climb[]> {
  const climbers = starts.map(
    (z): Climber => ({
      z,
      finite: true,
      decrement: Number.POSITIVE_INFINITY,
      damping: FIRST_DAMPING,
      growth: 2,
      iterations: 0,
      done: false,
    }),
  );
  const run = async (which: readonly number[], damping: (n: number) => number): Promise<[number, Answer][]> => {
    const rows = (of: (n: number) => Float64Array): Float64Array[] => which.map(of);
    const answers = await ask(
      executor,
      plan,
      rows((n) => climbers[n].z),
      rows((n) => data[n]),
      which.map(damping),
    );
    return which.map((n, r) => [n, answers[r]]);
  };
  const all = climbers.map((_, n) => n);
  for (let i = 0; i < most; i++) {
    const left = all.filter((n) => !climbers[n].done);
    if (left.length === 0) break;
    for (const [n, answer] of await run(left, (k) => climbers[k].damping)) advance(climbers[n], answer);
  }
  // The curvature where they ended; where it is not positive definite, that of the least damping that makes it so.
  const ends: Climb[] = [];
  let left = all;
  for (let damping = 0; left.length > 0 && damping <= MOST_DAMPING; damping = Math.max(10 * damping, FIRST_DAMPING)) {
    for (const [n, { value, decrement, factor, logDet }] of await run(left, () => damping)) {
      const { z, finite, iterations } = climbers[n];
      const ended = { z, iterations, decrement, factor: factor.slice(), logDet, damping };
      const at = finite && Number.isFinite(value) ? value : Number.NEGATIVE_INFINITY;
      ends[n] = { ...ended, value: at, converged: decrement <= CONVERGED };
    }
    left = left.filter((n) => ends[n].value > Number.NEGATIVE_INFINITY && Number.isNaN(ends[n].logDet));
  }
  return ends;
}
