/** The result of `evaluate` as plain data. */
import type { Rows } from "../backends/backend.ts";
import type { CalibrationSummary, CurveRecord, PooledKs, TruthName, Verdict } from "../model/calibration-record.ts";
import type { ModelSpec } from "../model/model.ts";
import type { Solver } from "../problem/solvers.ts";

/** A curve of shares with simultaneous bands (diagnostics/curves.ts), as plain lists. */
export interface BandedCurve extends CurveRecord {
  readonly expected: readonly number[];
  readonly observed: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** KS of draws and reference draws for each parameter of each case, and its mean for two exact samples (`floor`). */
export interface KsSummary extends PooledKs {
  /** (cases, D) */
  readonly statistics: readonly (readonly number[])[];
  readonly floor: number;
}

/** One case, with everything that its pictures need. */
export interface Example {
  readonly index: number;
  /** (M), (D) */
  readonly y: readonly number[];
  readonly theta: readonly number[];
  /** Draws (S, D) of the guide. */
  readonly guide: Rows;
  /** Draws (S, D) of the reference posterior; null without one. */
  readonly truth: Rows | null;
  readonly mean: readonly number[];
  readonly sd: readonly number[];
  readonly q05: readonly number[];
  readonly q95: readonly number[];
  /** Mean KS over the parameters, k̂ of the weights, share of held-out simulations that are farther. */
  readonly ks: number | null;
  readonly kHat: number | null;
  readonly farther: number;
  /** Why it is shown: "typical case", "worst KS", … */
  readonly title: string;
}

/** The result of `evaluate`: plain data, from which the summary, the JSON and the report are made. */
export interface Evaluation {
  readonly problem: string;
  readonly description: string;
  readonly model: Pick<ModelSpec, "guide" | "training" | "parameters" | "D" | "M"> & {
    /** Solvers of differential equations in the forward model, with their steps; absent for none. */
    readonly solvers?: readonly Solver[];
  };
  /** Prior mean and sd of each parameter (D), and draws (S, D) of it for pictures. */
  readonly prior: { readonly mean: readonly number[]; readonly sd: readonly number[]; readonly draws: Rows };
  readonly verdict: Verdict;
  readonly against: { readonly name: TruthName; readonly text: string };
  /** Cases compared with the reference posterior; fewer than requested if too many simulations were dropped. */
  readonly cases: number;
  /**
   * Of maps for missing data, the cases by the share that is missing: none of it, then up to each quarter: mean KS of the guide and of
   * corrected draws, null without a reference, and the share of cases with k̂ > 0.7, null without a likelihood.
   */
  readonly byMissing?: readonly {
    readonly missing: number;
    readonly cases: number;
    readonly ks: number | null;
    readonly corrected: number | null;
    readonly kHatAbove: number | null;
  }[];
  /** Simulations that failed and were dropped: the evaluation holds only where the problem can be simulated. */
  readonly dropped: number;
  readonly draws: number;
  readonly seed: number;
  /** Null without a reference posterior. */
  readonly ks: { readonly guide: KsSummary; readonly corrected: KsSummary | null } | null;
  /** Root mean square error of re-simulated data, in noise sd, over all cases: for draws of the guide, and of the reference. */
  readonly resimulation: { readonly guide: number; readonly truth: number } | null;
  /**
   * Importance weights of the guide's draws in each case: k̂, and effective sample size as a share of the draws; `above` is the
   * share of cases with k̂ > 0.7. Null without a likelihood.
   */
  readonly weights: {
    readonly kHat: readonly number[];
    readonly ess: readonly number[];
    readonly above: number;
  } | null;
  /** Share of cases for which `infer` gives a warning. */
  readonly warned: number;
  readonly calibration: CalibrationSummary<BandedCurve>;
  readonly examples: readonly Example[];
  /** Training and held-out losses by step; null if the model has none. */
  readonly losses: {
    readonly steps: readonly number[];
    readonly train: readonly number[];
    readonly heldOut: readonly number[];
  } | null;
  readonly seconds: number;
  readonly milliseconds: { readonly infer: number; readonly truth: number };
  readonly device: string;
}
