/**
 * Conditional RealNVP, Dinh et al. 2017 eqs 7–8 as used in arXiv 2305.20004 §3.2: blocks of two affine couplings,
 *
 *   z_b ← z_b · exp(tanh s(z_a, y)) + t(z_a, y),   log q = log N(ε) − Σ tanh s,
 *
 * first with the leading half kept, then with the other, and a fixed random permutation between blocks.
 */
import { add, columns, concat, exp, mul, neg, slice, square, sub, sumFeatures, tanh } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type ActivationName, checkActivation, mlp } from "../nn/mlp.ts";
import { uniformAt } from "../random.ts";
import {
  checkCount,
  checkOptions,
  checkWidths,
  type Guide,
  type GuideSizes,
  normalConstant,
  type TracedGuide,
} from "./guide.ts";
import { type Base, baseOption, checkBase, onBase } from "./linear-base.ts";

export interface CouplingOptions {
  /** Blocks of two couplings; default 15. */
  readonly blocks?: number;
  /** Widths of the hidden layers of every scale and shift network; default [100, 100]. */
  readonly hidden?: readonly number[];
  /** Default "leakyRelu". */
  readonly activation?: ActivationName;
  /** Order of the parameters before each block but the first; drawn from the seed of the training when absent. */
  readonly permutations?: readonly (readonly number[])[];
  /** Whose coordinates z are: the prior's, or those of the best linear estimator (linear-base.ts); default "prior". */
  readonly base?: Base;
}

export function coupling(options: CouplingOptions = {}): Guide {
  const { blocks = 15, hidden = [100, 100], activation = "leakyRelu", permutations, base = "prior" } = options;
  checkCount("coupling.blocks", blocks);
  checkOptions("coupling", options, ["blocks", "hidden", "activation", "permutations", "base"]);
  checkWidths("coupling.hidden", hidden);
  checkActivation("coupling.activation", activation);
  checkBase("coupling.base", base);
  return {
    name: "coupling",
    options: { blocks, hidden, activation, ...(permutations && { permutations }), ...baseOption(base) },
    build: (sizes) => {
      const { D, seed } = sizes;
      if (D < 2) throw new Error("coupling: expected at least 2 parameters, got 1; use the gaussian or spline guide");
      if (permutations) checkPermutations(permutations, blocks - 1, D);
      const orders = permutations ?? Array.from({ length: blocks - 1 }, (_, b) => shuffle(D, seed, b));
      const built = { ...build(sizes, orders, hidden, activation), drawn: { permutations: orders } };
      return onBase(base, built, sizes);
    },
  };
}

/** A list that is no permutation would make a map without an inverse. */
function checkPermutations(lists: unknown, count: number, D: number): void {
  const sorted = (list: unknown): boolean =>
    Array.isArray(list) && list.length === D && Array.from({ length: D }, (_, i) => i).every((i) => list.includes(i));
  if (Array.isArray(lists) && lists.length === count && lists.every(sorted)) return;
  throw new Error(
    `coupling.permutations: expected ${count} permutations of 0..${D - 1}, got ${JSON.stringify(lists)?.slice(0, 100)}`,
  );
}

/** Stream of random words that permutations are drawn from. */
const PERMUTATION_STREAM = 0x7065726d;

/** A permutation of 0…n−1 by Fisher and Yates. */
function shuffle(n: number, seed: number, block: number): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(uniformAt(seed, PERMUTATION_STREAM, 0, block, i) * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function build(
  { D, E }: GuideSizes,
  permutations: readonly (readonly number[])[],
  hidden: readonly number[],
  activation: ActivationName,
): TracedGuide {
  const half = Math.floor(D / 2);
  const layers = Array.from({ length: permutations.length + 1 }, (_, b) =>
    [half, D - half].map((kept, i) => {
      const sizes = [kept + E, ...hidden, D - kept];
      const net = (part: string) => mlp(`block${b}.${i}.${part}`, sizes, { activation });
      return { scale: net("scale"), shift: net("shift") };
    }),
  );
  const density = (noise: Tensor, logScale: Tensor): Tensor =>
    sub(add(mul(sumFeatures(square(noise)), -0.5), normalConstant(D)), logScale);

  /** Noise to z. Each coupling leaves the moved half in front, so that the next one keeps it. */
  const sample = (noise: Tensor, context: Tensor) => {
    let x = noise;
    let logScale: Tensor | null = null;
    layers.forEach((block, b) => {
      if (b > 0) x = columns(x, permutations[b - 1]);
      block.forEach(({ scale, shift }, i) => {
        const left = i === 0 ? half : D - half;
        const kept = slice(x, 0, left);
        const given = concat(kept, context);
        const s = tanh(scale(given));
        x = concat(add(mul(slice(x, left, D), exp(s)), shift(given)), kept);
        const sum = sumFeatures(s);
        logScale = logScale === null ? sum : add(logScale, sum);
      });
    });
    return { z: x, logScale: logScale as unknown as Tensor };
  };
  const normalise = (z: Tensor, context: Tensor) => {
    let x = z;
    let logScale: Tensor | null = null;
    for (let b = layers.length - 1; b >= 0; b--) {
      for (const i of [1, 0]) {
        const { scale, shift } = layers[b][i];
        const moved = i === 0 ? D - half : half;
        const kept = slice(x, moved, D);
        const given = concat(kept, context);
        const s = tanh(scale(given));
        x = concat(kept, mul(sub(slice(x, 0, moved), shift(given)), exp(neg(s))));
        const sum = sumFeatures(s);
        logScale = logScale === null ? sum : add(logScale, sum);
      }
      if (b > 0) x = columns(x, inverse(permutations[b - 1]));
    }
    return { noise: x, logScale: logScale as unknown as Tensor };
  };
  return {
    contextSize: E,
    encode: (features) => features,
    sample: (noise, context) => {
      const { z, logScale } = sample(noise, context);
      return { z, logProb: density(noise, logScale) };
    },
    invert: (z, context) => normalise(z, context).noise,
    logProb: (z, context) => {
      const { noise, logScale } = normalise(z, context);
      return density(noise, logScale);
    },
  };
}

const inverse = (order: readonly number[]): number[] => {
  const out = new Array<number>(order.length);
  order.forEach((from, to) => {
    out[from] = to;
  });
  return out;
};
