/** The elementwise ops as scalar functions, from the definitions: slow, and independent of the kernels that they test. */
import type { Activation, MapName } from "../../graph/names.ts";
import { type Dense, fill, type Kernel } from "./kernel.ts";

const SQRT_PI = Math.sqrt(Math.PI);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** erf x = 2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)): all terms of one sign (Abramowitz & Stegun 7.1.6). */
function erf(x: number): number {
  if (!(Math.abs(x) < 6)) return Number.isNaN(x) ? x : Math.sign(x);
  let term = x;
  let total = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) total += term *= (2 * x * x) / (2 * n + 1);
  return (2 / SQRT_PI) * Math.exp(-x * x) * total;
}

/** 1 − erf x for x ≥ 0, without cancellation: above 2 by its continued fraction, from the far end (A&S 7.1.14). */
function erfc(x: number): number {
  if (x < 2) return 1 - erf(x);
  let tail = 0;
  for (let n = 120; n > 0; n--) tail = n / 2 / (x + tail);
  return Math.exp(-x * x) / (SQRT_PI * (x + tail));
}

/** Φ⁻¹ by Newton's method on log Φ, which is concave: steps from the left never overshoot. */
function probit(p: number): number {
  if (!(p > 0 && p < 1)) return p === 0 ? -Infinity : p === 1 ? Infinity : Number.NaN;
  if (p > 0.5) return -probit(1 - p);
  let x = -Math.sqrt(-2 * Math.log(2 * p)); // to the left of the root, since Φ(−t) ≤ e^(−t²/2) / 2
  for (let i = 0; i < 100; i++) {
    const cdf = erfc(-x / Math.SQRT2) / 2;
    const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
    const step = (Math.log(cdf / p) * cdf) / density;
    x -= step;
    if (Math.abs(step) <= 1e-16 * Math.abs(x)) break;
  }
  return x;
}

/** ζ(k) − 1 for k ≥ 2: 58 terms of the sum, and the rest by Euler and Maclaurin's formula (Abramowitz & Stegun 23.2.3). */
function zetaLess1(k: number): number {
  const n = 60;
  let rest = n ** (1 - k) / (k - 1) + n ** -k / 2 + (k * n ** (-k - 1)) / 12;
  rest -= (k * (k + 1) * (k + 2) * n ** (-k - 3)) / 720;
  rest += (k * (k + 1) * (k + 2) * (k + 3) * (k + 4) * n ** (-k - 5)) / 30240;
  for (let m = n - 1; m > 1; m--) rest += m ** -k;
  return rest;
}
const zetas = Float64Array.from({ length: 50 }, (_, k) => (k < 2 ? 0 : zetaLess1(k)));
const EULER = 0.5772156649015329;
/** B₂, B₄, …, B₁₀ */
const BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66];
const FAR = 40; // from where five Bernoulli numbers suffice

/** Σ (−1)ᵏ weight(k) (ζ(k) − 1) t^(k − lost): log Γ(2 + t) less its linear term, and its derivative (A&S 6.1.33). */
const zetaSeries = (t: number, lost: number, weight: (k: number) => number): number =>
  zetas.reduce((sum, z, k) => (k < 2 ? sum : sum + (k % 2 ? -1 : 1) * weight(k) * z * t ** (k - lost)), 0);

/** log Γ or its derivative: from a series about 2 by recurrence, far from there by Stirling's (A&S 6.1.40, 6.3.18, 6.4.11). */
const gammaLike =
  (at0: number, near: (t: number, x: number) => number, far: (x: number) => number) =>
  (x: number): number => {
    if (!(x > 0)) return x === 0 ? at0 : Number.NaN;
    if (x >= FAR) return far(x);
    return near(x < 0.5 ? x : x < 1.5 ? x - 1 : x - Math.round(x), x);
  };

/** The numbers between x and 2 + t, those by which the recurrence steps, and the sign of the steps: + above, − below. */
function steps(x: number): { readonly list: number[]; readonly sign: number } {
  if (x < 0.5) return { list: [x, x + 1], sign: -1 };
  if (x < 1.5) return { list: [x], sign: -1 };
  return { list: Array.from({ length: Math.round(x) - 2 }, (_, k) => x - 1 - k), sign: 1 };
}

