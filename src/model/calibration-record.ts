/**
 * The result of an evaluation (evaluate/evaluate.ts) as a model file keeps it: plain data, without the curves and draws that
 * pictures are made of. The full evaluation (evaluate/evaluation.ts) is written in the same words.
 */

/** What posteriors were compared with: the problem's own sampler, quadrature over a table of solves, chains, or nothing. */
export type TruthName = "exact" | "quadrature" | "nuts" | "none";

/** "sound": believe the model; "correct": believe it after correct(); "doubtful": do not believe it. */
export type Level = "sound" | "correct" | "doubtful";

/** The verdict on a model, in words. */
export interface Verdict {
  readonly level: Level;
  /** One sentence. */
  readonly headline: string;
  /** The findings, best news first; `good` is false for a finding against the model. */
  readonly findings: readonly { readonly good: boolean; readonly text: string }[];
}

/** Summary of many Kolmogorov–Smirnov statistics, each in [0, 1]. */
export interface PooledKs {
  readonly mean: number;
  readonly median: number;
  /** The 90 % quantile. */
  readonly p90: number;
  readonly max: number;
}

/** Ranks of the true values of one parameter, with the counts that all bins stay within. */
export interface RankBins {
  /** Name of the parameter. */
  readonly name: string;
  /** First rank of each bin, and one past the last rank. */
  readonly edges: readonly number[];
  /** Ranks in each bin. */
  readonly counts: readonly number[];
  /** Least and largest count of each bin in a calibrated model. */
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** One calibration curve: whether it stayed within its bands, and how it looks. */
export interface CurveRecord {
  readonly name: string;
  readonly pValue: number;
  readonly passed: boolean;
  /** How the curve looks, in words. */
  readonly reading: string;
}

/** Calibration over many fresh cases, drawn from the prior; `Curve` is what is known of each curve. */
export interface CalibrationSummary<Curve extends CurveRecord = CurveRecord> {
  readonly cases: number;
  /** Posterior draws of each case. */
  readonly draws: number;
  /** Largest probability that each of the three tests rejects a right posterior. */
  readonly alpha: number;
  /** Simulation-based calibration, one curve and one set of bins a parameter. */
  readonly sbc: {
    readonly passed: boolean;
    readonly curves: readonly Curve[];
    readonly ranks: readonly RankBins[];
  };
  /** Regions of highest density, then central intervals of each parameter. */
  readonly coverage: { readonly passed: boolean; readonly curves: readonly Curve[] };
  readonly tarp: { readonly passed: boolean; readonly curve: Curve };
  /** Share of the cases that lie farther from the simulations than 99.5 % of those held out, and than all of them. */
  readonly foreign: { readonly beyondMost: number; readonly beyondAll: number };
}

/** The record of an evaluation, kept beside the weights. */
export interface CalibrationRecord {
  readonly verdict: Verdict;
  /** What the posteriors were compared with, by name and in words. */
  readonly against: { readonly name: TruthName; readonly text: string };
  /** Cases compared with the truth. */
  readonly cases: number;
  /** Posterior draws of each case. */
  readonly draws: number;
  readonly seed: number;
  /** Null where there was nothing to compare posteriors with. */
  readonly ks: {
    /** Mean statistic of two exact samples. */
    readonly floor: number;
    readonly guide: PooledKs;
    readonly corrected: PooledKs | null;
  } | null;
  /** Share of cases whose k̂ is above 0.7. Null without a likelihood. */
  readonly kHatAbove: number | null;
  /** Root mean square of re-simulated data from the noise-free ones, in noise sd: guide and truth. */
  readonly resimulation: { readonly guide: number; readonly truth: number | null } | null;
  /** Share of cases for which `infer` gives a warning. */
  readonly warned: number;
  readonly calibration: CalibrationSummary;
}
