/**
 * Two tasks of the benchmark of Lueckmann et al. (AISTATS 2021, appendix T), with likelihoods in ops:
 *
 *   slcp                   four draws of N((θ1, θ2), S), S11 = θ3⁴, S22 = θ4⁴, S12 = θ3² θ4² tanh θ5; 1e-6 is added to both variances
 *   Bernoulli regression   Xᵀ z, z_t = 1 with probability 1/(1 + exp(−(Xθ)_t)); log p = (Xᵀz)ᵀ θ − Σ_t log(1 + exp (Xθ)_t) + constant
 */
import { defineProblem, likelihood, type Problem, uniform } from "../../src/index.ts";
import {
  add,
  columns,
  concat,
  constant,
  div,
  log,
  matmul,
  mul,
  sigmoid,
  softplus,
  split,
  sqrt,
  square,
  sub,
  sumFeatures,
  type Tensor,
  tanh,
  where,
} from "../../src/ops.ts";
import { multivariateNormal } from "../../src/priors.ts";

const LOG_2PI = 1.8378770664093453;
const [FIRST, SECOND] = [
  [0, 2, 4, 6],
  [1, 3, 5, 7],
];
/** First entries, then second ones, as pairs. */
const PAIRED = [0, 4, 1, 5, 2, 6, 3, 7];

export const slcp: Problem = defineProblem({
  name: "slcp",
  prior: uniform(-3, [3, 3, 3, 3, 3]),
  forward: (theta) => columns(theta, [0, 1, 0, 1, 0, 1, 0, 1]),
  noise: (theta) => {
    const [, , a, b, c] = split(theta);
    const [s1, s2] = [square(a), square(b)];
    const [v1, v2] = [add(square(s1), 1e-6), add(square(s2), 1e-6)];
    const v12 = mul(mul(s1, s2), tanh(c));
    const det = sub(mul(v1, v2), square(v12));
    return likelihood({
      name: "slcp",
      logDensity: (y, clean) => {
        const off = sub(y, clean);
        const [x1, x2] = [columns(off, FIRST), columns(off, SECOND)];
        const squares = add(mul(sumFeatures(square(x1)), v2), mul(sumFeatures(square(x2)), v1));
        const quadratic = div(sub(squares, mul(mul(sumFeatures(mul(x1, x2)), v12), 2)), det);
        return add(mul(add(quadratic, mul(log(det), 4)), -0.5), -4 * LOG_2PI);
      },
      draw: (clean, random) => {
        const [e1, e2] = [random.normal(4), random.normal(4)];
        const x1 = mul(e1, sqrt(v1));
        const x2 = add(mul(e1, div(v12, sqrt(v1))), mul(e2, sqrt(div(det, v1))));
        return add(clean, columns(concat(x1, x2), PAIRED));
      },
    });
  },
});

/** Precision of the prior: ½ for the first parameter; for the others FᵀF, F = D² + diag √(i/9), D = I less ones below the diagonal. */
export function precision(): number[][] {
  const n = 9;
  const range = Array.from({ length: n }, (_, i) => i);
  const entry = (i: number, j: number): number => (i === j ? 1 : i === j + 1 ? -1 : 0);
  const F = range.map((i) =>
    range.map((j) => range.reduce((s, k) => s + entry(i, k) * entry(k, j), 0) + (i === j ? Math.sqrt(i / n) : 0)),
  );
  const inner = range.map((i) => range.map((j) => range.reduce((s, k) => s + F[k][i] * F[k][j], 0)));
  return [[0.5, ...range.map(() => 0)], ...inner.map((row) => [0, ...row])];
}

/** The regression on a design X (100, 10). */
export function bernoulliRegression(design: readonly (readonly number[])[]): Problem {
  const X = design.flat();
  const [T, D] = [design.length, design[0].length];
  const transposed = Array.from({ length: D * T }, (_, k) => design[k % T][Math.floor(k / T)]);
  const logits = (theta: Tensor): Tensor => matmul(theta, constant(transposed, theta.dtype, D));
  const counted = (z: Tensor): Tensor => matmul(z, constant(X, z.dtype, T));
  return defineProblem({
    name: "bernoulli-regression",
    prior: multivariateNormal({ mean: 0, precision: precision() }),
    forward: (theta) => counted(sigmoid(logits(theta))),
    noise: (theta) =>
      likelihood({
        name: "bernoulli-regression",
        logDensity: (y) => sub(sumFeatures(mul(y, theta)), sumFeatures(softplus(logits(theta)))),
        draw: (_clean, random) => counted(where(sub(sigmoid(logits(theta)), random.uniform(T)), 1, 0)),
      }),
  });
}
