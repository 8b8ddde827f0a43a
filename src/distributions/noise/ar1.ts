/**
 * Normal noise that is correlated along the index of the data, a stationary autoregression of order 1 (Hamilton, Time Series Analysis,
 * §5.2): y_m = c_m + σ_m u_m with sd u_m = 1,
 *
 *   u_1 = ε_1,   u_m = φ u_(m−1) + √(1 − φ²) ε_m,
 *   log p(y|c) = −½ Σ ε_m² − Σ log σ_m − ½ (M − 1) log(1 − φ²) − ½ M log 2π.
 *
 * Its Fisher information is that of y_1 and of y_m given y_(m−1), summed: with λ = log σ, of a normal distribution with the mean
 * c_m + σ_m φ u_(m−1) and the variance σ_m² (1 − φ²),
 *
 *   |∂ε(c)|² + 2 (∂λ_1)² + Σ_(m>1) ½ (2 ∂λ_m + ∂ log(1 − φ²))² + (φ (∂λ_m − ∂λ_(m−1)) + ∂φ)²/(1 − φ²).
 */
import { check, type OptionsOf, readOptions, required } from "../../checks/options.ts";
import {
  add,
  cast,
  columns,
  concat,
  detach,
  div,
  log,
  log1p,
  mul,
  neg,
  random,
  slice,
  sqrt,
  square,
  sub,
  sumFeatures,
} from "../../graph/build.ts";
import { isTensor, type Operand, type Tensor } from "../../graph/tensor.ts";
import { LOG_2PI, log1p as log1pOf } from "../../numbers/math.ts";
import { expectBatch } from "../distribution.ts";
import {
  expectData,
  type Information,
  isNoiseParameter,
  type Noise,
  type NoiseParameter,
  ofEach,
  POSITIVE,
  plain,
  type Range,
  readParameter,
  sumLogs,
} from "./noise.ts";
import { observedNormal } from "./observed.ts";

const CORRELATION: Range = {
  expected: "between −1 and 1",
  test: (x) => x > -1 && x < 1,
  inside: (x) => [add(x, 1), sub(1, x)],
};

const parameter = check<NoiseParameter>("a number, numbers or a tensor", isNoiseParameter);

/** The options of `ar1Noise`. */
export const ar1Table = {
  /** Standard deviation of each of the data: one number, M numbers, or a tensor (B, 1) or (B, M). */
  sd: required(parameter),
  /** Correlation φ of neighbours, between −1 and 1: a number, or a tensor (B, 1). */
  correlation: required(
    check<number | Tensor>("a number or a tensor (B, 1)", (x) => typeof x === "number" || isTensor(x)),
  ),
};
/** Options of `ar1Noise`. */
export type Ar1NoiseOptions = OptionsOf<typeof ar1Table>;

/** x with its columns moved to the right by `by`, zeros before them. */
const shift = (x: Tensor, by: number): Tensor =>
  columns(
    x,
    Array.from({ length: x.cols }, (_, m) => Math.max(m - by, -1)),
  );

/** A function of φ, by numbers or by ops. */
const either = (x: Operand, ofNumber: (x: number) => number, ofTensor: (x: Tensor) => Tensor): number | Tensor =>
  isTensor(x) ? ofTensor(x) : ofNumber((x as ArrayLike<number>)[0]);

/** φ^|m − n| of all pairs of M data, packed: the correlations, numbers or (B, M(M + 1)/2). */
function powers(phi: number | Tensor, M: number): Operand {
  const lags = Array.from({ length: M }, (_, i) => Array.from({ length: i + 1 }, (_x, j) => i - j)).flat();
  if (!isTensor(phi)) {
    const of = new Float64Array(M).fill(1);
    for (let k = 1; k < M; k++) of[k] = of[k - 1] * phi;
    return lags.map((k) => of[k]);
  }
  const of = [add(mul(phi, 0), 1)];
  for (let k = 1; k < M; k++) of.push(mul(of[k - 1], phi));
  return columns(concat(...of), lags);
}

/**
 * Normal noise of equally spaced data, whose correlation falls with their distance as φ^|m − n|.
 * @throws unless every sd is positive and finite and the correlation is between −1 and 1. Where a tensor is out of its range, noise
 * and density are NaN.
 */
