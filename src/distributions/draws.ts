/**
 * Draws of gamma, beta and Dirichlet distributions in ops, from counted random numbers: the same on every executor and for any
 * number of threads, up to the rounding of the executor's type.
 *
 * A gamma draw of shape α ≥ 1 is d (1 + w)³, d = α − 1/3, w = x / √(9d), x normal, accepted with probability
 *
 *   exp(x²/2 + d − dv + d log v) = exp(3d (log(1 + w) − w + w²/2 − w³/3)),   v = (1 + w)³
 *
 * (Marsaglia & Tsang, A simple method for generating gamma variables, ACM Trans. Math. Software 26 (2000)); the right-hand side does
 * not cancel for large α. A shape below 1 is that of α + 1 times U^(1/α) (their §6), in logarithms, which do not underflow. An
 * attempt is accepted with probability 0.952 or more, so all of ten fail with less than 7e-14; the answer is then d (1 + w)³ at w = 0,
 * within 1 % of the median. Beta and Dirichlet draws are ratios of gamma draws, taken in logarithms.
 */
import {
  add,
  cast,
  clamp,
  columns,
  concat,
  constant,
  div,
  exp,
  log,
  log1p,
  logSumExp,
  maximum,
  mul,
  random,
  sigmoid,
  slice,
  sqrt,
  square,
  sub,
  where,
} from "../graph/build.ts";
import { type DType, isTensor, type Operand, type Tensor } from "../graph/tensor.ts";

/** Streams of random numbers that gamma, beta and Dirichlet draws take, from the given one on. */
export const GAMMA_STREAMS = 2;

const ATTEMPTS = 10;
const UNIT = 1.1920928955078125e-7; // 2^-23, the spacing of uniform numbers
/** The least normal numbers, and the largest below 1. */
const EDGES = {
  f32: [1.1754943508222875e-38, 0.9999999403953552],
  f64: [2.2250738585072014e-308, 0.9999999999999999],
} as const;

/** Uniform numbers (rows·B, cols): of 23 bits in f32, of 46 bits in f64, from twice as many. */
export function uniformDraw(cols: number, stream: number, rows: number, dtype: DType): Tensor {
  if (dtype === "f32") return random("uniform", cols, stream, rows);
  const both = cast(random("uniform", 2 * cols, stream, rows), dtype);
  return add(slice(both, 0, cols), mul(sub(slice(both, cols, 2 * cols), 0.5), UNIT));
}

/** A parameter of draws (B, cols) as a tensor that broadcasts over `count` copies side by side. */
export function repeated(x: Operand, count: number, dtype: DType): Tensor {
  if (!isTensor(x)) {
    const list = typeof x === "number" ? [x] : Array.from(x);
    const copies = list.length === 1 ? 1 : count;
    return constant(
      Array.from({ length: copies * list.length }, (_, i) => list[i % list.length]),
      dtype,
    );
  }
  const own = cast(x, dtype);
  if (own.cols === 1 || count === 1) return own;
  return columns(
    own,
    Array.from({ length: count * own.cols }, (_, i) => i % own.cols),
  );
}

/** The first of the attempts side by side in `values` (B, attempts · cols) whose `accepted` is above 0; `otherwise` if none is. */
export function firstAccepted(accepted: Tensor, values: Tensor, otherwise: Operand, cols: number): Tensor {
  const attempts = values.cols / cols;
  let first: Operand = otherwise;
  for (let i = attempts - 1; i >= 0; i--) {
    const at = [i * cols, (i + 1) * cols] as const;
    first = where(slice(accepted, ...at), slice(values, ...at), first);
  }
  return first as Tensor;
}

/** A polynomial by Horner's rule, its coefficients from the highest power. */
export const polynomial = (x: Tensor, [highest, next, ...rest]: readonly number[]): Tensor =>
  rest.reduce((sum, c) => add(mul(sum, x), c), add(mul(x, highest), next));

/** log(1 + w) − w + w²/2 − w³/3, by its series where the difference would cancel. */
function logRemainder(w: Tensor): Tensor {
  const series = mul(square(square(w)), polynomial(w, [1 / 11, -1 / 10, 1 / 9, -1 / 8, 1 / 7, -1 / 6, 1 / 5, -1 / 4]));
  const direct = sub(log1p(w), mul(w, polynomial(w, [1 / 3, -1 / 2, 1])));
  return where(sub(0.15 * 0.15, square(w)), series, direct);
}

