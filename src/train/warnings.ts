/**
 * Warnings about a finished training: a table of causes, such as a bank that is too small, and a table of symptoms, such as held-out
 * losses that rise. All causes are reported, or, if there are none, the first symptom.
 */
import type { Constant, ModelSpec, WeightsRecord } from "../model/model.ts";
import { LARGEST_K } from "../sampling/psis.ts";
import type { Simulations } from "../simulate/simulate.ts";

/** A bank of fewer simulations causes a warning. */
const LEAST_BANK = 100;
/** A larger share of copies among the simulations causes a warning. */
const REPEATED = 0.1;
/** Number of rows among which copies are counted. Rows are chosen by a hash of their content, so all copies of a row are chosen with it. */
const COUNTED = 8192;
/** Adam moves no weight by more than the sum of the rates. Below this sum, weights are nearly the initial ones. */
const LEAST_WAY = 0.1;
/** Fewest held-out losses that show a trend. */
const LEAST_LOSSES = 8;
/** Blocks of held-out pairs, and the share of them that a map must distinguish from shuffled pairs: 24 of 32 by chance once in 280. */
export const BLOCKS = 32;
const TOLD_APART = 0.75;
/** Efficiency of the weights below which a map counts as inaccurate. */
const LEAST_EFFICIENCY = 0.1;

/** The input and the course of a training. */
export interface Course {
  /** Simulations of the bank; 0 if every step simulates afresh. */
  readonly bank: number;
  /** Simulations: some, or all, of those trained on, and those held out. */
  readonly simulations: readonly Simulations[];
  readonly D: number;
  readonly M: number;
  readonly steps: number;
  /** The sum of the learning rates. */
  readonly way: number;
  /** Held-out losses by step, and the step of the best. */
  readonly heldOut: readonly (readonly [step: number, loss: number])[];
  readonly bestStep: number;
}

/** A training with measurements of its map. */
export interface Outcome extends Course {
  /**
   * For each block of held-out pairs, the loss of shuffled pairs minus the loss; null if the loss does not depend on pairs.
   */
  readonly gains: readonly number[] | null;
  /** Importance weights; undefined if they are not known. */
  readonly weights: WeightsRecord | undefined;
}

/** Returns a sentence, or false. */
type Check<Seen> = (seen: Seen) => string | false;

const causes: Readonly<Record<string, Check<Course>>> = {
  few: ({ bank }) =>
    bank > 0 &&
    bank < LEAST_BANK &&
    `the bank has ${bank} simulation${bank === 1 ? "" : "s"}, below ${LEAST_BANK}, and the map has seen no other data; simulate some thousands`,
  repeated: (course) => {
    const share = shareRepeated(course);
    return (
      share > REPEATED &&
      `${percent(share)} of the simulations are copies of others, so the held-out loss is measured on pairs that were trained on; give each pair once`
    );
  },
  constant: ({ simulations: [{ clean, count }], M }) =>
    count > 2 &&
    clean.every((v, k) => v === clean[k % M]) &&
    "the data are the same for all parameters, so they contain no information; check the forward model, or the columns of the data",
  short: ({ steps, way }) =>
    way < LEAST_WAY &&
    `${steps} step${steps === 1 ? "" : "s"} at these rates move no weight by more than ${way.toPrecision(2)}, so the map is almost untrained; take some thousands of steps`,
};

const symptoms: Readonly<Record<string, Check<Outcome>>> = {
  unrelated: ({ gains }) =>
    gains?.length === BLOCKS &&
    gains.filter((gain) => !(gain <= 0)).length < TOLD_APART * BLOCKS &&
    "the map has learned nothing about the parameters from the data: shuffled held-out pairs fit it as well as the true pairs; check that row i of the parameters belongs to row i of the data, or train longer",
  rising: ({ bank, heldOut, bestStep }) =>
    bank > 0 &&
    rises(heldOut, bestStep) &&
    `the held-out loss rose for most of the training: it was best at step ${bestStep} of ${heldOut[heldOut.length - 1][0]}, whose weights the map has; the guide overfits the bank, so simulate more, or take fewer steps or a smaller guide`,
  off: ({ weights }) =>
    weights !== undefined &&
    (!(weights.kHat <= LARGEST_K) || weights.efficiency < LEAST_EFFICIENCY) &&
    `the map is inaccurate on held-out observations: ${weightsText(weights)}; train longer or with a larger guide, and correct() its posteriors`,
};

