/**
 * What speaks against a training that came to its end: a table of causes, such as a bank that is too small, and one of symptoms, such
 * as held-out losses that rise. All causes are told; the first symptom is told where no cause explains it.
 */
import type { Constant, ModelSpec, WeightsRecord } from "../model/model.ts";
import { LARGEST_K } from "../sampling/psis.ts";
import type { Simulations } from "../simulate/simulate.ts";

/** Fewer simulations than this are no bank. */
const LEAST_BANK = 100;
/** Share of simulations that are copies of others, from which they are told. */
const REPEATED = 0.1;
/** Rows that copies are counted among: chosen by what they hold, so that all copies of a row are chosen with it. */
const COUNTED = 8192;
/** Adam moves no weight by more than the sum of the rates. Below this, weights are nearly those that training began with. */
const LEAST_WAY = 0.1;
/** Held-out losses from which a trend can be told. */
const LEAST_LOSSES = 8;
/** Of the blocks of held-out pairs, the share that a map must tell from pairs that do not belong together: 24 of 32 by luck once in 280. */
export const BLOCKS = 32;
const TOLD_APART = 0.75;
/** Share of the draws that weights keep, below which a map is far off. */
const LEAST_EFFICIENCY = 0.1;

/** What a training was given, and how it went. */
export interface Course {
  /** Simulations that were trained on again and again; 0 where they are made afresh for every step. */
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

/** What was measured of the map. */
export interface Outcome extends Course {
  /**
   * In blocks of held-out pairs, how much larger the loss is of pairs put together at random than of those that belong together;
   * null where the loss does not look at pairs.
   */
  readonly gains: readonly number[] | null;
  /** What importance weights say; undefined where they are not known. */
  readonly weights: WeightsRecord | undefined;
}

/** A sentence where there is something to say. */
type Check<Seen> = (seen: Seen) => string | false;

const causes: Readonly<Record<string, Check<Course>>> = {
  few: ({ bank }) =>
    bank > 0 &&
    bank < LEAST_BANK &&
    `the bank holds ${bank} simulation${bank === 1 ? "" : "s"}, below ${LEAST_BANK}: the map knows no other data; simulate some thousands`,
  repeated: (course) => {
    const share = shareRepeated(course);
    return (
      share > REPEATED &&
      `${percent(share)} of the simulations are copies of others, so that the held-out loss is of pairs that were trained on; give each pair once`
    );
  },
  constant: ({ simulations: [{ clean, count }], M }) =>
    count > 2 &&
    clean.every((v, k) => v === clean[k % M]) &&
    "the data are the same for all parameters, so that they say nothing of them; check the forward model, or the columns of the data",
  short: ({ steps, way }) =>
    way < LEAST_WAY &&
    `${steps} step${steps === 1 ? "" : "s"} at these rates move no weight by more than ${way.toPrecision(2)}: the map is as good as untrained; take some thousands`,
};

const symptoms: Readonly<Record<string, Check<Outcome>>> = {
  unrelated: ({ gains }) =>
    gains?.length === BLOCKS &&
    gains.filter((gain) => !(gain <= 0)).length < TOLD_APART * BLOCKS &&
    "the map has learned nothing of the parameters from the data: held-out pairs put together at random fit it as well as those that belong together; check that row i of both belongs together, or train for longer",
  rising: ({ bank, heldOut, bestStep }) =>
    bank > 0 &&
    rises(heldOut, bestStep) &&
    `the held-out loss rose for most of the training: it was best at step ${bestStep} of ${heldOut[heldOut.length - 1][0]}, whose weights the map has; the guide learns the bank by heart, so simulate more, or take fewer steps or a smaller guide`,
  off: ({ weights }) =>
    weights !== undefined &&
    (!(weights.kHat <= LARGEST_K) || weights.efficiency < LEAST_EFFICIENCY) &&
    `the map is far off the posteriors of held-out observations: ${weightsText(weights)}; train for longer or with a larger guide, and correct() what it answers`,
};

const tell = <Seen>(checks: Readonly<Record<string, Check<Seen>>>, seen: Seen): string[] =>
  Object.values(checks).flatMap((check) => check(seen) || []);

/** What explains a bad map, each in a sentence. */
export const causesOf = (course: Course): string[] => tell(causes, course);

/** What a bad map is known by where no cause is: one sentence at most. */
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
  `k̂ ${Number.isFinite(kHat) ? kHat.toFixed(2) : "∞"} in the median of ${cases}, above ${LARGEST_K} for ${percent(kHatAbove)}, and weights keep ${percent(efficiency)} of the draws`;

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

/** Whether losses rose from a best one in the first half on, by more than they scatter from one to the next. */
function rises(heldOut: Course["heldOut"], bestStep: number): boolean {
  const last = heldOut[heldOut.length - 1][0];
  const after = heldOut.filter(([step]) => step >= bestStep).map(([, loss]) => loss);
  if (heldOut.length < LEAST_LOSSES || bestStep > last / 2) return false;
  const scatter = median(after.slice(1).map((loss, i) => Math.abs(loss - after[i])));
  const late = median(after.slice(Math.floor((after.length * 3) / 4)));
  return late - after[0] > 0.01 + 3 * scatter;
}

/** The middle one; of an even number the higher of two. */
export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];
