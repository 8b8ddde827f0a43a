/**
 * Conditional RealNVP, Dinh et al. 2017 eqs 7–8 as used in arXiv 2305.20004 §3.2: blocks of two affine couplings,
 *
 *   z_b ← z_b · exp(tanh s(z_a, y)) + t(z_a, y),   log q = log N(ε) − Σ tanh s,
 *
 * first with the leading half kept, then with the other, and a fixed random permutation between blocks. `separate: false`:
 * one network a coupling for both s and t, with a linear skip, and 2 tanh (s/2) for tanh s. With a base
 * (base.ts) all this is in its coordinates, where it starts as the standard normal. The last coupling moves
 * the leading half given the other, so parameters that data tell most of come first best: what is left of them is then a
 * curved function of those that data tell little of.
 */
import { add, columns, concat, exp, mul, neg, slice, square, sub, sumFeatures, tanh } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type ActivationName, checkActivation, mlp } from "../nn/mlp.ts";
import { STREAMS, shuffle, uniformAt } from "../numbers/random.ts";
import { type Base, baseOption, checkBase, onBase } from "./base.ts";
import {
  checkCount,
  checkOptions,
  checkWidths,
  type Guide,
  type GuideSizes,
  normalConstant,
  type TracedGuide,
} from "./guide.ts";

export interface CouplingOptions {
  /** Blocks of two couplings; default 15. */
  readonly blocks?: number;
  /** Widths of the hidden layers of every scale and shift network; default [100, 100]. */
  readonly hidden?: readonly number[];
  /** Default "leakyRelu". */
  readonly activation?: ActivationName;
  /** Order of the parameters before each block but the first; drawn from the seed of the training when absent. */
  readonly permutations?: readonly (readonly number[])[];
  /** Two networks a coupling, as in the paper, or one with a linear skip; default true. */
  readonly separate?: boolean;
  /** Whose coordinates z are: see base.ts; default "prior". */
  readonly base?: Base;
}

/**
 * Conditional RealNVP (Dinh et al. 2017; Ardizzone et al. 2019), the flow of arXiv 2305.20004 §4.2: affine couplings whose scales
 * and shifts see half of the parameters and the data. For two parameters or more; a draw costs as much as a density.
 * @throws on options that make no sense.
 */
export function coupling(options: CouplingOptions = {}): Guide {
  const { blocks = 15, hidden = [100, 100], activation = "leakyRelu", permutations } = options;
  const { separate = true, base = "prior" } = options;
  checkCount("coupling.blocks", blocks);
  checkOptions("coupling", options, ["blocks", "hidden", "activation", "permutations", "separate", "base"]);
  checkWidths("coupling.hidden", hidden);
  checkActivation("coupling.activation", activation);
  if (typeof separate !== "boolean")
    throw new Error(`coupling.separate: expected true or false, got ${JSON.stringify(separate)}`);
  checkBase("coupling.base", base);
  const nets: Nets = { hidden, activation, separate, start: base === "prior" ? 1 : 0 };
  return {
    name: "coupling",
    // Defaults go without saying, as they did in files of version 0.1.
    options: {
      blocks,
      hidden,
      activation,
      ...(permutations && { permutations }),
      ...(!separate && { separate }),
      ...baseOption(base),
    },
    build: (sizes) => {
      const { D, seed } = sizes;
      if (D < 2) throw new Error("coupling: expected at least 2 parameters, got 1; use the gaussian or spline guide");
      if (permutations) checkPermutations(permutations, blocks - 1, D);
      const orders = permutations ?? Array.from({ length: blocks - 1 }, (_, b) => permutation(D, seed, b));
      const flow = (own: GuideSizes) => ({ ...build(own, orders, nets), drawn: { permutations: orders } });
      return onBase(base, flow, sizes);
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

/** A permutation of 0…n−1. */
const permutation = (n: number, seed: number, block: number): number[] =>
  shuffle(
    Array.from({ length: n }, (_, i) => i),
    (i) => Math.floor(uniformAt(seed, STREAMS.permutations, 0, block, i) * (i + 1)),
  );

interface Nets {
  readonly hidden: readonly number[];
  readonly activation: ActivationName;
  readonly separate: boolean;
  /** Scales the start of the last layers. */
  readonly start: number;
}

/** Log-scale and shift of what a coupling moves, from what it keeps and the context. */
type Coupling = (given: Tensor) => { readonly logScale: Tensor; readonly shift: Tensor };

function makeCoupling(name: string, ins: number, outs: number, nets: Nets): Coupling {
  const { hidden, activation, separate, start } = nets;
  const net = (part: string, width: number, skip: boolean) =>
    mlp(`${name}.${part}`, [ins, ...hidden, width], { activation, skip, last: start });
  if (separate) {
    const [scale, shift] = [net("scale", outs, false), net("shift", outs, false)];
    return (given) => ({ logScale: tanh(scale(given)), shift: shift(given) });
  }
  const both = net("both", 2 * outs, hidden.length > 0);
  return (given) => {
    const raw = both(given);
    return { logScale: mul(tanh(mul(slice(raw, 0, outs), 0.5)), 2), shift: slice(raw, outs, 2 * outs) };
  };
}

function build({ D, E }: GuideSizes, permutations: readonly (readonly number[])[], nets: Nets): TracedGuide {
  const half = Math.floor(D / 2);
  const layers = Array.from({ length: permutations.length + 1 }, (_, b) =>
    [half, D - half].map((kept, i) => makeCoupling(`block${b}.${i}`, kept + E, D - kept, nets)),
  );
  const density = (noise: Tensor, logScale: Tensor): Tensor =>
    sub(add(mul(sumFeatures(square(noise)), -0.5), normalConstant(D)), logScale);

  /** Noise to z. Each coupling leaves the moved half in front, so that the next one keeps it. */
  const sample = (noise: Tensor, context: Tensor) => {
    let x = noise;
    let logScale: Tensor | null = null;
    layers.forEach((block, b) => {
      if (b > 0) x = columns(x, permutations[b - 1]);
      block.forEach((couple, i) => {
        const left = i === 0 ? half : D - half;
        const kept = slice(x, 0, left);
        const { logScale: s, shift } = couple(concat(kept, context));
        x = concat(add(mul(slice(x, left, D), exp(s)), shift), kept);
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
        const moved = i === 0 ? D - half : half;
        const kept = slice(x, moved, D);
        const { logScale: s, shift } = layers[b][i](concat(kept, context));
        x = concat(kept, mul(sub(slice(x, 0, moved), shift), exp(neg(s))));
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
