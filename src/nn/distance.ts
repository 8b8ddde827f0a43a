/**
 * The distance of an observation from the simulations. r = (y − ȳ)/σ is in noise standard deviations; V holds the principal
 * directions of the noise-free data, c = Vᵀr, and q all products c_i c_j of the first few. With the covariance C of (c, q) in
 * noisy data, C⁻¹ (c − c̄, q − q̄) is each of them less what the others tell of it, up to a scale (conditional means of a Gaussian
 * by its precision: Rasmussen & Williams, Gaussian Processes, §5.4.2). Back in the channels it is e, each datum less what linear
 * and quadratic relations to the other data tell of it, in units of its own spread, and f, the same of the products. Four numbers
 * look for four kinds of foreign data,
 *
 *   T₁ = Σ_k c_k²/var c_k        a signal unlike those simulated
 *   T₂ = Σ_j e_j²                other noise, offsets, other physics
 *   T₃ = log Σ_j exp(½ e_j²)     a single channel that is off: nearly ½ max e², with a derivative
 *   T₄ = log Σ_i exp(½ f_i²)     a quadratic relation of the data that is broken
 *
 * and the distance is that of the worst, d = 1 + max_i (T_i − m_i)/(q_i − m_i), with medians m and high quantiles q of simulated
 * data. A single sum over all directions would miss one sensor among 600 that is off by ten noise sd. A relation that holds
 * exactly in all simulations is held to TOLERANCE, and so is a channel that never varied.
 */
import {
  add,
  clamp,
  concat,
  dense,
  denseInputGrad,
  logSumExp,
  matmul,
  maximum,
  mul,
  outerTril,
  slice,
  split,
  square,
  sub,
  sumFeatures,
  weight,
} from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { packed } from "../numbers/triangles.ts";

/**
 * "relations" is the distance above, "observed" that of rows with circumstances (observed.ts). Old model files have others: "residual" lacks all relations within the signal, and
 * "whitened" is |W (y − ȳ)|², where W whitens the simulated data.
 */
export type DistanceKind = "whitened" | "residual" | "relations" | "observed";

/** The most directions in V, and the most whose products count. */
const DIRECTIONS = 32;
const BENT = 8;
/** Larger numbers have squares, and larger signals products, that are not finite in single precision. */
const LARGEST = 1e15;
const LARGEST_SIGNAL = 1e8;

/** Numbers of directions, and of those whose products count, of M data. */
export const directionsOf = (M: number): number => Math.min(M, DIRECTIONS);
export const bentOf = (M: number): number => Math.min(M, BENT);

const finite = (x: Tensor, most: number): Tensor => clamp(x, -most, most);
const row = (name: string, cols: number): Tensor => weight(`distance.${name}`, 1, cols, { frozen: true });

/** The largest of numbers T, (B, 1) each, on their scales. */
function worst(...parts: readonly Tensor[]): Tensor {
  const [slope, shift] = [row("slope", parts.length), row("shift", parts.length)];
  return split(add(mul(concat(...parts), slope), shift)).reduce(maximum);
}

/** Distance (B, 1) of data (B, M) from the simulations. */
export const distances: Readonly<Record<Exclude<DistanceKind, "observed">, (M: number) => (y: Tensor) => Tensor>> = {
  whitened: (M) => {
    const whitening = weight("distance.whitening", M + 1, directionsOf(M), { frozen: true });
    return (y) => sumFeatures(square(dense(y, whitening)));
  },
  residual: (M) => {
    const [mean, perNoise, perSpread] = [row("mean", M), row("perNoise", M), row("perSpread", M)];
    const perSignal = row("perSignal", directionsOf(M));
    const directions = weight("distance.directions", M, directionsOf(M), { frozen: true });
    return (y) => {
      const r = finite(mul(sub(y, mean), perNoise), LARGEST);
      const c = matmul(r, directions);
      const e = square(mul(sub(r, denseInputGrad(c, directions, M)), perSpread)); // (B, M)
      return worst(sumFeatures(square(mul(c, perSignal))), sumFeatures(e), logSumExp(mul(e, 0.5)));
    };
  },
  relations: (M) => {
    const [K, bent] = [directionsOf(M), bentOf(M)];
    const size = K + packed(bent);
    const [mean, perNoise, perSpread, perSignal] = [
      row("mean", M),
      row("perNoise", M),
      row("perSpread", M),
      row("perSignal", K),
    ];
    const directions = weight("distance.directions", M, K, { frozen: true });
    const relations = weight("distance.relations", size + 1, size, { frozen: true });
    return (y) => {
      const r = finite(mul(sub(y, mean), perNoise), LARGEST);
      const c = matmul(r, directions);
      const signal = mul(c, perSignal);
      const first = finite(slice(signal, 0, bent), LARGEST_SIGNAL);
      const told = dense(concat(c, outerTril(first, first)), relations); // what the others tell of c, then f
      const off = finite(mul(sub(r, denseInputGrad(slice(told, 0, K), directions, M)), perSpread), LARGEST);
      const [e, f] = [square(off), square(finite(slice(told, K, size), LARGEST))];
      const parts = [sumFeatures(square(finite(signal, LARGEST))), sumFeatures(e), logSumExp(mul(e, 0.5))];
      return worst(...parts, logSumExp(mul(f, 0.5)));
    };
  },
};
