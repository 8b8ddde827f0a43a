/**
 * Student's t noise of independent entries,
 *
 *   log p(y|c) = Σ log Γ((ν+1)/2) − log Γ(ν/2) − ½ log νπ − log s − ½(ν+1) log(1 + ((y − c)/s)²/ν),
 *
 * drawn as s √(ν (U^(−2/ν) − 1)) cos 2πV with U, V uniform, exactly: Bailey, Polar generation of random variates with the
 * t-distribution, Math. Comp. 62 (1994). Its Fisher information is (ν + 1)/((ν + 3) s²) on c and 2ν/((ν + 3) s²) on s (Lange,
 * Little & Taylor, JASA 84 (1989), appendix B).
 */
import { check, type OptionsOf, readOptions, required } from "../../checks/options.ts";
import {
  add,
  cast,
  cos,
  div,
  lgamma,
  log,
  log1p,
  maximum,
  mul,
  random,
  slice,
  sqrt,
  square,
  sub,
  sumFeatures,
  where,
} from "../../graph/build.ts";
import { isTensor, type Operand, type Tensor } from "../../graph/tensor.ts";
import { lgamma as lgammaOf, log as logOf } from "../../numbers/math.ts";
import { expectBatch } from "../distribution.ts";
import {
  commonSize,
  expectData,
  expm1,
  type Information,
  logScales,
  type Noise,
  noiseParameter,
  ofEach,
  POSITIVE,
  plain,
  type Range,
  type ReadParameter,
  readParameter,
} from "./noise.ts";

const LOG_PI = 1.1447298858494002;
const TWO_PI = 6.283185307179586;

/** Draws of fewer degrees could overflow single precision. */
const LEAST_DEGREES = 0.5;
const DEGREES: Range = {
  expected: `at least ${LEAST_DEGREES} and finite`,
  test: (x) => x >= LEAST_DEGREES && x < Infinity,
  inside: (x) => [sub(x, LEAST_DEGREES)],
};

/** The options of `studentNoise`. */
export const studentTable = {
  /** Scale s: one number for all data, a list of M numbers, or a tensor (B, 1) or (B, M). */
  scale: required(noiseParameter),
  /** Degrees of freedom ν, at least 0.5: a number, or a tensor (B, 1) or (B, M). */
  degrees: required(
    check<number | Tensor>("a finite number of at least 0.5, or a tensor", (x) =>
      typeof x === "number" ? DEGREES.test(x) : isTensor(x),
    ),
  ),
};
/** Options of `studentNoise`. */
export type StudentNoiseOptions = OptionsOf<typeof studentTable>;

/**
 * Student's t noise: heavy tails, for data with outliers. `scale` is one number for all data, a list of M numbers, or a tensor
 * (B, 1) or (B, M); `degrees` is ν, a number or a tensor, at least 0.5, because draws of fewer could overflow single precision; ν = 1
 * is Cauchy.
 * @throws unless every scale is positive and finite, and degrees at least 0.5. Where a tensor is out of its range, noise and density
 * are NaN.
 */
export function studentNoise(options: StudentNoiseOptions): Noise {
  const { scale, degrees } = readOptions("studentNoise", studentTable, options);
  const read = readParameter("studentNoise", "scale", scale, POSITIVE);
  return isTensor(degrees) ? ofDegrees(read, degrees) : ofNumber(read, degrees);
}

/** The noise, of a radius that its draws have beside the angle. */
const drawOf =
  (scale: Operand, size: number | null, radiusOf: (logU: Tensor) => Tensor): Noise["draw"] =>
  (clean, stream) => {
    expectBatch("studentNoise", "noise-free data", clean, size ?? clean.cols);
    const both = cast(random("uniform", 2 * clean.cols, stream, clean.rows), clean.dtype);
    const [u, v] = [slice(both, 0, clean.cols), slice(both, clean.cols, 2 * clean.cols)];
    return add(clean, mul(mul(radiusOf(log(u)), cos(mul(v, TWO_PI))), scale));
  };

const common = { name: "student", data: "real", streams: 1, additive: true } as const;

/** With a number of degrees. */
function ofNumber({ numbers, operand: scale, size }: ReadParameter, degrees: number): Noise {
  const half = (degrees + 1) / 2;
  const constant = lgammaOf(half) - lgammaOf(degrees / 2) - 0.5 * (logOf(degrees) + LOG_PI);
  const perScale = degrees > 2 ? Math.sqrt(degrees / (degrees - 2)) : 1;
  const squares = (y: Tensor, clean: Tensor): Tensor => {
    expectData("studentNoise", size, y, clean);
    return square(div(sub(y, clean), scale));
  };
  const each = (y: Tensor, clean: Tensor): Tensor => {
    const kernel = add(mul(log1p(div(squares(y, clean), degrees)), -half), constant);
    return sub(kernel, numbers === null ? log(scale as Tensor) : numbers.map(logOf));
  };
  const sds = numbers?.map((s) => s * perScale);
  return Object.freeze({
    ...common,
    size,
    ...(sds && { constantSd: plain(sds, size) }),
    draw: drawOf(scale, size, (logU) => sqrt(mul(expm1(mul(logU, -2 / degrees)), degrees))),
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

/** With a tensor of degrees. It states no information: that of ν has terms in common with that of s. */
function ofDegrees(scale: ReadParameter, given: Tensor): Noise {
  const read = readParameter("studentNoise", "degrees", given, DEGREES);
  const degrees = read.operand as Tensor;
  const size = commonSize("studentNoise", { scale, degrees: read });
  const logScale = scale.numbers === null ? log(scale.operand as Tensor) : scale.numbers.map(logOf);
  const half = mul(add(degrees, 1), 0.5);
  const each = (y: Tensor, clean: Tensor): Tensor => {
    expectData("studentNoise", size, y, clean);
    const kernel = mul(log1p(div(square(div(sub(y, clean), scale.operand)), degrees)), half);
    const constant = sub(sub(lgamma(half), lgamma(mul(degrees, 0.5))), mul(add(log(degrees), LOG_PI), 0.5));
    return sub(sub(constant, logScale), kernel);
  };
  return Object.freeze({
    ...common,
    size,
    draw: drawOf(scale.operand, size, (logU) => sqrt(mul(expm1(div(mul(logU, -2), degrees)), degrees))),
    logDensity: (y, clean) => sumFeatures(each(y, clean)),
    each,
    sd: (clean) => {
      const beyond = sub(degrees, 2);
      const ratio = where(beyond, sqrt(div(degrees, maximum(beyond, 1e-30))), 1);
      return mul(ofEach(scale.operand, clean), ratio);
    },
    spec: null,
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