interface GammaParts {
  /** (rows·B, cols): d, w and log U^(1/α), 0 for α ≥ 1. */
  readonly d: Tensor;
  readonly w: Tensor;
  readonly boost: Tensor;
}

function gammaParts(shape: Operand, cols: number, stream: number, rows: number, dtype: DType): GammaParts {
  const atLeast1 = (alpha: Tensor): Tensor => where(sub(1, alpha), add(alpha, 1), alpha);
  const wide = sub(atLeast1(repeated(shape, ATTEMPTS, dtype)), 1 / 3);
  const x = cast(random("normal", ATTEMPTS * cols, stream, rows), dtype);
  const u = uniformDraw((ATTEMPTS + 1) * cols, stream + 1, rows, dtype);
  const attempts = div(x, mul(sqrt(wide), 3));
  const inside = maximum(attempts, -0.9999); // beyond is rejected: the acceptance there is below e^−10
  const accept = sub(mul(mul(wide, 3), logRemainder(inside)), log(slice(u, 0, ATTEMPTS * cols)));
  const accepted = where(add(attempts, 0.9999), accept, -1);
  const alpha = repeated(shape, 1, dtype);
  const positive = where(alpha, alpha, Number.NaN);
  const logU = log(slice(u, ATTEMPTS * cols, (ATTEMPTS + 1) * cols));
  return {
    d: sub(atLeast1(positive), 1 / 3),
    w: firstAccepted(accepted, attempts, 0, cols),
    boost: where(sub(1, alpha), div(logU, positive), mul(logU, 0)),
  };
}

/**
 * Gamma draws (rows·B, cols) of scale 1. `shape` is one number, `cols` numbers, or a tensor (rows·B, 1) or (rows·B, cols). Takes two
 * streams. Draws of a shape far below 1 may underflow to 0, which `logGammaDraw` does not. Where a shape is not positive: NaN.
 */
export function gammaDraw(shape: Operand, cols: number, stream: number, rows: number, dtype: DType): Tensor {
  const { d, w, boost } = gammaParts(shape, cols, stream, rows, dtype);
  const cube = add(w, 1);
  return mul(mul(mul(square(cube), cube), exp(boost)), d);
}

/** The logarithms of gamma draws of scale 1, as `gammaDraw`, for any positive shape. */
export function logGammaDraw(shape: Operand, cols: number, stream: number, rows: number, dtype: DType): Tensor {
  const { d, w, boost } = gammaParts(shape, cols, stream, rows, dtype);
  return add(add(mul(log1p(w), 3), boost), log(d));
}

/** Shapes of two gamma draws side by side, (…, 2 cols). */
function sideBySide(a: Operand, b: Operand, cols: number, stream: number, rows: number, dtype: DType): Operand {
  if (typeof a === "number" && typeof b === "number")
    return [...new Array<number>(cols).fill(a), ...new Array<number>(cols).fill(b)];
  const zero = mul(cast(random("uniform", cols, stream, rows), dtype), 0); // of the shape of the draws
  const whole = (x: Operand): Tensor => add(zero, repeated(x, 1, dtype));
  return concat(whole(a), whole(b));
}

/**
 * Beta draws (rows·B, cols) of shapes a and b, each one number, `cols` numbers, or a tensor (rows·B, 1) or (rows·B, cols). Takes two
 * streams. Draws stay inside (0, 1): those that the type would round to 0 or 1 are the nearest numbers within.
 */
export function betaDraw(a: Operand, b: Operand, cols: number, stream: number, rows: number, dtype: DType): Tensor {
  const both = logGammaDraw(sideBySide(a, b, cols, stream, rows, dtype), 2 * cols, stream, rows, dtype);
  const x = sigmoid(sub(slice(both, 0, cols), slice(both, cols, 2 * cols)));
  const [least, most] = EDGES[dtype];
  return clamp(x, least, most);
}

/**
 * Dirichlet draws (rows·B, K) of shapes (K numbers, or a tensor (rows·B, K)), which sum to 1. Takes two streams. Entries that the type
 * would round to 0 are the least normal number.
 */
export function dirichletDraw(shape: Operand, K: number, stream: number, rows: number, dtype: DType): Tensor {
  const logs = logGammaDraw(shape, K, stream, rows, dtype);
  return maximum(exp(sub(logs, logSumExp(logs))), EDGES[dtype][0]);
}