export function ar1Noise(options: Ar1NoiseOptions): Noise {
  const owner = "ar1Noise";
  const { sd, correlation } = readOptions(owner, ar1Table, options);
  const scale = readParameter(owner, "sd", sd, POSITIVE);
  const one = readParameter(owner, "correlation", correlation, CORRELATION);
  if (one.size !== null) throw new Error(`${owner}: expected correlation (B, 1), got one of ${one.size} columns`);
  const { size, operand: sigma } = scale;
  const phi = either(
    one.operand,
    (x) => x,
    (x) => x,
  );
  const root = either(
    one.operand,
    (x) => Math.sqrt(1 - x * x),
    (x) => sqrt(sub(1, square(x))),
  );
  const logVariance = either(
    one.operand,
    (x) => log1pOf(-x * x),
    (x) => log1p(neg(square(x))),
  );
  /** ε of data that are divided by σ. */
  const whiten = (u: Tensor, along: Operand, by: Operand): Tensor => {
    if (u.cols === 1) return u;
    const rest = div(sub(u, mul(shift(u, 1), along)), by);
    return concat(slice(u, 0, 1), slice(rest, 1, u.cols));
  };
  return Object.freeze({
    name: "ar1",
    size,
    data: "real",
    streams: 1,
    additive: true,
    ...(scale.numbers && { constantSd: plain(scale.numbers, size) }),
    draw: (clean, stream) => {
      expectBatch(owner, "noise-free data", clean, size ?? clean.cols);
      const M = clean.cols;
      const e = cast(random("normal", M, stream, clean.rows), clean.dtype);
      let u = M === 1 ? e : concat(slice(e, 0, 1), mul(slice(e, 1, M), root));
      // Doubling: after each round u_m holds twice as many of its terms φ^k ε_(m−k).
      let power = phi;
      for (let by = 1; by < M; by *= 2) {
        u = add(u, mul(shift(u, by), power));
        power = isTensor(power) ? square(power) : power * power;
      }
      return add(clean, mul(u, sigma));
    },
    logDensity: (y, clean) => {
      expectData(owner, size, y, clean);
      const M = y.cols;
      const squares = sumFeatures(square(whiten(div(sub(y, clean), sigma), phi, root)));
      const half = isTensor(logVariance) ? mul(logVariance, 0.5 * (M - 1)) : 0.5 * (M - 1) * logVariance;
      return sub(sub(mul(add(squares, M * LOG_2PI), -0.5), half), sumLogs(scale, M));
    },
    sd: (clean) => ofEach(sigma, clean),
    fisher: (clean) => {
      const still = (x: Operand): Operand => (isTensor(x) ? detach(x) : x);
      const white = { of: whiten(div(clean, still(sigma)), still(phi), still(root)), weight: 1 };
      const lambda = isTensor(sigma) ? log(sigma) : null;
      return [white, ...ofParameters(clean.cols, lambda, phi, logVariance)];
    },
    observed: (mask) => observedNormal(owner, powers(phi, mask.cols), sigma, mask),
    spec:
      scale.numbers && one.numbers
        ? { name: "ar1", sd: plain(scale.numbers, size), correlation: one.numbers[0] }
        : null,
  } satisfies Noise);
}

/** The terms of λ (B, 1) or (B, M), null for numbers, and of φ. */
function ofParameters(
  M: number,
  lambda: Tensor | null,
  phi: number | Tensor,
  logVariance: number | Tensor,
): readonly Information[] {
  const terms: Information[] = [];
  const each = lambda !== null && lambda.cols > 1 && M > 1;
  if (lambda !== null) terms.push({ of: each ? slice(lambda, 0, 1) : lambda, weight: 2 });
  if (M === 1) return terms;
  const times = each ? 1 : M - 1;
  const last = lambda === null ? null : each ? slice(lambda, 1, M) : lambda;
  const variance = last === null ? logVariance : add(mul(last, 2), logVariance);
  if (isTensor(variance)) terms.push({ of: variance, weight: times / 2 });
  const slope = each && lambda !== null ? sub(slice(lambda, 1, M), slice(lambda, 0, M - 1)) : null;
  const still = isTensor(phi) ? detach(phi) : phi;
  const mean = slope === null ? phi : add(mul(slope, still), phi);
  const rest = isTensor(still) ? sub(1, square(still)) : 1 - still * still;
  if (isTensor(mean)) terms.push({ of: mean, weight: isTensor(rest) ? div(times, rest) : times / rest });
  return terms;
}
