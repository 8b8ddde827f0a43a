/**
 * Mixture-density guide (Bishop, Mixture density networks, 1994; full covariances), K components that a network gives:
 *
 *   q(z | y) = Σ_k π_k N(z; m_k, L_k L_kᵀ),   e_k = L_k⁻¹ (z − m_k),
 *   log q(z | y) = logSumExp_k [log π_k − ½ |e_k|² − Σ_d log L_k,dd] − D/2 log 2π.
 *
 * Draws are made of standard normal noise one dimension after another, by the inverse of the conditional distribution
 * functions (Rosenblatt, Remarks on a multivariate transformation, Ann. Math. Stat. 23 (1952)), each of which is a mixture too:
 *
 *   Φ(ε_d) = F_d(z_d | z_<d) = Σ_k w_kd Φ((z_d − μ_kd) / L_k,dd),   w_kd ∝ π_k q_k(z_<d),   μ_kd = m_kd + Σ_{j<d} L_k,dj e_kj,
 *
 * with implicit derivatives (Figurnov et al., Implicit reparameterization gradients, NeurIPS 2018). The equation is solved in
 * f64: between two modes F is flat, and rounding is enlarged by 1/F′. With one component it is the Gaussian guide. Trained
 * by the ELBO, components gather in some of the modes, as any guide does; NPE holds all.
 */
import { type OptionsOf, option, type SettingsOf, whole } from "../checks/options.ts";
import {
  add,
  cast,
  concat,
  detach,
  div,
  erf,
  exp,
  linearMap,
  log,
  logSumExp,
  weight as makeWeight,
  maximum,
  minimum,
  mul,
  probit,
  slice,
  softplus,
  split,
  square,
  sub,
  sumFeatures,
  where,
} from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { activationName, mlp, widths } from "../nn/mlp.ts";
import { packed } from "../numbers/triangles.ts";
import type { SparseMatrix } from "../sparse/matrix.ts";
import { baseTable, makeGuide } from "./base.ts";
import {
  type Guide,
  type GuideSizes,
  LEAST_DIAGONAL,
  normalConstant,
  offDiagonals,
  type TracedGuide,
  UNIT_SOFTPLUS,
} from "./guide.ts";

/** More components would be a kernel estimate, with a large context (B, K (1 + D + D(D + 1)/2)). */
const MOST_COMPONENTS = 64;

/** The options of `mixture`. */
export const mixtureTable = {
  /** Number K of Gaussians. */
  components: option(whole(1, MOST_COMPONENTS), 8),
  /** Widths of the hidden layers. */
  hidden: option(widths, [128, 128, 128]),
  /** Activation of the hidden layers. */
  activation: option(activationName, "silu"),
  ...baseTable,
};
/** Options of `mixture`. */
export type MixtureOptions = OptionsOf<typeof mixtureTable>;

/**
 * q(z | y) = Σ_k w_k(y) N(m_k(y), L_k(y) L_k(y)ᵀ) (Bishop, Mixture density networks, 1994): several modes, each without bends. For
 * any number of parameters; a density costs as much as that of K Gaussians, a draw as much as one of them.
 * @throws on invalid options.
 */
export const mixture = (options: MixtureOptions = {}): Guide =>
  makeGuide("mixture", mixtureTable, options, traceMixture);

/** The components of one dimension given the dimensions before, (B, K) each: q(z_d | z_<d) = Σ w N(mean, sd²). */
interface Conditional {
  readonly weights: Tensor;
  readonly mean: Tensor;
  readonly sd: Tensor;
}

