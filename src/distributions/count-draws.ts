/**
 * Draws of counts in ops, from counted random numbers: the same on every executor and for any number of threads, but for draws
 * where the rounding of the executor's type decides.
 *
 * Means below 10 are drawn by inversion: one uniform number against up to 40 sums of probabilities. The largest answer, 39, stands
 * for all beyond, whose probability is below 8e-13. A uniform number has 23 bits in f32: outcomes of less than 1e-7 do not occur.
 *
 * Means of 10 and more are drawn by transformed rejection: Poisson by algorithm PTRS of Hörmann, The transformed rejection method for
 * generating Poisson random variables, Insurance: Mathematics and Economics 12 (1993); binomial by BTRS of Hörmann, The generation
 * of binomial random variates, J. Stat. Comput. Simul. 46 (1993), without their squeezes. An attempt fails with probability 0.248
 * (Poisson of mean 10) and 0.291 (binomial of 20 trials at 1/2) at most, so that all of 20 and of 23 fail with less than 8e-13;
 * the answer is then the mean, rounded down. Probabilities are taken in Loader's form (Fast and accurate computation of binomial
 * probabilities, 2000), which keeps its digits for large means in single precision.
 */
import {
  abs,
  add,
  cumsum,
  div,
  exp,
  floor,
  lgamma,
  log,
  log1p,
  logSumExp,
  maximum,
  minimum,
  mul,
  neg,
  slice,
  sqrt,
  square,
  sub,
  sumFeatures,
  where,
} from "../graph/build.ts";
import { type DType, isTensor, type Operand, type Tensor } from "../graph/tensor.ts";
import { firstAccepted, GAMMA_STREAMS, gammaDraw, polynomial, repeated, uniformDraw } from "./draws.ts";

/** Means from which on rejection takes the place of inversion. */
const LARGE = 10;
/** Sums of probabilities that inversion looks at. */
const SUMS = 39;
const POISSON_ATTEMPTS = 20;
const BINOMIAL_ATTEMPTS = 23;
const TWO_PI = 6.283185307179586;

/** Streams that each kind of draw takes, from the given one on. */
export const POISSON_STREAMS = 1;
export const BINOMIAL_STREAMS = 1;
export const CATEGORICAL_STREAMS = 1;
export const NEGATIVE_BINOMIAL_STREAMS: number = GAMMA_STREAMS + POISSON_STREAMS;

/**
 * log of the Poisson probability of k ≥ 0 at mean m ≥ 10, d = k − m: −D − ½ log 2πk − Stirling's rest,
 * D = k log(k/m) − d by a series where it would cancel. Below 10 as it stands.
 */
function logPoisson(k: Tensor, m: Tensor, d: Tensor): Tensor {
  const v = div(d, add(k, m));
  const z = square(v);
  const near = mul(v, add(d, mul(mul(mul(k, 2), z), polynomial(z, [1 / 11, 1 / 9, 1 / 7, 1 / 5, 1 / 3]))));
  const large = maximum(k, LARGE);
  const far = sub(mul(k, log(div(large, m))), d);
  const deviance = where(sub(0.01, z), near, far);
  const w = div(1, large);
  const rest = mul(w, polynomial(square(w), [-1 / 1680, 1 / 1260, -1 / 360, 1 / 12]));
  const above = sub(mul(log(mul(large, TWO_PI)), -0.5), add(deviance, rest));
  const below = sub(sub(mul(k, log(m)), m), lgamma(add(minimum(maximum(k, 0), LARGE), 1)));
  return where(sub(k, LARGE - 0.5), above, below);
}

/** How many of the sums p₀, p₀ + p₁, … are below u, from p₀ and the ratio p_{k+1} / p_k = up(k) of tensors. */
function inversion(u: Tensor, first: Tensor, up: (k: number) => Operand): Tensor {
  let left = sub(u, first);
  let term = first;
  let count = where(left, add(mul(u, 0), 1), 0);
  for (let k = 0; k < SUMS - 1; k++) {
    term = mul(term, up(k));
    left = sub(left, term);
    count = where(left, add(count, 1), count);
  }
  return count;
}

