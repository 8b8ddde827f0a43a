/**
 * Rodas, a stiffly accurate, L-stable Rosenbrock method of order 4 with six stages and one inverse a step,
 *
 *   (1/γh − J) V_i = f(t + α_i h, u + Σ_{j<i} a_ij V_j) + (1/h) Σ_{j<i} c_ij V_j + γ_i h ∂f/∂t,   J = ∂f/∂u(t, u),
 *   u(t + h) ≈ u + Σ m_j V_j,
 *
 * with an embedded method of order 3, whose difference is V_6, and an interpolant of order 3: Hairer & Wanner, Solving Ordinary
 * Differential Equations II, 2nd ed., §IV.7 and the coefficients of RODAS in §VI.4.
 * J and ∂f/∂t are Jacobian–vector products of the right-hand side, so the order does not depend on differences.
 */
import { add, mul } from "../graph/build.ts";
import { jacobian } from "../graph/grad.ts";
import type { Tensor } from "../graph/tensor.ts";
import { combine, type Method, type Model, type Moment } from "./method.ts";
import { product, resolvent } from "./solve.ts";

const GAMMA = 0.25;
const ALPHA = [0, 0.386, 0.21, 0.63, 1, 1];
const GAMMAS = [0.25, -0.1043, 0.1035, -0.03620000000000023, 0, 0];
const FIFTH = [1.221224509226641, 6.019134481288629, 12.53708332932087, -0.687886036105895];
const A: readonly (readonly number[])[] = [
  [],
  [1.544],
  [0.9466785280815826, 0.2557011698983284],
  [3.314825187068521, 2.896124015972201, 0.9986419139977817],
  FIFTH,
  [...FIFTH, 1],
];
const C: readonly (readonly number[])[] = [
  [],
  [-5.6688],
  [-2.430093356833875, -0.2063599157091915],
  [-0.1073529058151375, -9.594562251023355, -20.47028614809616],
  [7.496443313967647, -10.24680431464352, -33.99990352819905, 11.7089089320616],
  [8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054],
];
const M = [...FIFTH, 1, 1];
const H2 = [10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823, 1.025137723295662, 0];
const H3 = [-0.6762803392801253, 6.087714651680015, 16.43084320892478, 24.76722511418386, -6.594389125716872, 0];

function stages(model: Model, u: Tensor, at: (stage: number) => Moment, h: number): Tensor[] {
  const first = model.slope(at(0), u);
  const inverse = resolvent(jacobian(first, u).parts, 1 / (GAMMA * h));
  const drift = model.drift(at(0), first);
  const v: Tensor[] = [];
  for (const [i, row] of A.entries()) {
    const slope = i === 0 ? first : model.slope(at(i), combine(u, v, row));
    const coupled = combine(
      slope,
      v,
      C[i].map((c) => c / h),
    );
    v.push(product(inverse, drift === null || GAMMAS[i] === 0 ? coupled : add(coupled, mul(drift, GAMMAS[i] * h))));
  }
  return v;
}

/** The implicit method, for stiff equations. */
export const rosenbrock: Method = {
  name: "rosenbrock",
  order: 4,
  within: 3,
  nodes: ALPHA,
  drifts: true,
  step: M,
  error: [0, 0, 0, 0, 0, 1],
  weights: (x) => M.map((m, j) => x * (m + (1 - x) * (H2[j] + x * H3[j]))),
  scale: () => 1,
  stages,
};

/** The coefficients, for those who check them. */
export const rosenbrockTables = { gamma: GAMMA, a: A, c: C, nodes: ALPHA, drifts: GAMMAS } as const;