/** The guide for certain sizes. Its functions stand in one, because they share the layout of the context. */
function traceMixture(
  { D, E, weight = makeWeight }: GuideSizes,
  { components: K, hidden, activation }: SettingsOf<typeof mixtureTable>,
): TracedGuide {
  const below = (D * (D - 1)) / 2;
  const skip = hidden.length > 0;
  const net = mlp("trunk", [E, ...hidden, K * (1 + D + packed(D))], { activation, skip, weight });
  // Components that start in one place would learn the same, so their centres are spread over the bulk of the prior.
  const centres = weight("centres", 1, K * D, { init: 1 });
  // In the context the K components of an entry are side by side: log weights, means (D), sds (D), and the entries below the
  // diagonals, column by column.
  const [toMeans, toSds, toBelow, all] = [K, K * (1 + D), K * (1 + 2 * D), K * (1 + 2 * D + below)];

  const encode = (features: Tensor): Tensor => {
    const raw = net(features);
    const logits = slice(raw, 0, toMeans);
    const parts = [
      sub(logits, logSumExp(logits)),
      add(slice(raw, toMeans, toSds), centres),
      add(softplus(add(slice(raw, toSds, toBelow), UNIT_SOFTPLUS)), LEAST_DIAGONAL),
    ];
    return concat(...parts, ...(below > 0 ? [offDiagonals(slice(raw, toBelow, all), D)] : []));
  };
  /** (B, K) → (B, count · K): repeats the components for each of `count` dimensions. */
  const repeats = Array.from({ length: D }, (_, count) => (count === 0 ? null : repeat(K, count)));

  /** Forward substitution for all components at once; `next` gives z_d from its conditional. */
  const walk = (context: Tensor, next: (conditional: () => Conditional, d: number) => Tensor): Tensor => {
    const sds = slice(context, toSds, toBelow);
    const logSds = log(sds);
    let joint = slice(context, 0, toMeans); // log π_k q_k(z_<d) without constants
    let means = slice(context, toMeans, toSds); // of the dimensions from d on
    let at = toBelow;
    for (let d = 0; d < D; d++) {
      const [mean, sd] = [slice(means, 0, K), slice(sds, d * K, (d + 1) * K)];
      const before = joint;
      const x = next(() => ({ weights: exp(sub(before, logSumExp(before))), mean, sd }), d);
      const e = div(sub(x, mean), sd);
      joint = sub(sub(joint, mul(square(e), 0.5)), slice(logSds, d * K, (d + 1) * K));
      const matrix = repeats[D - 1 - d];
      if (matrix === null) break;
      const column = slice(context, at, (at += matrix.outputs));
      means = add(slice(means, K, means.cols), mul(column, linearMap(e, matrix)));
    }
    return add(logSumExp(joint), normalConstant(D));
  };
  return {
    contextSize: all,
    encode,
    logProb: (z, context) => {
      const parts = split(z);
      return walk(context, (_, d) => parts[d]);
    },
    sample: (noise, context) => {
      const parts = split(cast(noise, "f64"));
      const z: Tensor[] = [];
      const logProb = walk(cast(context, "f64"), (conditional, d) => {
        z.push(quantile(parts[d], conditional()));
        return z[d];
      });
      return { z: cast(concat(...z), noise.dtype), logProb: cast(logProb, noise.dtype) };
    },
    invert: (z, context) => {
      const parts = split(cast(z, "f64"));
      const noise: Tensor[] = [];
      walk(cast(context, "f64"), (conditional, d) => {
        noise.push(noiseOf(parts[d], conditional()));
        return parts[d];
      });
      return cast(concat(...noise), z.dtype);
    },
    centre: (context) => {
      const weights = exp(slice(context, 0, toMeans));
      const means = slice(context, toMeans, toSds);
      return concat(
        ...Array.from({ length: D }, (_, d) => sumFeatures(mul(weights, slice(means, d * K, (d + 1) * K)))),
      );
    },
  };
}

/** The matrix that writes K features `count` times; by hand, so that pages load no code for other matrices. */
const repeat = (K: number, count: number): SparseMatrix => ({
  inputs: K,
  outputs: K * count,
  start: Int32Array.from({ length: K * count + 1 }, (_, i) => i),
  index: Int32Array.from({ length: K * count }, (_, i) => i % K),
  value: new Float64Array(K * count).fill(1),
});