/** The transformation of a uniform number that both rejections share: an integer near the mean, its distance and the test's factor. */
function proposals(u: Tensor, a: Tensor, b: Tensor, mean: Tensor, shift: number) {
  const side = sub(u, 0.5);
  const us = sub(0.5, abs(side)); // never 0
  const whole = floor(mean);
  const part = sub(mean, whole);
  // The mean is added in two parts, so that large ones do not make the steps of u coarse.
  const steps = floor(add(mul(add(div(mul(a, 2), us), b), side), add(part, shift)));
  return { k: add(whole, steps), distance: sub(steps, part), slope: add(div(a, square(us)), b), whole };
}

/** Poisson draws of a mean of 10 or more, by PTRS; `u`: two uniform numbers for each attempt of each column. */
function poissonRejection(u: Tensor, mean: Tensor, cols: number): Tensor {
  const all = POISSON_ATTEMPTS * cols;
  const wide = repeated(mean, POISSON_ATTEMPTS, u.dtype);
  const b = add(mul(sqrt(wide), 2.53), 0.931);
  const a = add(mul(b, 0.02483), -0.059);
  const inverseAlpha = add(div(1.1328, sub(b, 3.4)), 1.1239);
  const { k, distance, slope, whole } = proposals(slice(u, 0, all), a, b, wide, 0.43);
  const test = log(div(mul(slice(u, all, 2 * all), inverseAlpha), slope));
  const accepted = where(add(k, 0.5), sub(logPoisson(k, wide, distance), test), -1);
  return firstAccepted(accepted, k, slice(add(mul(k, 0), whole), 0, cols), cols);
}

const isAll = (x: Operand, test: (v: number) => boolean): boolean =>
  !isTensor(x) && (typeof x === "number" ? test(x) : Array.from(x).every(test));

/**
 * Poisson draws (rows·B, cols), whole numbers as floats. `mean` is one number, `cols` numbers, or a tensor (rows·B, 1) or
 * (rows·B, cols), 0 and above; elsewhere NaN. Takes one stream.
 */
export function poissonDraw(mean: Operand, cols: number, stream: number, rows: number, dtype: DType): Tensor {
  const small = !isAll(mean, (v) => v >= LARGE);
  const large = !isAll(mean, (v) => v < LARGE);
  const u = uniformDraw((1 + (large ? 2 * POISSON_ATTEMPTS : 0)) * cols, stream, rows, dtype);
  const own = repeated(mean, 1, dtype);
  const by = (): Tensor => {
    const m = minimum(own, LARGE);
    const first = exp(neg(m));
    return inversion(slice(u, 0, cols), add(mul(slice(u, 0, cols), 0), first), (k) => mul(m, 1 / (k + 1)));
  };
  const rejection = (): Tensor => poissonRejection(slice(u, cols, u.cols), maximum(own, LARGE), cols);
  const drawn = small && large ? where(sub(LARGE, own), by(), rejection()) : small ? by() : rejection();
  // Not a number where the mean is none, is infinite or below 0.
  return add(drawn, where(neg(own), Number.NaN, mul(own, 0)));
}

/** Binomial draws of means n p and n (1 − p) of 10 or more, by BTRS, p ≤ 1/2. */
function binomialRejection(u: Tensor, trials: Tensor, p: Tensor, cols: number): Tensor {
  const all = BINOMIAL_ATTEMPTS * cols;
  const [n, chance] = [trials, p].map((x) => repeated(x, BINOMIAL_ATTEMPTS, u.dtype));
  const mean = mul(n, chance);
  const others = mul(n, sub(1, chance));
  const sd = sqrt(mul(mean, sub(1, chance)));
  const b = add(mul(sd, 2.53), 1.15);
  const a = add(add(mul(b, 0.0248), mul(chance, 0.01)), -0.0873);
  const alpha = mul(add(div(5.1, b), 2.83), sd);
  const { k, distance, slope, whole } = proposals(slice(u, 0, all), a, b, mean, 0.5);
  // Binomial probabilities are Poisson(k; n p) Poisson(n − k; n (1 − p)) / Poisson(n; n), the last one alike for all k.
  const at = (count: Tensor, d: Tensor): Tensor =>
    add(logPoisson(count, mean, d), logPoisson(sub(n, count), others, neg(d)));
  const mode = floor(mul(add(n, 1), chance));
  const ratio = sub(at(k, distance), at(mode, sub(mode, mean)));
  const test = log(div(mul(slice(u, all, 2 * all), alpha), slope));
  const inside = minimum(add(k, 0.5), add(sub(n, k), 0.5));
  const accepted = where(inside, sub(ratio, test), -1);
  return firstAccepted(accepted, k, slice(add(mul(k, 0), whole), 0, cols), cols);
}

