/**
 * Conditional RealNVP, Dinh et al. 2017 eqs 7–8 as used in arXiv 2305.20004 §3.2: blocks of two affine couplings,
 *
 *   z_b ← z_b · exp(tanh s(z_a, y)) + t(z_a, y),   log q = log N(ε) − Σ tanh s,
 *
 * first with the leading half kept, then with the other, and a fixed random permutation between blocks. With `separate: false`, one
 * network a coupling gives both s and t, with a linear skip, and 2 tanh (s/2) replaces tanh s. With a base other than the prior
 * (base.ts) the flow is in its coordinates, where it starts as the standard normal. The last coupling moves the leading half given
 * the other, so parameters that the data determine best should come first: they are then curved functions of the others.
 */
import { check, flag, type OptionsOf, option, type SettingsOf, whole } from "../checks/options.ts";
import { add, columns, concat, exp, mul, neg, slice, square, sub, sumFeatures, tanh } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { activationName, type MakeWeight, mlp, widths } from "../nn/mlp.ts";
import { STREAMS, shuffle, uniformAt } from "../numbers/random.ts";
import { baseTable, makeGuide } from "./base.ts";
import { type Guide, type GuideSizes, normalConstant, type TracedGuide } from "./guide.ts";

/** The options of `coupling`. */
export const couplingTable = {
  /** Blocks of two couplings. */
  blocks: option(whole(1, 1000), 15),
  /** Widths of the hidden layers of every scale and shift network. */
  hidden: option(widths, [100, 100]),
  /** Activation of the hidden layers. */
  activation: option(activationName, "leakyRelu"),
  /** Order of the parameters before each block but the first; drawn from the seed of the training by default. */
  permutations: option(check<readonly (readonly number[])[]>("a list of permutations", Array.isArray)),
  /** Two networks a coupling, as in the paper, or one with a linear skip. */
  separate: option(flag, true),
  ...baseTable,
};
/** Options of `coupling`. */
export type CouplingOptions = OptionsOf<typeof couplingTable>;
type Settings = SettingsOf<typeof couplingTable>;

/**
 * Conditional RealNVP (Dinh et al. 2017; Ardizzone et al. 2019), the flow of arXiv 2305.20004 §4.2: affine couplings whose scales
 * and shifts depend on half of the parameters and on the data. For two parameters or more; a draw costs as much as a density.
 * @throws on invalid options.
 */
export const coupling = (options: CouplingOptions = {}): Guide =>
  makeGuide("coupling", couplingTable, options, traceCoupling, ["separate"]);

function traceCoupling(sizes: GuideSizes, settings: Settings): TracedGuide {
  const { D, seed } = sizes;
  const { blocks, permutations } = settings;
  if (D < 2) throw new Error("coupling: expected at least 2 parameters, got 1; use the gaussian or spline guide");
  if (permutations) checkPermutations(permutations, blocks - 1, D);
  const orders = permutations ?? Array.from({ length: blocks - 1 }, (_, b) => permutation(D, seed, b));
  return { ...traceFlow(sizes, orders, settings), drawn: { permutations: orders } };
}

/** Refuses a list that is no permutation, because its map would have no inverse. */
function checkPermutations(lists: unknown, count: number, D: number): void {
  const isIndex = (i: unknown): boolean => Number.isInteger(i) && (i as number) >= 0 && (i as number) < D;
  const sorted = (list: unknown): boolean =>
    Array.isArray(list) && list.length === D && list.every(isIndex) && new Set(list).size === D;
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

/** The log-scale and the shift of the half that a coupling moves, from the half that it keeps and the context. */
type Coupling = (kept: Tensor) => { readonly logScale: Tensor; readonly shift: Tensor };

function makeCoupling(
  name: string,
  [ins, outs]: readonly [number, number],
  settings: Settings,
  weight: MakeWeight | undefined,
): Coupling {
  const { hidden, activation, separate, base } = settings;
  const last = base === "prior" ? 1 : 0; // on another base, at the standard normal
  const net = (part: string, width: number, skip: boolean) =>
    mlp(`${name}.${part}`, [ins, ...hidden, width], { activation, skip, last, weight });
  if (separate) {
    const [scale, shift] = [net("scale", outs, false), net("shift", outs, false)];
    return (kept) => ({ logScale: tanh(scale(kept)), shift: shift(kept) });
  }
  const both = net("both", 2 * outs, hidden.length > 0);
  return (kept) => {
    const raw = both(kept);
    return { logScale: mul(tanh(mul(slice(raw, 0, outs), 0.5)), 2), shift: slice(raw, outs, 2 * outs) };
  };
}

function traceFlow(
  { D, E, weight }: GuideSizes,
  permutations: readonly (readonly number[])[],
  settings: Settings,
): TracedGuide {
  const half = Math.floor(D / 2);
  const layers = Array.from({ length: permutations.length + 1 }, (_, b) =>
    [half, D - half].map((kept, i) => makeCoupling(`block${b}.${i}`, [kept + E, D - kept], settings, weight)),
  );
  const density = (noise: Tensor, logScale: Tensor): Tensor =>
    sub(add(mul(sumFeatures(square(noise)), -0.5), normalConstant(D)), logScale);

  /** Noise to z. Each coupling puts the moved half first, so that the next one keeps it. */
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
