/** Diagnostics of posteriors; docs/diagnostics.md says which errors each of them detects. */

export type { Rows } from "./checks/rows.ts";
export { type Arviz, type ArvizGroup, type ArvizOptions, type Nested, toArviz } from "./diagnostics/arviz.ts";
export { type C2st, type C2stOptions, c2st } from "./diagnostics/c2st.ts";
export { type Coverage, coverage, type ReadCurve } from "./diagnostics/coverage.ts";
export type { Curve } from "./diagnostics/curves.ts";
export {
  type Divergence,
  gaussianKl,
  klDivergence,
  klFromDraws,
  type LogDensity,
  type Moments,
} from "./diagnostics/kl.ts";
export {
  type KsComparison,
  ksBound,
  ksCompare,
  ksFloor,
  ksOneSample,
  ksPerParameter,
  ksPValue,
  ksTwoSample,
  pool,
  quantile,
} from "./diagnostics/ks.ts";
export { logLikelihoodQuantity } from "./diagnostics/likelihood.ts";
export {
  checkReplications,
  type Discrepancy,
  type PredictiveCheck,
  type PredictiveOptions,
  predictiveCheck,
  type Replications,
} from "./diagnostics/predictive.ts";
export { type Quantity, type RankList, type RankOptions, type Ranks, rankTruths } from "./diagnostics/ranks.ts";
export { type Resimulation, resimulate, resimulationError } from "./diagnostics/resimulation.ts";
export {
  type CalibratedQuantity,
  type Calibration,
  type RankHistogram,
  rankHistogram,
  sbc,
} from "./diagnostics/sbc.ts";
export { tarp } from "./diagnostics/tarp.ts";
export { evaluate } from "./evaluate/evaluate.ts";
export type { Evaluation } from "./evaluate/evaluation.ts";
export type { EvaluateOptions } from "./evaluate/options.ts";
export { recordOf, withCalibration } from "./evaluate/record.ts";
export type {
  CalibrationRecord,
  CalibrationSummary,
  CurveRecord,
  PooledKs,
  RankBins,
  TruthName,
  Verdict,
} from "./model/calibration-record.ts";
export { bfmi, essBulk, essMean, essTail, rHat } from "./sampling/convergence.ts";
export { paretoSmooth, type SmoothedWeights } from "./sampling/psis.ts";
