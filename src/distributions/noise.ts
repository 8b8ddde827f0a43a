/**
 * y = c + noise, independent entries, c (B, M) the noise-free data.
 *
 *   normal    log p(y|c) = −½ Σ ((y − c)/σ)² − Σ log σ − ½ M log 2π
 *   Student   log p(y|c) = Σ log Γ((ν+1)/2) − log Γ(ν/2) − ½ log νπ − log s − ½(ν+1) log(1 + ((y − c)/s)²/ν)
 *             drawn as s √(ν (U^(−2/ν) − 1)) cos 2πV with U, V uniform, exactly:
 *             Bailey, Polar generation of random variates with the t-distribution, Math. Comp. 62 (1994).
 */

import { isPositive, type Numbers, requireEach, spread } from "../checks/arguments.ts";
import { type Check, check, number, type OptionsOf, readOptions, required } from "../checks/options.ts";
import {
  add,
  cast,
  cos,
  div,
  exp,
  log,
  log1p,
  mul,
  random,
  slice,
  sqrt,
  square,
  sub,
  sumFeatures,
  tanh,
  where,
} from "../graph/build.ts";
import { show, type Tensor } from "../graph/tensor.ts";
import { LOG_2PI, lgamma, log as logOf } from "../numbers/math.ts";
import { expectBatch } from "./distribution.ts";

/** A noise model: the density of data given noise-free data. */
export interface Noise {
  /** Name of the family: `"gaussian"`. */
  readonly name: string;
  /** Number M of data that it is made for; null: any number. */
  readonly size: number | null;
  /** Standard deviation of each of the data, or one for all; where it is infinite (Student, ν ≤ 2), the scale. */
  readonly sd: number | readonly number[];
  /** Fisher information of each of the data, or one for all, on its noise-free value. Gauss–Newton methods weigh misfits with it. */
  readonly information?: number | readonly number[];
  /** Whether noise is added to data, whatever they are: then it is the same for data less an offset. */
  readonly additive?: boolean;
  /** Noisy data (T·B, M) from noise-free ones (T·B, M), with one stream of random numbers. */
  draw(clean: Tensor, stream: number): Tensor;
  /** Normalised log density (T·B, 1) of data y given the noise-free data, both (T·B, M) and of one type. */
  logDensity(y: Tensor, clean: Tensor): Tensor;
  /** The family and its numbers as plain JSON data. */
  readonly spec: unknown;
}

const LOG_PI = 1.1447298858494002;
const TWO_PI = 6.283185307179586;

/** Whether a value is a noise model. */
export function isNoise(x: unknown): x is Noise {
  if (typeof x !== "object" || x === null) return false;
  const { draw, logDensity, size } = x as Partial<Noise>;
  return typeof draw === "function" && typeof logDensity === "function" && (size === null || Number.isInteger(size));
}

/** A noise model, among options. */
export const noiseModel: Check<Noise> = check("a noise model, as gaussianNoise() returns it", isNoise);

/** @throws unless the data and the noise-free data are batches of one size, M where the noise has a list of M numbers. */
export function expectData(owner: string, size: number | null, y: Tensor, clean: Tensor): void {
  expectBatch(owner, "noise-free data", clean, size ?? clean.cols);
  expectBatch(owner, "y", y, clean.cols);
  if (y.rows !== clean.rows) throw new Error(`${owner}: expected y ${show(clean)}, got ${show(y)}`);
}

/** The numbers of a spec: one for all data, or a list of M. */
export const plain = (values: Float64Array, size: number | null): number | readonly number[] =>
  size === null ? values[0] : Object.freeze(Array.from(values));

/** Σ over the data of −log scale, for M data. */
export const logScales = (scale: Float64Array, size: number | null, count: number): number =>
  size === null ? -count * logOf(scale[0]) : scale.reduce((sum, s) => sum - logOf(s), 0);

/**
 * Normal noise; `sd` is one number for all data, or a list of M numbers.
 * @throws unless every sd is positive and finite.
 */
