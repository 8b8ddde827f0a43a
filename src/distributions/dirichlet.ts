/**
 * log p(w) = log Γ(Σ α_k) − Σ log Γ(α_k) + Σ (α_k − 1) log w_k over weights w_1, …, w_K of sum 1, as a density of the first K − 1. On the
 * line (simplex-line.ts) the entries are independent, x_k the logit of a Beta(α_k, α_(k+1) + … + α_K) variable, of mean ψ(α_k) − ψ(rest)
 * and variance ψ′(α_k) + ψ′(rest). Draws: draws.ts.
 */
import { type Numbers, requireEach, spread } from "../checks/arguments.ts";
import { add, constant, lgamma, log, mul, relu, slice, sub, sumFeatures, where } from "../graph/build.ts";
import { isTensor, show, type Tensor } from "../graph/tensor.ts";
import { lgamma as lgammaOf } from "../numbers/math.ts";
import { digamma, trigamma } from "../numbers/polygamma.ts";
import { type Distribution, expectBatch } from "./distribution.ts";
import { dirichletDraw, GAMMA_STREAMS } from "./draws.ts";
import { shifted } from "./shifted.ts";
import { logWeights, simplexLine, slackOf } from "./simplex-line.ts";

const LEAST = 0.08;

/** log Γ(Σ α) − Σ log Γ(α): of numbers at once, of a tensor (B, K) as (B, 1). */
function constantOf(shape: Float64Array | Tensor): number | Tensor {
  if (isTensor(shape)) return sub(lgamma(sumFeatures(shape)), sumFeatures(lgamma(shape)));
  return lgammaOf(shape.reduce((a, b) => a + b, 0)) - shape.reduce((sum, a) => sum + lgammaOf(a), 0);
}

type Moments = Pick<Distribution, "mean" | "sd" | "realMean" | "realSd">;

function momentsOf(shape: Float64Array | null, size: number): Moments {
  const column = (of: (k: number, alpha: Float64Array) => number): Float64Array =>
    Float64Array.from({ length: size }, (_, k) => (shape ? of(k, shape) : Number.NaN));
  const after = (k: number, alpha: Float64Array): number => alpha.slice(k + 1).reduce((a, b) => a + b, 0);
  const whole = shape?.reduce((a, b) => a + b, 0) ?? 0;
  return {
    mean: column((k, alpha) => alpha[k] / whole),
    sd: column((k, alpha) => Math.sqrt((alpha[k] * (whole - alpha[k])) / (whole + 1)) / whole),
    realMean: column((k, alpha) => digamma(alpha[k]) - digamma(after(k, alpha))),
    realSd: column((k, alpha) => Math.sqrt(trigamma(alpha[k]) + trigamma(after(k, alpha)))),
  };
}

/**
 * K weights of sum 1 with a Dirichlet distribution of these shapes, a list of K ≥ 2 numbers, or within `joint` a tensor (B, K). The
 * parameters are the first K − 1 weights; `simplexWeights` of `retrodict/ops` gives all K in a forward model.
 * @throws unless there are at least two shapes, each at least 0.08 and finite.
 */
export function dirichlet(shape: Numbers | Tensor): Distribution {
  if (!isTensor(shape)) {
    const alpha = spread("dirichlet", { shape }).shape;
    requireEach("dirichlet", "shape", alpha, "at least 0.08 and finite", (x) => x >= LEAST && x < Infinity);
    if (alpha.length < 2) throw new Error(`dirichlet: expected a list of at least 2 shapes, got ${alpha.length}`);
    return made(alpha, alpha.length);
  }
  if (shape.kind !== "batch" || shape.cols < 2)
    throw new Error(`dirichlet: expected shape to be a batch (B, K) of at least 2 columns, got ${show(shape)}`);
  return made(shape, shape.cols);
}

function made(shape: Float64Array | Tensor, K: number): Distribution {
  const size = K - 1;
  const line = simplexLine("dirichlet", size);
  const total = constantOf(shape);
  const less = isTensor(shape) ? sub(shape, 1) : shape.map((a) => a - 1);
  const itself: Distribution = Object.freeze({
    ...line,
    ...momentsOf(isTensor(shape) ? null : shape, size),
    name: "dirichlet",
    streams: GAMMA_STREAMS,
    draw: (stream, dtype) => slice(dirichletDraw(shape, K, stream, 1, dtype), 0, size),
    logDensity: (theta) => {
      expectBatch("dirichlet", "theta", theta, size);
      const value = add(sumFeatures(mul(logWeights(theta), less)), total);
      const beyond = relu(sub(sub(sumFeatures(theta), 1), slackOf(K)));
      const outside = add(sumFeatures(relu(sub(0, theta))), beyond);
      return where(outside, log(constant(0, theta.dtype)), value);
    },
    about: (c) => shifted(itself, c),
    ...(isTensor(shape) && { conditional: true as const }),
    spec: isTensor(shape) ? null : { name: "dirichlet", shape: Array.from(shape) },
  } satisfies Distribution);
  return itself;
}
