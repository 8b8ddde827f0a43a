/**
 * Categorical noise: each datum is one of K classes, written as K numbers, 1 for its class and 0 for the others. So M data are M/K
 * observations of K numbers each, side by side. The noise-free data are K logits l, or K weights w ≥ 0, for each observation, in the
 * same places:
 *
 *   log p(y|c) = Σ y_k log p_k,   p_k = e^(l_k) / Σ_j e^(l_j)   or   w_k / Σ_j w_j.
 *
 * Its Fisher information is Σ_k ∇p_k∇p_kᵀ / p_k.
 */
import { flag, type OptionsOf, option, readOptions, required, whole } from "../../checks/options.ts";
import {
  abs,
  add,
  columns,
  concat,
  detach,
  div,
  exp,
  log,
  maximum,
  mul,
  neg,
  sqrt,
  sub,
  sumFeatures,
  where,
} from "../../graph/build.ts";
import { show, type Tensor } from "../../graph/tensor.ts";
import { expectBatch } from "../distribution.ts";
import { uniformDraw } from "../draws.ts";
import { expectData, leastOf, minusInfinity, type Noise, notANumber } from "./noise.ts";

/** The options of `categoricalNoise`. */
export const categoricalTable = {
  /** Number K of classes, 2 or more. The number M of data is a multiple of it. */
  classes: required(whole(2, 10_000)),
  /** Whether noise-free data are logits, any numbers; if not, they are weights, 0 and above: probabilities are their shares. */
  logits: option(flag, false),
};
/** Options of `categoricalNoise`. */
export type CategoricalNoiseOptions = OptionsOf<typeof categoricalTable>;

/** The probabilities of an observation, class by class, and their logarithms: K tensors (T·B, M/K) each. */
interface Classes {
  readonly p: readonly Tensor[];
  readonly logP: readonly Tensor[];
  /** Above 0 where a weight is below 0, or all are 0; null for logits. */
  readonly wrong: Tensor | null;
}

const sumOf = (list: readonly Tensor[]): Tensor => list.reduce((a, b) => add(a, b));
const largestOf = (list: readonly Tensor[]): Tensor => list.reduce((a, b) => maximum(a, b));

/** Columns k, K + k, 2K + k, … of data of K classes, for each k. */
const byClass = (x: Tensor, K: number): Tensor[] =>
  Array.from({ length: K }, (_, k) =>
    columns(
      x,
      Array.from({ length: x.cols / K }, (_x, i) => i * K + k),
    ),
  );

/** The inverse of `byClass`. */
function together(list: readonly Tensor[]): Tensor {
  const [K, count] = [list.length, list[0].cols];
  const places = Array.from({ length: K * count }, (_, i) => (i % K) * count + Math.floor(i / K));
  return columns(concat(...list), places);
}

function fromLogits(l: readonly Tensor[]): Classes {
  const largest = detach(largestOf(l));
  const logSum = add(log(sumOf(l.map((x) => exp(sub(x, largest))))), largest);
  const logP = l.map((x) => sub(x, logSum));
  return { p: logP.map((x) => exp(x)), logP, wrong: null };
}

function fromWeights(w: readonly Tensor[]): Classes {
  const least = leastOf(w[0].dtype);
  const total = sumOf(w);
  const p = w.map((x) => div(x, maximum(total, least)));
  const wrong = maximum(largestOf(w.map((x) => neg(x))), sub(least, total));
  return { p, logP: p.map((x) => log(maximum(x, least))), wrong };
}

/**
 * Categorical noise: data are classes. An observation of one of K classes is K data, 1 for its class and 0 for the others, and M data
 * hold M/K observations side by side. Noise-free data are K weights for each observation, whose shares are the probabilities, or with
 * `logits` K logits. The entries of an observation depend on each other, so the noise has no density of single data.
 * @throws unless classes is a whole number from 2, and the number of data a multiple of it. Where a weight is below 0 or all are 0,
 * noise and density are NaN.
 */
export function categoricalNoise(options: CategoricalNoiseOptions): Noise {
  const { classes: K, logits } = readOptions("categoricalNoise", categoricalTable, options);
  const read = (clean: Tensor): Classes => {
    expectBatch("categoricalNoise", "noise-free data", clean, clean.cols);
    if (clean.cols % K !== 0) {
      const wanted = `a multiple of ${K} data, ${K} for each observation`;
      throw new Error(`categoricalNoise: expected noise-free data of ${wanted}, got ${show(clean)}`);
    }
    return logits ? fromLogits(byClass(clean, K)) : fromWeights(byClass(clean, K));
  };
  return Object.freeze({
    name: "categorical",
    size: null,
    data: "counts",
    streams: 1,
    logDensity: (y, clean) => {
      expectData("categoricalNoise", null, y, clean);
      return sumFeatures(logDensityOf(byClass(y, K), read(clean)));
    },
    draw: (clean, stream) => {
      const { p, wrong } = read(clean);
      const u = uniformDraw(p[0].cols, stream, clean.rows, clean.dtype);
      const drawn = together(oneOf(u, p));
      return wrong === null ? drawn : notANumber(together(p.map(() => wrong)), drawn);
    },
    sd: (clean) => together(read(clean).p.map((p) => sqrt(mul(p, sub(1, p))))),
    mean: (clean) => together(read(clean).p.slice()),
    fisher: (clean) => {
      const { p } = read(clean);
      const of = together(p);
      return [{ of, weight: div(1, maximum(of, leastOf(clean.dtype))) }];
    },
    spec: { name: "categorical", classes: K, logits },
  } satisfies Noise);
}

/** Σ y_k log p_k of each observation; −∞ where it is no class, or an impossible one. */
function logDensityOf(y: readonly Tensor[], { p, logP, wrong }: Classes): Tensor {
  const notBinary = largestOf(y.map((v) => abs(sub(abs(sub(v, 0.5)), 0.5))));
  const outside = maximum(notBinary, abs(sub(sumOf(y), 1)));
  const impossible = largestOf(y.map((v, k) => where(p[k], 0, v)));
  const value = sumOf(y.map((v, k) => where(v, mul(v, logP[k]), 0)));
  const masked = minusInfinity(maximum(outside, impossible), value);
  return wrong === null ? masked : notANumber(wrong, masked);
}

/** One of the classes by inversion: 1 for it, and 0 for the others. */
function oneOf(u: Tensor, p: readonly Tensor[]): Tensor[] {
  let left = u;
  let open: Tensor = add(mul(u, 0), 1); // 1 until a class is chosen
  return p.map((share, k) => {
    left = sub(left, share);
    const chosen = k === p.length - 1 ? open : where(left, 0, open);
    open = sub(open, chosen);
    return chosen;
  });
}