/**
 * Binomial draws (rows·B, cols), whole numbers as floats. `trials`, whole numbers from 0, and `probability` are one number, `cols`
 * numbers, or a tensor (rows·B, 1) or (rows·B, cols). Takes one stream. Where a probability is not in [0, 1] or
 * trials are no whole number: NaN.
 */
export function binomialDraw(
  trials: Operand,
  probability: Operand,
  cols: number,
  stream: number,
  rows: number,
  dtype: DType,
): Tensor {
  const large = !isAll(trials, (v) => v < 2 * LARGE);
  const u = uniformDraw((1 + (large ? 2 * BINOMIAL_ATTEMPTS : 0)) * cols, stream, rows, dtype);
  const first = slice(u, 0, cols);
  const zero = mul(first, 0);
  const p = add(zero, repeated(probability, 1, dtype));
  const n = add(zero, repeated(trials, 1, dtype));
  const isHigh = sub(p, 0.5);
  const q = where(isHigh, sub(1, p), p);
  const isLarge = sub(mul(n, q), LARGE * (1 - 1e-6));
  // Inversion and rejection each see numbers that they can work with, and where they are not asked any others.
  const few = where(isLarge, 0, n);
  const odds = div(q, sub(1, q));
  const drawn = inversion(first, exp(mul(few, log1p(neg(q)))), (k) =>
    mul(mul(maximum(sub(few, k), 0), odds), 1 / (k + 1)),
  );
  const both = large
    ? where(
        isLarge,
        binomialRejection(slice(u, cols, u.cols), where(isLarge, n, 40), where(isLarge, q, 0.5), cols),
        drawn,
      )
    : drawn;
  // Not a number where p is none or outside [0, 1], or trials are no whole number.
  const outside = maximum(maximum(neg(p), sub(p, 1)), maximum(neg(n), sub(n, floor(n))));
  return add(where(isHigh, sub(n, both), both), where(outside, Number.NaN, mul(mul(p, n), 0)));
}

/**
 * Negative binomial draws (rows·B, cols) of the given mean and variance mean + mean²/dispersion: Poisson draws whose mean is a gamma
 * draw. `mean` and `dispersion` are as for `poissonDraw`, the dispersion above 0. Takes three streams.
 */
export function negativeBinomialDraw(
  mean: Operand,
  dispersion: Operand,
  cols: number,
  stream: number,
  rows: number,
  dtype: DType,
): Tensor {
  const gamma = gammaDraw(dispersion, cols, stream, rows, dtype);
  const rate = mul(gamma, div(repeated(mean, 1, dtype), repeated(dispersion, 1, dtype)));
  return poissonDraw(rate, cols, stream + GAMMA_STREAMS, rows, dtype);
}

/**
 * Categorical draws (rows·B, 1): 0 … K − 1 with probabilities in proportion to the exponentials of `logits` (rows·B, K). Inversion of
 * their sums; takes one stream.
 */
export function categoricalDraw(logits: Tensor, stream: number): Tensor {
  const { cols, rows, dtype } = logits;
  const u = uniformDraw(1, stream, rows, dtype);
  if (cols === 1) return mul(add(u, logits), 0);
  const sums = cumsum(exp(sub(logits, logSumExp(logits))));
  const passed = sub(u, slice(sums, 0, cols - 1));
  const zero = abs(mul(passed, 0)); // not −0; NaN where logits are
  return sumFeatures(where(passed, add(zero, 1), zero));
}