const tell = <Seen>(checks: Readonly<Record<string, Check<Seen>>>, seen: Seen): string[] =>
  Object.values(checks).flatMap((check) => check(seen) || []);

/** Causes of a bad map, each in a sentence. */
export const causesOf = (course: Course): string[] => tell(causes, course);

/** Symptoms of a bad map without a known cause: at most one sentence. */
export const symptomsOf = (outcome: Outcome): string[] => tell(symptoms, outcome).slice(0, 1);

/** What is said of columns that never vary; where all of them do not, that is a cause. */
export function remarkOn(
  constant: readonly Constant[],
  { M, embedding }: Pick<ModelSpec, "M" | "embedding">,
): string[] {
  if (constant.length === 0 || constant.length === M) return [];
  const [{ column, value }, ...more] = constant;
  const [which, is, it] =
    more.length > 0 ? [`columns ${column} and ${more.length} more`, "are", "them"] : [`column ${column}`, "is", "it"];
  const seen = embedding.kind === "none" ? `sees ${it} nevertheless` : `does not see ${it}`;
  return [
    `${which} of the data ${is} the same in all simulations (${value}): the guide ${seen}, and infer warns of an observation that differs there`,
  ];
}

/** The weights of held-out observations in words. */
export const weightsText = ({ cases, kHat, kHatAbove, efficiency }: WeightsRecord): string =>
  `over ${cases}, the median k̂ is ${Number.isFinite(kHat) ? kHat.toFixed(2) : "∞"}, ${percent(kHatAbove)} have k̂ above ${LARGEST_K}, and the median efficiency of the weights is ${percent(efficiency)}`;

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

/** The share of rows (θ, data without noise) that another row equals. */
function shareRepeated({ simulations, D, M }: Course): number {
  const every = Math.ceil(simulations.reduce((sum, { count }) => sum + count, 0) / COUNTED);
  const seen = new Set<number>();
  let counted = 0;
  for (const { theta, clean, count } of simulations) {
    const [a, b] = [theta, clean].map(
      ({ buffer, byteOffset, byteLength }) => new Int32Array(buffer, byteOffset, byteLength / 4),
    );
    const [first, second] = [(a.length / theta.length) * D, (b.length / clean.length) * M]; // words of a row
    for (let i = 0; i < count; i++) {
      const hash = hashOf(b, i * second, second, hashOf(a, i * first, first, 0));
      if ((hash >>> 0) % every > 0) continue;
      counted++;
      seen.add(hash);
    }
  }
  return counted > 0 ? 1 - seen.size / counted : 0;
}

/** Mixes words into a hash, as MurmurHash3 does (Appleby 2011). */
function hashOf(words: Int32Array, first: number, count: number, start: number): number {
  let h = start;
  for (let k = 0; k < count; k++) {
    let w = Math.imul(words[first + k], 0xcc9e2d51);
    w = Math.imul((w << 15) | (w >>> 17), 0x1b873593);
    h ^= w;
    h = Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64;
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Whether the best loss is in the first half, and later losses rose by more than they scatter. */
function rises(heldOut: Course["heldOut"], bestStep: number): boolean {
  const last = heldOut[heldOut.length - 1][0];
  const after = heldOut.filter(([step]) => step >= bestStep).map(([, loss]) => loss);
  if (heldOut.length < LEAST_LOSSES || bestStep > last / 2) return false;
  const scatter = median(after.slice(1).map((loss, i) => Math.abs(loss - after[i])));
  const late = median(after.slice(Math.floor((after.length * 3) / 4)));
  return late - after[0] > 0.01 + 3 * scatter;
}

/** The median; of an even number the higher of the middle two. */
export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];
