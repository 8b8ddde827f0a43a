/**
 * Beta noise of independent data in (0, 1), of mean c, the noise-free datum, and concentration κ,
 *
 *   log p(y|c) = Σ (a − 1) log y + (b − 1) log(1 − y) + log Γ(κ) − log Γ(a) − log Γ(b),   a = c κ,   b = (1 − c) κ.
 *
 * With u = ψ′(a) − ψ′(κ), v = ψ′(b) − ψ′(κ) and w = −ψ′(κ) the Fisher information on (a, b) is u ∇a∇aᵀ + v ∇b∇bᵀ
 * + w (∇a∇bᵀ + ∇b∇aᵀ) (Ferrari & Cribari-Neto, Beta regression, J. Appl. Stat. 31 (2004), appendix), which is
 * u ∇(a + (w/u) b)∇(a + (w/u) b)ᵀ + (v − w²/u) ∇b∇bᵀ.
 */
import { type OptionsOf, readOptions, required } from "../../checks/options.ts";
import {
  add,
  detach,
  div,
  lgamma,
  log,
  log1p,
  maximum,
  minimum,
  mul,
  neg,
  sqrt,
  square,
  sub,
  trigamma,
  where,
} from "../../graph/build.ts";
import type { DType, Tensor } from "../../graph/tensor.ts";
import { betaDraw, GAMMA_STREAMS } from "../draws.ts";
import { notProbability } from "./binomial.ts";
import {
  type Information,
  independent,
  leastOf,
  minusInfinity,
  type Noise,
  noiseParameter,
  notANumber,
  ofEach,
  POSITIVE,
  plain,
  readParameter,
} from "./noise.ts";

/** The options of `betaNoise`. */
export const betaTable = {
  /**
   * Concentration κ: the variance is c(1 − c)/(κ + 1). One number for all data, M numbers, or a tensor (B, 1) or (B, M).
   */
  concentration: required(noiseParameter),
};
/** Options of `betaNoise`. */
export type BetaNoiseOptions = OptionsOf<typeof betaTable>;

/** The number next to 1, from below. */
const nextTo1 = (dtype: DType): number => (dtype === "f32" ? 0.9999999403953552 : 0.9999999999999999);

/** The least shape: the information of smaller ones would be infinite. */
const leastShape = (dtype: DType): number => (dtype === "f32" ? 1e-18 : 1e-150);
/** The two shapes. */
const shapesOf = (mean: Tensor, concentration: Tensor): readonly [a: Tensor, b: Tensor] => {
  const least = leastShape(mean.dtype);
  return [maximum(mul(mean, concentration), least), maximum(mul(sub(1, mean), concentration), least)];
};

/**
 * Beta noise, for data between 0 and 1, such as shares: the noise-free datum is the mean. Data at 0 or 1 have the
 * density 0.
 * @throws unless every concentration is positive and finite. Where a tensor is not positive, or a mean is outside [0, 1], noise and
 * density are NaN.
 */
export function betaNoise(options: BetaNoiseOptions): Noise {
  const { concentration } = readOptions("betaNoise", betaTable, options);
  const { numbers, operand, size } = readParameter("betaNoise", "concentration", concentration, POSITIVE);
  return independent({
    owner: "betaNoise",
    name: "beta",
    size,
    data: "unit",
    streams: GAMMA_STREAMS,
    each: (y, clean) => {
      const kappa = ofEach(operand, clean);
      const [a, b] = shapesOf(clean, kappa);
      const [below, above] = [sub(leastOf(y.dtype), y), sub(y, nextTo1(y.dtype))];
      const inside = minimum(maximum(y, leastOf(y.dtype)), nextTo1(y.dtype));
      const powers = add(mul(sub(a, 1), log(inside)), mul(sub(b, 1), log1p(neg(inside))));
      const value = add(powers, sub(lgamma(kappa), add(lgamma(a), lgamma(b))));
      const possible = where(minimum(clean, sub(1, clean)), value, Number.NEGATIVE_INFINITY);
      return notANumber(notProbability(clean), minusInfinity(maximum(below, above), possible));
    },
    draw: (clean, stream) => {
      const [a, b] = shapesOf(clean, ofEach(operand, clean));
      return notANumber(notProbability(clean), betaDraw(a, b, clean.cols, stream, clean.rows, clean.dtype));
    },
    sd: (clean) => sqrt(div(mul(clean, sub(1, clean)), add(ofEach(operand, clean), 1))),
    fisher: (clean) => informationOf(clean, ofEach(operand, clean), numbers === null),
    spec: numbers === null ? null : { name: "beta", concentration: plain(numbers, size) },
  });
}

function informationOf(clean: Tensor, kappa: Tensor, both: boolean): readonly Information[] {
  const [a, b] = shapesOf(clean, kappa);
  const [ofA, ofB] = [trigamma(a), trigamma(b)];
  if (!both) return [{ of: clean, weight: mul(square(kappa), add(ofA, ofB)) }];
  const ofBoth = trigamma(kappa);
  const [u, v] = [sub(ofA, ofBoth), sub(ofB, ofBoth)];
  const slope = detach(div(ofBoth, u));
  return [
    { of: sub(a, mul(slope, b)), weight: u },
    { of: b, weight: maximum(sub(v, mul(slope, ofBoth)), 0) },
  ];
}
