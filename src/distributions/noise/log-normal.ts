/**
 * Log-normal noise of independent positive data, whose median is the noise-free datum c,
 *
 *   log p(y|c) = −½ Σ (log(y/c)/σ)² − Σ log y − Σ log σ − ½ M log 2π,   y, c > 0,
 *
 * normal noise of sd σ on the logarithm. Its Fisher information is 1/σ² on log c and 2/σ² on σ.
 */
import { add, cast, div, exp, log, maximum, mul, neg, random, sqrt, square, sub } from "../../graph/build.ts";
import type { Operand } from "../../graph/tensor.ts";
import { isTensor } from "../../graph/tensor.ts";
import { LOG_2PI } from "../../numbers/math.ts";
import {
  expm1,
  independent,
  leastOf,
  minusInfinity,
  type Noise,
  type NoiseParameter,
  notANumber,
  ofEach,
  POSITIVE,
  plain,
  readParameter,
} from "./noise.ts";

/**
 * Log-normal noise, for positive data whose error is a share of their size: y = c e^(σz), so the noise-free datum is the median.
 * `sd` is σ, the standard deviation of log y: one number for all data, a list of M numbers, or, where the noise of a problem is a
 * function of θ and the noise-free data, a tensor (B, 1) or (B, M).
 * @throws unless every sd is positive and finite. Where a tensor or the noise-free data are not positive, noise and density are NaN.
 */
export function logNormalNoise(sd: NoiseParameter): Noise {
  const { numbers, operand, size } = readParameter("logNormalNoise", "sd", sd, POSITIVE);
  const ofSigma = (weight: number): Operand =>
    numbers === null ? div(weight, isTensor(operand) ? square(operand) : 1) : numbers.map((s) => weight / (s * s));
  return independent({
    owner: "logNormalNoise",
    name: "log-normal",
    size,
    data: "positive",
    streams: 1,
    each: (y, clean) => {
      const least = leastOf(y.dtype);
      const logY = log(maximum(y, least));
      const logC = log(maximum(clean, least));
      const sigma = ofEach(operand, clean);
      const z = div(sub(logY, logC), sigma);
      const value = sub(sub(mul(square(z), -0.5), add(log(sigma), 0.5 * LOG_2PI)), logY);
      return notANumber(sub(least, clean), minusInfinity(sub(least, y), value));
    },
    draw: (clean, stream) => {
      const z = cast(random("normal", clean.cols, stream, clean.rows), clean.dtype);
      return notANumber(neg(clean), mul(clean, exp(mul(z, operand))));
    },
    sd: (clean) => {
      const variance = square(ofEach(operand, clean));
      return mul(mul(clean, exp(mul(variance, 0.5))), sqrt(expm1(variance)));
    },
    mean: (clean) => mul(clean, exp(mul(square(ofEach(operand, clean)), 0.5))),
    fisher: (clean) => {
      const onLog = { of: log(maximum(clean, leastOf(clean.dtype))), weight: ofSigma(1) };
      if (!isTensor(operand)) return [onLog];
      return [onLog, { of: operand, weight: ofSigma(size === null ? 2 * clean.cols : 2) }];
    },
    scaled: (s) => logNormalNoise(mul(s, operand)),
    spec: numbers === null ? null : { name: "log-normal", sd: plain(numbers, size) },
  });
}