export function gaussianNoise(sd: Numbers): Noise {
  const scale = spread("gaussianNoise", { sd }).sd;
  requireEach("gaussianNoise", "sd", scale, "> 0 and finite", isPositive);
  const size = typeof sd === "number" ? null : scale.length;
  return Object.freeze({
    name: "gaussian",
    size,
    sd: plain(scale, size),
    information: plain(
      scale.map((s) => 1 / (s * s)),
      size,
    ),
    additive: true,
    draw: (clean, stream) => {
      expectBatch("gaussianNoise", "noise-free data", clean, size ?? clean.cols);
      return add(clean, mul(cast(random("normal", clean.cols, stream, clean.rows), clean.dtype), scale));
    },
    logDensity: (y, clean) => {
      expectData("gaussianNoise", size, y, clean);
      const constant = logScales(scale, size, y.cols) - 0.5 * y.cols * LOG_2PI;
      return add(mul(sumFeatures(square(div(sub(y, clean), scale))), -0.5), constant);
    },
    spec: { name: "gaussian", sd: plain(scale, size) },
  } satisfies Noise);
}

/** exp(x) − 1 for x ≥ 0 without cancellation, which would make the draws for large ν coarse. */
function expm1(x: Tensor): Tensor {
  const t = tanh(mul(x, 0.5));
  return where(sub(x, 1), sub(exp(x), 1), div(mul(t, 2), sub(1, t)));
}

/** The options of `studentNoise`. */
export const studentTable = {
  /** Scale s: one number for all data, or a list of M numbers. */
  scale: required(check<Numbers>("a number or numbers", (x) => typeof x === "number" || typeof x === "object")),
  /** Degrees of freedom ν, at least 0.5. */
  degrees: required(number("a finite number of at least 0.5", (x) => x >= 0.5 && x < Infinity)),
};
/** Options of `studentNoise`. */
export type StudentNoiseOptions = OptionsOf<typeof studentTable>;

/**
 * Student's t noise: heavy tails, for data with outliers. `scale` is one number for all data or a list of M numbers;
 * `degrees` is ν, at least 0.5, because draws of fewer could overflow single precision; ν = 1 is Cauchy.
 * @throws unless every scale is positive and finite, and degrees at least 0.5.
 */
export function studentNoise(options: StudentNoiseOptions): Noise {
  const { scale: scales, degrees } = readOptions("studentNoise", studentTable, options);
  const { scale } = spread("studentNoise", { scale: scales });
  requireEach("studentNoise", "scale", scale, "> 0 and finite", isPositive);
  const size = typeof scales === "number" ? null : scale.length;
  const half = (degrees + 1) / 2;
  const each = lgamma(half) - lgamma(degrees / 2) - 0.5 * (logOf(degrees) + LOG_PI);
  const sd = scale.map((s) => (degrees > 2 ? s * Math.sqrt(degrees / (degrees - 2)) : s));
  return Object.freeze({
    name: "student",
    size,
    sd: plain(sd, size),
    // E[(∂ log p/∂c)²] (Lange, Little & Taylor, JASA 84 (1989), appendix B).
    information: plain(
      scale.map((s) => (degrees + 1) / ((degrees + 3) * s * s)),
      size,
    ),
    additive: true,
    draw: (clean, stream) => {
      expectBatch("studentNoise", "noise-free data", clean, size ?? clean.cols);
      const both = cast(random("uniform", 2 * clean.cols, stream, clean.rows), clean.dtype);
      const [u, v] = [slice(both, 0, clean.cols), slice(both, clean.cols, 2 * clean.cols)];
      const radius = sqrt(mul(expm1(mul(log(u), -2 / degrees)), degrees));
      return add(clean, mul(mul(radius, cos(mul(v, TWO_PI))), scale));
    },
    logDensity: (y, clean) => {
      expectData("studentNoise", size, y, clean);
      const squares = square(div(sub(y, clean), scale));
      const constant = logScales(scale, size, y.cols) + y.cols * each;
      return add(mul(sumFeatures(log1p(div(squares, degrees))), -half), constant);
    },
    spec: { name: "student", scale: plain(scale, size), degrees },
  } satisfies Noise);
}

/**
 * The noise model of problems with `noise: null`, whose data already include noise, from the simulator or from an experiment. It
 * adds nothing, and has no likelihood.
 */
export const includedNoise: Noise = Object.freeze({
  name: "included",
  size: null,
  sd: 0,
  additive: true,
  draw: (clean) => clean,
  logDensity: () => {
    throw new Error(
      'noise: expected a noise model with a likelihood, got noise: null (the data include their own); use objective "npe"',
    );
  },
  spec: { name: "included" },
} satisfies Noise);
