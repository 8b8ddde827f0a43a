/**
 * Student's t noise of independent entries,
 *
 *   log p(y|c) = Σ log Γ((ν+1)/2) − log Γ(ν/2) − ½ log νπ − log s − ½(ν+1) log(1 + ((y − c)/s)²/ν),
 *
 * drawn as s √(ν (U^(−2/ν) − 1)) cos 2πV with U, V uniform, exactly: Bailey, Polar generation of random variates with the
 * t-distribution, Math. Comp. 62 (1994). Its Fisher information is (ν + 1)/((ν + 3) s²) on c and 2ν/((ν + 3) s²) on s (Lange,
 * Little & Taylor, JASA 84 (1989), appendix B).
 */
import { type Check, check, number, type OptionsOf, readOptions, required } from "../../checks/options.ts";
import {
  add,
  cast,
  cos,
  div,
  log,
  log1p,
  mul,
  random,
  slice,
  sqrt,
  square,
  sub,
  sumFeatures,
} from "../../graph/build.ts";
import type { Operand, Tensor } from "../../graph/tensor.ts";
import { lgamma, log as logOf } from "../../numbers/math.ts";
import { expectBatch } from "../distribution.ts";
import {
  expectData,
  expm1,
  type Information,
  isNoiseParameter,
  logScales,
  type Noise,
  type NoiseParameter,
  ofEach,
  POSITIVE,
  plain,
  readParameter,
} from "./noise.ts";

const LOG_PI = 1.1447298858494002;
const TWO_PI = 6.283185307179586;

const parameter: Check<NoiseParameter> = check("a number, numbers or a tensor", isNoiseParameter);

/** The options of `studentNoise`. */
export const studentTable = {
  /** Scale s: one number for all data, a list of M numbers, or a tensor (B, 1) or (B, M). */
  scale: required(parameter),
  /** Degrees of freedom ν, at least 0.5. */
  degrees: required(number("a finite number of at least 0.5", (x) => x >= 0.5 && x < Infinity)),
};
/** Options of `studentNoise`. */
export type StudentNoiseOptions = OptionsOf<typeof studentTable>;

/**
 * Student's t noise: heavy tails, for data with outliers. `scale` is one number for all data, a list of M numbers, or a tensor
 * (B, 1) or (B, M); `degrees` is ν, at least 0.5, because draws of fewer could overflow single precision; ν = 1 is Cauchy.
 * @throws unless every scale is positive and finite, and degrees at least 0.5. Where a tensor is not positive, noise and density
 * are NaN.
 */
export function studentNoise(options: StudentNoiseOptions): Noise {
  const { scale: scales, degrees } = readOptions("studentNoise", studentTable, options);
  const { numbers, operand: scale, size } = readParameter("studentNoise", "scale", scales, POSITIVE);
  const half = (degrees + 1) / 2;
  const constant = lgamma(half) - lgamma(degrees / 2) - 0.5 * (logOf(degrees) + LOG_PI);
  const perScale = degrees > 2 ? Math.sqrt(degrees / (degrees - 2)) : 1;
  const squares = (y: Tensor, clean: Tensor): Tensor => {
    expectData("studentNoise", size, y, clean);
    return square(div(sub(y, clean), scale));
  };
  const each = (y: Tensor, clean: Tensor): Tensor => {
    const kernel = add(mul(log1p(div(squares(y, clean), degrees)), -half), constant);
    return numbers === null ? sub(kernel, log(scale as Tensor)) : sub(kernel, numbers.map(logOf));
  };
  return Object.freeze({
    name: "student",
    size,
    data: "real",
    streams: 1,
    additive: true,
    ...(numbers && {
      constantSd: plain(
        numbers.map((s) => s * perScale),
        size,
      ),
    }),
    draw: (clean, stream) => {
      expectBatch("studentNoise", "noise-free data", clean, size ?? clean.cols);
      const both = cast(random("uniform", 2 * clean.cols, stream, clean.rows), clean.dtype);
      const [u, v] = [slice(both, 0, clean.cols), slice(both, clean.cols, 2 * clean.cols)];
      const radius = sqrt(mul(expm1(mul(log(u), -2 / degrees)), degrees));
      return add(clean, mul(mul(radius, cos(mul(v, TWO_PI))), scale));
    },
    logDensity: (y, clean) => {
      if (numbers === null) return sumFeatures(each(y, clean));
      const sum = sumFeatures(log1p(div(squares(y, clean), degrees)));
      return add(mul(sum, -half), logScales(numbers, size, y.cols) + y.cols * constant);
    },
    each,
    sd: (clean) => mul(ofEach(scale, clean), perScale),
    fisher: (clean) => informationOf(clean, numbers ?? (scale as Tensor), degrees, size),
    spec: numbers === null ? null : { name: "student", scale: plain(numbers, size), degrees },
  } satisfies Noise);
}

function informationOf(
  clean: Tensor,
  scale: Float64Array | Tensor,
  degrees: number,
  size: number | null,
): readonly Information[] {
  const [onData, onScale] = [(degrees + 1) / (degrees + 3), (2 * degrees) / (degrees + 3)];
  if (scale instanceof Float64Array) return [{ of: clean, weight: scale.map((s) => onData / (s * s)) }];
  const over = (numerator: number): Operand => div(numerator, square(scale));
  return [
    { of: clean, weight: over(onData) },
    { of: scale, weight: over(size === null ? clean.cols * onScale : onScale) },
  ];
}
