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
