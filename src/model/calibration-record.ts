/**
 * The result of an evaluation (evaluate/evaluate.ts) as a model file keeps it: plain data, without the curves and draws that
 * only pictures need. The full evaluation (evaluate/evaluation.ts) uses the same types.
 */

/** The reference posterior: the problem's own sampler, quadrature over a table of solves, chains, or none. */
export type TruthName = "exact" | "quadrature" | "nuts" | "none";

/** "sound": believe the model; "correct": believe it after correct(); "doubtful": do not believe it. */
export type Level = "sound" | "correct" | "doubtful";

/** The verdict on a model, in words. */
export interface Verdict {
  readonly level: Level;
  /** The verdict in one to three sentences. */
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
  /** Largest probability that each of the three tests rejects a correct posterior. */
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
  /** Shares of the cases that are farther from the simulations than 99.5 % of the held-out ones, and than all of them. */
  readonly foreign: { readonly beyondMost: number; readonly beyondAll: number };
}

/** The record of an evaluation, kept beside the weights. */
export interface CalibrationRecord {
  readonly verdict: Verdict;
  /** The reference posterior, by name and in words. */
  readonly against: { readonly name: TruthName; readonly text: string };
  /** Cases compared with the reference posterior. */
  readonly cases: number;
  /** Posterior draws of each case. */
  readonly draws: number;
  readonly seed: number;
  /** Null without a reference posterior. */
  readonly ks: {
    /** Mean statistic of two exact samples. */
    readonly floor: number;
    readonly guide: PooledKs;
    readonly corrected: PooledKs | null;
  } | null;
  /** Share of cases whose k̂ is above 0.7. Null without a likelihood. */
  readonly kHatAbove: number | null;
  /** Root mean square error of re-simulated data, in noise sd: for draws of the guide, and of the reference. */
  readonly resimulation: { readonly guide: number; readonly truth: number | null } | null;
  /** Share of cases for which `infer` gives a warning. */
  readonly warned: number;
  readonly calibration: CalibrationSummary;
}
