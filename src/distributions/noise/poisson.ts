/**
 * Poisson noise of independent counts, whose rate is the noise-free datum c,
 *
 *   log p(y|c) = Σ y log(c e) − c e − log y!,   y = 0, 1, 2, …,   c ≥ 0,
 *
 * with the exposure e. Its Fisher information on the mean c e is 1/(c e).
 */
import { type OptionsOf, option, readOptions } from "../../checks/options.ts";
import { add, div, lgamma, log, maximum, mul, neg, sqrt, sub, where } from "../../graph/build.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { poissonDraw } from "../count-draws.ts";
import {
  independent,
  leastOf,
  minusInfinity,
  type Noise,
  noiseParameter,
  notANumber,
  notCount,
  POSITIVE,
  plain,
  readParameter,
} from "./noise.ts";

/** The options of `poissonNoise`. */
export const poissonTable = {
  /** Exposure e, as a time or an area: counts have the mean c e. One number for all data, M numbers, or a tensor (B, 1) or (B, M). */
  exposure: option(noiseParameter, 1),
};
/** Options of `poissonNoise`. */
export type PoissonNoiseOptions = Partial<OptionsOf<typeof poissonTable>>;

/** log of the Poisson probability of counts y of means μ ≥ 0; −∞ where y is no count, NaN where μ is below 0. */
export function logPoisson(y: Tensor, mean: Tensor): Tensor {
  const count = maximum(y, 0);
  const powers = where(y, mul(count, log(maximum(mean, leastOf(y.dtype)))), 0);
  const value = sub(sub(powers, mean), lgamma(add(count, 1)));
  // No count of an impossible event: where the mean is 0 and y is not.
  const impossible = where(mean, 0, y);
  return notANumber(neg(mean), minusInfinity(maximum(notCount(y), impossible), value));
}

/**
 * Poisson noise: data are counts, and the noise-free datum is their rate. `exposure` multiplies the rate.
 * @throws unless every exposure is positive and finite. Where a tensor is not positive or a rate is below 0, noise and density are NaN.
 */
export function poissonNoise(options: PoissonNoiseOptions = {}): Noise {
  const { exposure } = readOptions("poissonNoise", poissonTable, options);
  const { numbers, operand, size } = readParameter("poissonNoise", "exposure", exposure, POSITIVE);
  const isPlain = numbers !== null && size === null && numbers[0] === 1;
  const mean = (clean: Tensor): Tensor => (isPlain ? clean : mul(clean, operand));
  return independent({
    owner: "poissonNoise",
    name: "poisson",
    size,
    data: "counts",
    streams: 1,
    each: (y, clean) => logPoisson(y, mean(clean)),
    draw: (clean, stream) => poissonDraw(mean(clean), clean.cols, stream, clean.rows, clean.dtype),
    sd: (clean) => sqrt(mean(clean)),
    ...(!isPlain && { mean }),
    fisher: (clean) => [{ of: mean(clean), weight: div(1, maximum(mean(clean), leastOf(clean.dtype))) }],
    spec: numbers === null ? null : { name: "poisson", exposure: plain(numbers, size) },
  });
}
