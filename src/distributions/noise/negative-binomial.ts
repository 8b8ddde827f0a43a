/**
 * Negative binomial noise of independent counts of mean c, the noise-free datum, and variance c + c²/r,
 *
 *   log p(y|c) = Σ log Γ(y + r) − log Γ(r) − log y! − r log(1 + c/r) + y log(c/(r + c)),   y = 0, 1, 2, …,   c ≥ 0:
 *
 * Poisson counts whose rate is a gamma number of mean c and shape r, the dispersion. Its Fisher information on c is
 * 1/(c + c²/r). That on r is an infinite sum: where r is a tensor, Gauss–Newton methods take the Hessian instead.
 */
import { type OptionsOf, readOptions, required } from "../../checks/options.ts";
import { add, div, lgamma, log, log1p, maximum, mul, neg, sqrt, square, sub, where } from "../../graph/build.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { negativeBinomialDraw } from "../count-draws.ts";
import {
  independent,
  leastOf,
  minusInfinity,
  type Noise,
  noiseParameter,
  notANumber,
  notCount,
  ofEach,
  POSITIVE,
  plain,
  readParameter,
} from "./noise.ts";

/** The options of `negativeBinomialNoise`. */
export const negativeBinomialTable = {
  /**
   * Dispersion r: the variance is c + c²/r, so a large r is nearly Poisson. One number for all data, M numbers, or a tensor (B, 1) or
   * (B, M).
   */
  dispersion: required(noiseParameter),
};
/** Options of `negativeBinomialNoise`. */
export type NegativeBinomialNoiseOptions = OptionsOf<typeof negativeBinomialTable>;

/** From which r on log Γ(y + r) − log Γ(r), which cancels, is taken by Stirling's series. */
const STIRLING = 100;

/** log Γ(y + r) − log Γ(r) − y log(r + c), for y ≥ 0 and r > 0. */
function logRising(y: Tensor, r: Tensor, mean: Tensor): Tensor {
  const small = where(sub(STIRLING, r), r, 1);
  const large = maximum(r, STIRLING);
  const direct = sub(sub(lgamma(add(y, small)), lgamma(small)), mul(y, log(add(small, mean))));
  const tail = (x: Tensor): Tensor => div(sub(1 / 12, div(1 / 360, square(x))), x);
  const top = add(y, large);
  const ratio = add(mul(sub(large, 0.5), log1p(div(y, large))), mul(y, log(div(top, add(large, mean)))));
  const series = add(sub(ratio, y), sub(tail(top), tail(large)));
  return where(sub(STIRLING, r), direct, series);
}

/**
 * Negative binomial noise, for counts that scatter more than Poisson counts: the noise-free datum is the mean.
 * @throws unless every dispersion is positive and finite. Where a tensor is not positive or a mean is below 0, noise and density are
 * NaN.
 */
export function negativeBinomialNoise(options: NegativeBinomialNoiseOptions): Noise {
  const { dispersion } = readOptions("negativeBinomialNoise", negativeBinomialTable, options);
  const { numbers, operand, size } = readParameter("negativeBinomialNoise", "dispersion", dispersion, POSITIVE);
  const variance = (clean: Tensor): Tensor => add(clean, div(square(clean), operand));
  return independent({
    owner: "negativeBinomialNoise",
    name: "negative-binomial",
    size,
    data: "counts",
    streams: 3,
    each: (y, clean) => {
      const count = maximum(y, 0);
      const r = ofEach(operand, clean);
      const mean = maximum(clean, 0);
      const powers = where(y, mul(count, log(maximum(mean, leastOf(y.dtype)))), 0);
      const rising = sub(logRising(count, r, mean), mul(r, log1p(div(mean, r))));
      const value = sub(add(rising, powers), lgamma(add(count, 1)));
      const impossible = where(clean, 0, y);
      return notANumber(neg(clean), minusInfinity(maximum(notCount(y), impossible), value));
    },
    draw: (clean, stream) => negativeBinomialDraw(clean, operand, clean.cols, stream, clean.rows, clean.dtype),
    sd: (clean) => sqrt(variance(clean)),
    ...(numbers !== null && {
      fisher: (clean: Tensor) => [{ of: clean, weight: div(1, maximum(variance(clean), leastOf(clean.dtype))) }],
    }),
    spec: numbers === null ? null : { name: "negative-binomial", dispersion: plain(numbers, size) },
  });
}