const SQRT_HALF = Math.SQRT1_2;
const TWO_OVER_SQRT_2PI = 0.7978845608028654;
/** So many halvings shrink the bracket of a quantile to 2e-7 of its width; each Newton step then doubles the digits. */
const HALVINGS = 22;
/** A component with less weight given the dimensions before may lie anywhere, so it must not widen the bracket. */
const LEAST_WEIGHT = 1e-14;
/** Least density, in units of the prior, by which derivatives are divided: between modes far apart less is left, and clipping can undo no more. */
const LEAST_DENSITY = 1e-9;
/** The largest f64 below 1 whose half, with ½ added, is below 1 too: noise past ±8.1 reads as ±8.1. */
const LARGEST_ERF = 1 - Number.EPSILON;

/** 2 F(x) − 1 for x (B, 1). */
const cdf = (x: Tensor, { weights, mean, sd }: Conditional): Tensor =>
  sumFeatures(mul(weights, erf(mul(sub(x, mean), div(SQRT_HALF, sd)))));

const noiseOf = (z: Tensor, conditional: Conditional): Tensor =>
  probit(add(mul(maximum(minimum(cdf(z, conditional), LARGEST_ERF), -LARGEST_ERF), 0.5), 0.5));

/** The least, or the largest, of the columns (B, 1). */
function extreme(x: Tensor, pick: typeof minimum): Tensor {
  if (x.cols === 1) return x;
  const half = Math.ceil(x.cols / 2);
  return extreme(pick(slice(x, 0, half), slice(x, x.cols - half, x.cols)), pick);
}

/**
 * x (B, 1) with F(x) = Φ(noise). The quantile of one component is m + s ε; that of the mixture lies between the least and the largest
 * of them. The iterates have no derivatives, except for the last Newton step, which has those of the solution.
 */
function quantile(noise: Tensor, conditional: Conditional): Tensor {
  const target = erf(mul(noise, SQRT_HALF));
  const fixed = {
    weights: detach(conditional.weights),
    mean: detach(conditional.mean),
    sd: detach(conditional.sd),
  };
  const [want, each] = [detach(target), withoutLight(add(mul(fixed.sd, detach(noise)), fixed.mean), fixed.weights)];
  let [low, high] = [extreme(each, minimum), extreme(each, maximum)];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = mul(add(low, high), 0.5);
    const excess = sub(cdf(middle, fixed), want);
    [low, high] = [where(excess, low, middle), where(excess, middle, high)];
  }
  const newton = (x: Tensor, c: Conditional, goal: Tensor): Tensor => {
    const density = mul(gaussians(x, fixed), TWO_OVER_SQRT_2PI);
    return sub(x, div(sub(cdf(x, c), goal), maximum(density, LEAST_DENSITY)));
  };
  const bounded = (x: Tensor): Tensor => maximum(minimum(x, high), low);
  const near = bounded(newton(mul(add(low, high), 0.5), fixed, want));
  const last = newton(near, conditional, target);
  // The bounds act on the value alone, not on the derivatives.
  return add(last, detach(sub(bounded(last), last)));
}

/** Numbers (B, K) of the components, with those of light components replaced by a mean of the others. */
function withoutLight(each: Tensor, weights: Tensor): Tensor {
  if (each.cols === 1) return each;
  const heavy = where(sub(weights, LEAST_WEIGHT), weights, 0);
  const within = div(sumFeatures(mul(where(heavy, each, 0), heavy)), sumFeatures(heavy));
  return where(heavy, each, within);
}

/** Σ w exp(−½ ((x − m)/s)²)/s: √2π times the density. */
const gaussians = (x: Tensor, { weights, mean, sd }: Conditional): Tensor =>
  sumFeatures(mul(div(weights, sd), exp(mul(square(div(sub(x, mean), sd)), -0.5))));
