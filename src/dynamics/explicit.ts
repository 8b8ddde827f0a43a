/**
 * Explicit Runge–Kutta methods as data, and one loop over their stages.
 *
 *   k_i = f(t + c_i h, u + h Σ_{j<i} a_ij k_j),   u(t + h) ≈ u + h Σ b_i k_i,   u(t + θh) ≈ u + h Σ w_i(θ) k_i
 *
 * The last stage k_{s+1} = f(t + h, u(t + h)) serves the interpolant and the estimate of the error alone.
 *
 *   tsit5    order 5, free interpolant of order 4: Tsitouras, Computers & Mathematics with Applications 62 (2011) 770–775
 *   dopri5   order 5: Dormand & Prince, J. Comput. Appl. Math. 6 (1980) 19–26; its interpolant of order 4: Hairer, Nørsett &
 *            Wanner, Solving Ordinary Differential Equations I, 2nd ed., §II.6
 *   rk4      order 4, the classical method of Kutta (1901), with the cubic Hermite polynomial of the two ends, of order 3
 *
 * An interpolant of order q leaves an error of O(h^(q+1)) in its step, which is not passed on: between steps the three methods
 * converge with orders 5, 5 and 4, as at the steps.
 */
import type { Tensor } from "../graph/tensor.ts";
import { combine, type Method, type Model, type Moment } from "./method.ts";

/** The numbers of a method. */
export interface Tableau {
  readonly name: string;
  readonly order: number;
  /** Order of the interpolant. */
  readonly within: number;
  /** Nodes c_1 … c_s, and c_{s+1} = 1. */
  readonly c: readonly number[];
  /** Rows a_1 … a_s. */
  readonly a: readonly (readonly number[])[];
  readonly b: readonly number[];
  /** Weights (s + 1) of the estimate of the error of a step. */
  readonly error: readonly number[];
  /** Weights (s + 1) of the interpolant at a share θ of the step. */
  readonly weights: (theta: number) => number[];
}

export const tsit5Tableau: Tableau = {
  name: "tsit5",
  order: 5,
  within: 4,
  c: [0, 0.161, 0.327, 0.9, 0.9800255409045097, 1, 1],
  a: [
    [],
    [0.161],
    [-0.008480655492356989, 0.335480655492357],
    [2.8971530571054935, -6.359448489975075, 4.3622954328695815],
    [5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525],
    [5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383],
  ],
  b: [0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774],
  error: [
    -0.00178001105222577714, -0.0008164344596567469, 0.007880878010261995, -0.1447110071732629, 0.5823571654525552,
    -0.45808210592918697, 0.015151515151515152,
  ],
  weights: (x) => [
    -1.0530884977290216 * x * (x - 1.329989018975141) * (x * x - 1.4364028541716351 * x + 0.7139816917074209),
    0.1017 * x * x * (x * x - 2.1966568338249754 * x + 1.2949852507374631),
    2.4906272856512528 * x * x * (x * x - 2.3853564547206166 * x + 1.5780346820809249),
    -16.548102889244902 * (x - 1.2171292729553325) * (x - 0.616204060378001) * x * x,
    47.37952196281928 * (x - 1.2030712083723627) * (x - 0.6580472926535474) * x * x,
    -34.87065786149661 * (x - 1.2) * (x - 0.6666666666666666) * x * x,
    2.5 * (x - 1) * (x - 0.6) * x * x,
  ],
};

const DOPRI_B = [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0];
const DOPRI_D = [
  -12715105075 / 11282082432,
  0,
  87487479700 / 32700410799,
  -10690763975 / 1880347072,
  701980252875 / 199316789632,
  -1453857185 / 822651844,
  69997945 / 29380423,
];

export const dopri5Tableau: Tableau = {
  name: "dopri5",
  order: 5,
  within: 4,
  c: [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1],
  a: [
    [],
    [1 / 5],
    [3 / 40, 9 / 40],
    [44 / 45, -56 / 15, 32 / 9],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  ],
  b: DOPRI_B.slice(0, 6),
  error: [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40],
  weights: (x) => {
    const y = 1 - x;
    return DOPRI_B.map((b, i) => {
      const [first, last] = [Number(i === 0), Number(i === 6)];
      return x * (b + y * (first - b + x * (2 * b - first - last + y * DOPRI_D[i])));
    });
  },
};

export const rk4Tableau: Tableau = {
  name: "rk4",
  order: 4,
  within: 3,
  c: [0, 1 / 2, 1 / 2, 1, 1],
  a: [[], [1 / 2], [0, 1 / 2], [0, 0, 1]],
  b: [1 / 6, 1 / 3, 1 / 3, 1 / 6],
  error: [0, 0, 0, 1 / 6, -1 / 6],
  weights: (x) => {
    const end = x * x * (3 - 2 * x);
    const slopes = [x * (1 - x) * (1 - x), 0, 0, 0, x * x * (x - 1)];
    return slopes.map((slope, i) => slope + end * ([1 / 6, 1 / 3, 1 / 3, 1 / 6][i] ?? 0));
  },
};

/** A method that evaluates the right-hand side alone. */
export function explicit(tableau: Tableau): Method {
  const { name, order, within, c, a, b, error, weights } = tableau;
  const stages = (model: Model, u: Tensor, at: (stage: number) => Moment, h: number, whole: boolean): Tensor[] => {
    const k: Tensor[] = [];
    for (const row of whole ? [...a, b] : a) {
      const weights = row.map((x) => h * x);
      k.push(model.slope(at(k.length), combine(u, k, weights)));
    }
    return k;
  };
  return { name, order, within, nodes: c, drifts: false, step: b, error, weights, scale: (h) => h, stages };
}
