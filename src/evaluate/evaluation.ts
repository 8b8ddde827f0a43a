/** What an evaluation says of a model: plain data, from which the summary, the JSON and the report are made. */
import type { Rows } from "../backends/backend.ts";
import type { CalibrationSummary, CurveRecord, PooledKs, TruthName, Verdict } from "../model/calibration-record.ts";
import type { ModelSpec } from "../model/model.ts";

/** A curve of shares with simultaneous bands (diagnostics/curves.ts), as plain lists. */
export interface BandedCurve extends CurveRecord {
  readonly expected: readonly number[];
  readonly observed: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** KS of draws against the truth's: a number for each parameter of each case, and what two exact samples would give. */
export interface KsSummary extends PooledKs {
  /** (cases, D) */
  readonly statistics: readonly (readonly number[])[];
  readonly floor: number;
}

/** One case with all that a picture needs. */
export interface Example {
  readonly index: number;
  /** (M), (D) */
  readonly y: readonly number[];
  readonly theta: readonly number[];
  /** Draws (S, D) of guide and truth. */
  readonly guide: Rows;
  /** Null where there is none. */
  readonly truth: Rows | null;
  readonly mean: readonly number[];
  readonly sd: readonly number[];
  readonly q05: readonly number[];
  readonly q95: readonly number[];
  /** Mean KS over the parameters, k̂ of the weights, distance share. */
  readonly ks: number | null;
  readonly kHat: number | null;
  readonly farther: number;
  /** Why it is shown: "typical", "worst KS", … */
  readonly title: string;
}

/** The result of `evaluate`: plain data, from which the summary, the JSON and the report are made. */
export interface Evaluation {
  readonly problem: string;
  readonly description: string;
  readonly model: Pick<ModelSpec, "guide" | "training" | "parameters" | "D" | "M">;
  /** Prior mean and sd of each parameter (D), and draws (S, D) of it for pictures. */
  readonly prior: { readonly mean: readonly number[]; readonly sd: readonly number[]; readonly draws: Rows };
  readonly verdict: Verdict;
  readonly against: { readonly name: TruthName; readonly text: string };
  /** Those held against the truth: fewer than were asked for where more were dropped. */
  readonly cases: number;
  /** Fresh simulations that failed and were dropped: what is said holds where the problem can be simulated. */
  readonly dropped: number;
  readonly draws: number;
  readonly seed: number;
  /** Null where there is nothing to hold posteriors against. */
  readonly ks: { readonly guide: KsSummary; readonly corrected: KsSummary | null } | null;
  /** Root mean square of re-simulated data from the noise-free ones, in noise sd, over all cases: guide and truth. */
  readonly resimulation: { readonly guide: number; readonly truth: number } | null;
  /**
   * Weights of the guide's draws, a case each: k̂ and effective sample size as a share of the draws; `above` is the share of
   * cases with k̂ > 0.7. Null without a likelihood.
   */
  readonly weights: {
    readonly kHat: readonly number[];
    readonly ess: readonly number[];
    readonly above: number;
  } | null;
  /** Share of cases whose datum `infer` warns of. */
  readonly warned: number;
  readonly calibration: CalibrationSummary<BandedCurve>;
  readonly examples: readonly Example[];
  /** Training and held-out losses by step, where the model holds them. */
  readonly losses: {
    readonly steps: readonly number[];
    readonly train: readonly number[];
    readonly heldOut: readonly number[];
  } | null;
  readonly seconds: number;
  readonly milliseconds: { readonly infer: number; readonly truth: number };
  readonly device: string;
}
