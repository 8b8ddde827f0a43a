/** Diagnostics of posteriors: what each sees, and what it cannot, is told in docs/diagnostics.md. */

export { type EvaluateOptions, evaluate } from "../evaluate/evaluate.ts";
export type { Evaluation, TruthName, Verdict } from "../evaluate/evaluation.ts";
export { recordOf, withCalibration } from "../evaluate/record.ts";
export type { CalibrationRecord, CurveRecord } from "../model.ts";
export type { Rows } from "./arrays.ts";
export { type C2st, type C2stOptions, c2st } from "./c2st.ts";
export { type Coverage, coverage } from "./coverage.ts";
export type { Curve } from "./curves.ts";
export { type Divergence, gaussianKl, klDivergence, klFromDraws, type LogDensity, type Moments } from "./kl.ts";
export {
  type KsComparison,
  ksBound,
  ksCompare,
  ksFloor,
  ksOneSample,
  ksPerParameter,
  ksPValue,
  ksTwoSample,
  type PooledKs,
  pool,
  quantile,
} from "./ks.ts";
export { logLikelihoodQuantity } from "./likelihood.ts";
export {
  checkReplications,
  type Discrepancy,
  type PredictiveCheck,
  type PredictiveOptions,
  predictiveCheck,
  type Replications,
} from "./predictive.ts";
export { type Quantity, type RankOptions, type Ranks, rankTruths } from "./ranks.ts";
export { type Resimulation, resimulate, resimulationError } from "./resimulation.ts";
export { type CalibratedQuantity, type Calibration, type RankHistogram, rankHistogram, sbc } from "./sbc.ts";
export { tarp } from "./tarp.ts";
