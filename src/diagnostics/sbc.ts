/**
 * Simulation-based calibration (Talts, Betancourt, Simpson, Vehtari & Gelman 2018, arXiv 1804.06788): over cases simulated from
 * the model, the rank of each true parameter among draws of its posterior is uniform. Ranks of further quantities of parameters
 * and data, above all of the log-likelihood, detect errors that ranks of parameters miss (Modrák et al., Bayesian Analysis 2023,
 * arXiv 2211.02383). Bands for the whole distribution function: bands.ts.
 */
import { expectList, expectNumber } from "../checks/arguments.ts";
import { flag, type OptionsOf, option, readOptions, whole } from "../checks/options.ts";
import { alphaTable } from "./bands.ts";
import { type Curve, curvesOf, uniformLaw } from "./curves.ts";
import { expectRanks, type Ranks } from "./ranks.ts";
import { binomialTails, logFactorials } from "./special.ts";

/** Ranks of one quantity, judged. */
export interface CalibratedQuantity extends Curve {
  /** The shape of the ranks in words. */
  readonly reading: string;
  /** (mean rank − ½) and (variance of ranks ∕ variance of uniform ranks − 1), in standard errors. */
  readonly shift: number;
  readonly spread: number;
}

/** The result of simulation-based calibration. */
export interface Calibration {
  /** Parameters, then quantities. */
  readonly curves: readonly CalibratedQuantity[];
  /** Probability, at most, that any curve of an exact posterior fails. */
  readonly alpha: number;
  readonly passed: boolean;
  /** Names of the parameters and quantities that failed. */
  readonly failed: readonly string[];
}

export const sbcTable = {
  ...alphaTable,
  /** Whether quantities are judged beside the parameters. */
  quantities: option(flag, true),
};

/** Judges ranks of parameters and quantities, each with bands at level alpha divided by their number. */
export function sbc(ranks: Ranks, options: OptionsOf<typeof sbcTable> = {}): Calibration {
  expectRanks("sbc", ranks, "parameters");
  const { alpha, quantities } = readOptions("sbc", sbcTable, options);
  const all = [...ranks.parameters, ...(quantities ? ranks.quantities : [])];
  const lists = all.map(({ name, ranks: values }) => ({ name, values }));
  const curves = curvesOf(lists, uniformLaw(ranks.draws), alpha).map((curve, i) => {
    const { shift, spread } = standardised(all[i].ranks, ranks.draws);
    return { ...curve, shift, spread, reading: read(curve.passed, shift, spread) };
  });
  const failed = curves.filter((c) => !c.passed).map((c) => c.name);
  return { curves, alpha, passed: failed.length === 0, failed };
}

/** Mean and variance of ranks, in standard errors from those of uniform ranks. */
function standardised(ranks: Int32Array, L: number): { shift: number; spread: number } {
  const N = ranks.length;
  // Uniform on 0 … L: mean L/2, variance L(L + 2)/12, fourth central moment L(L + 2)(3L² + 6L − 4)/240.
  const [variance, fourth] = [(L * (L + 2)) / 12, (L * (L + 2) * (3 * L * L + 6 * L - 4)) / 240];
  let [sum, squares] = [0, 0];
  for (const r of ranks) {
    sum += r - L / 2;
    squares += (r - L / 2) ** 2;
  }
  return {
    shift: sum / Math.sqrt(N * variance),
    spread: (squares - N * variance) / Math.sqrt(N * (fourth - variance * variance)),
  };
}

/** Standard errors beyond which the reading of a failed curve names a shift, or a wrong width. */
const CLEAR = 2.5;

function read(passed: boolean, shift: number, spread: number): string {
  if (passed) return "uniform within its bands";
  const said: string[] = [];
  if (shift > CLEAR) said.push("draws too low");
  if (shift < -CLEAR) said.push("draws too high");
  if (spread > CLEAR) said.push("posterior too narrow");
  if (spread < -CLEAR) said.push("posterior too wide");
  return said.length === 0 ? "not uniform" : said.join(", ");
}

/** A histogram of ranks with bands. */
export interface RankHistogram {
  /** Bin b holds the ranks edges[b] ≤ r < edges[b + 1]; (B + 1). */
  readonly edges: Int32Array;
  readonly counts: Int32Array;
  /** Bounds that the counts of uniform ranks all keep with probability at least 1 − alpha (B). */
  readonly low: Int32Array;
  readonly high: Int32Array;
}

export const histogramTable = {
  ...alphaTable,
  /** Number of bins; by default 20, but at most L + 1. */
  bins: option(whole(2)),
};

/**
 * A histogram of ranks 0 … L, for plots: bins of nearly equal width, with binomial bands by Bonferroni.
 * @throws when there are more bins than ranks.
 */
export function rankHistogram(
  ranks: ArrayLike<number>,
  L: number,
  options: OptionsOf<typeof histogramTable> = {},
): RankHistogram {
  expectList("rankHistogram", "ranks", ranks);
  expectNumber("rankHistogram", "L to be a whole number above 0", L, (x) => Number.isInteger(x) && x > 0);
  const { bins = Math.min(20, L + 1), alpha } = readOptions("rankHistogram", histogramTable, options);
  if (bins > L + 1) throw new Error(`rankHistogram: expected at most ${L + 1} bins, one a rank, got ${bins}`);
  const N = ranks.length;
  const edges = Int32Array.from({ length: bins + 1 }, (_, b) => Math.round((b * (L + 1)) / bins));
  const counts = new Int32Array(bins);
  for (let i = 0; i < N; i++) counts[edges.findLastIndex((e, b) => b < bins && e <= ranks[i])]++;
  const logs = logFactorials(N);
  const [low, high] = [new Int32Array(bins), new Int32Array(bins).fill(N)];
  for (let b = 0; b < bins; b++) {
    const { below, above } = binomialTails(N, (edges[b + 1] - edges[b]) / (L + 1), logs);
    while (!(below[low[b]] > alpha / (2 * bins))) low[b]++;
    while (!(above[high[b]] > alpha / (2 * bins))) high[b]--;
  }
  return { edges, counts, low, high };
}