const lgamma = gammaLike(
  Infinity,
  (t, x) => {
    const { list, sign } = steps(x);
    const two = (1 - EULER) * t + zetaSeries(t, 0, (k) => 1 / k);
    return two + sign * Math.log(list.reduce((a, b) => a * b, 1));
  },
  (x) => {
    if (x === Infinity) return x;
    const tail = BERNOULLI.reduceRight((sum, b, i) => sum / (x * x) + b / ((2 * i + 2) * (2 * i + 1)), 0) / x;
    return (x - 0.5) * (Math.log(x) - 1) + (Math.log(2 * Math.PI) - 1) / 2 + tail;
  },
);

const digamma = gammaLike(
  -Infinity,
  (t, x) => {
    const { list, sign } = steps(x);
    return 1 - EULER + zetaSeries(t, 1, () => 1) + sign * list.reduceRight((sum, v) => sum + 1 / v, 0);
  },
  (x) => {
    const tail = BERNOULLI.reduceRight((sum, b, i) => (sum + b / (2 * i + 2)) / (x * x), 0);
    return Math.log(x) - 0.5 / x - tail;
  },
);

/** Σ (x + n)⁻² over all n ≥ 0 (A&S 6.4.10), of which all terms are positive; the far ones by Stirling's series. */
function trigamma(x: number): number {
  if (!(x > 0)) return x === 0 ? Infinity : Number.NaN;
  if (x < FAR) return trigamma(x + 1) + 1 / x / x;
  return 1 / x + (0.5 / x + BERNOULLI.reduceRight((sum, b) => (sum + b) / (x * x), 0)) / x;
}

const leaky = (x: number): number => (x < 0 ? 0.01 * x : x);
const relu = (x: number): number => (x < 0 ? 0 : x);

const scalars: Readonly<Record<MapName, (a: number, b: number, c: number) => number>> = {
  neg: (x) => -x,
  abs: Math.abs,
  exp: Math.exp,
  log: Math.log,
  log1p: Math.log1p,
  tanh: Math.tanh,
  sin: Math.sin,
  cos: Math.cos,
  sqrt: Math.sqrt,
  square: (x) => x * x,
  softplus,
  sigmoid,
  silu: (x) => (x < -800 ? 0 : x * sigmoid(x)),
  relu,
  leakyRelu: leaky,
  erf,
  probit,
  lgamma,
  digamma,
  trigamma,
  floor: Math.floor,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  atan2: (y, x) => Math.atan2(y, x),
  reluGrad: (y, g) => (y > 0 ? g : 0),
  leakyReluGrad: (y, g) => (y > 0 ? g : 0.01 * g),
  tanhGrad: (y, g) => g * (1 - y * y),
  sigmoidGrad: (y, g) => g * y * (1 - y),
  softplusGrad: (y, g) => -g * Math.expm1(-y),
  siluGrad: (x, g) => g * sigmoid(x) * (1 + x * sigmoid(-x)),
  where: (condition, a, b) => (condition > 0 ? a : b),
};

/** Activations that `dense` applies to its sums. */
export const activations: Readonly<Record<Activation, (x: number) => number>> = {
  linear: (x) => x,
  relu,
  leakyRelu: leaky,
  tanh: Math.tanh,
  sigmoid,
  softplus,
};

/** Broadcasts: an operand with one row or one column is read for all of them. */
function mapKernel(scalar: (a: number, b: number, c: number) => number): Kernel {
  return (out, inputs) => {
    const at = (t: Dense | undefined, r: number, c: number): number =>
      t === undefined ? 0 : t.data[(t.rows === 1 ? 0 : r * t.cols) + (t.cols === 1 ? 0 : c)];
    fill(out, (r, c) => scalar(at(inputs[0], r, c), at(inputs[1], r, c), at(inputs[2], r, c)));
  };
}

/** The kernels of the elementwise ops. */
export const mapKernels = Object.fromEntries(
  Object.entries(scalars).map(([name, scalar]) => [name, mapKernel(scalar)]),
) as Record<MapName, Kernel>;
