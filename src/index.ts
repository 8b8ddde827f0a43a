/** Retrodict: learn the Bayesian inverse map of a physical model, then answer every measurement with a posterior. */
export type { BackendOptions } from "./backends/select.ts";
export type { Distribution } from "./distributions/distribution.ts";
export type { PriorParameter } from "./distributions/entrywise.ts";
export { logNormal } from "./distributions/log-normal.ts";
export { type Ar1NoiseOptions, ar1Noise } from "./distributions/noise/ar1.ts";
export { type BernoulliNoiseOptions, bernoulliNoise } from "./distributions/noise/bernoulli.ts";
export { type BetaNoiseOptions, betaNoise } from "./distributions/noise/beta.ts";
export { type BinomialNoiseOptions, binomialNoise } from "./distributions/noise/binomial.ts";
export { type CategoricalNoiseOptions, categoricalNoise } from "./distributions/noise/categorical.ts";
export { gaussianNoise } from "./distributions/noise/gaussian.ts";
export { type Draws, type LikelihoodOptions, likelihood } from "./distributions/noise/likelihood.ts";
export { logNormalNoise } from "./distributions/noise/log-normal.ts";
export { type MixturePart, mixtureNoise } from "./distributions/noise/mixture.ts";
export type { NoiseFunction, NoiseModel } from "./distributions/noise/model.ts";
export { type NegativeBinomialNoiseOptions, negativeBinomialNoise } from "./distributions/noise/negative-binomial.ts";
export type { DataKind, Information, Noise, NoiseParameter } from "./distributions/noise/noise.ts";
export { type PoissonNoiseOptions, poissonNoise } from "./distributions/noise/poisson.ts";
export {
  type SquaredExponentialNoiseOptions,
  squaredExponentialNoise,
} from "./distributions/noise/squared-exponential.ts";
export { type StudentNoiseOptions, studentNoise } from "./distributions/noise/student.ts";
export type { Covariance } from "./distributions/noise/whitening.ts";
export { normal } from "./distributions/normal.ts";
export { product } from "./distributions/product.ts";
export { softUniform } from "./distributions/soft-uniform.ts";
export { truncatedNormal } from "./distributions/truncated-normal.ts";
export { uniform } from "./distributions/uniform.ts";
export * from "./guides/all.ts";
export type { Guide } from "./guides/guide.ts";
export { type Folders, setFolders } from "./host/folders.ts";
export { type AmortisedPosterior, type InferOptions, infer } from "./infer/infer.ts";
export { type LaplaceOptions, type LaplacePosterior, laplace } from "./infer/laplace.ts";
export { type PosteriorStream, type StreamOptions, stream } from "./infer/stream.ts";
export type { InverseMap, ModelSpec } from "./model/model.ts";
export type { ConvOptions, DenseOptions, GruOptions, Layers } from "./nn/layers.ts";
export type { NetworkOption, OwnEmbedding } from "./nn/networks.ts";
export type { SetNetworkOptions } from "./nn/sets.ts";
export { type Derived, type DeriveOptions, derive } from "./posterior/derive.ts";
export type { Posterior, SampleOptions } from "./posterior/posterior.ts";
export { defineProblem, type ProblemSpec } from "./problem/define.ts";
export type { Problem } from "./problem/problem.ts";
export { type Observation, type SetData, type SetDeclaration, type SetOptions, set } from "./problem/set.ts";
export type { CallSettings, Simulator, SimulatorCall, SimulatorSpec } from "./problem/simulator.ts";
export type { RefineOptions, RefineProgress } from "./refine/options.ts";
export { type Refined, refine } from "./refine/refine.ts";
export type { Evidence } from "./sampling/bridge.ts";
export type { CorrectedPosterior, CorrectionMethod, CorrectOptions } from "./sampling/correct.ts";
export type { NutsDiagnostics, ParameterDiagnostics } from "./sampling/diagnose.ts";
export type { NutsProgress } from "./sampling/lockstep.ts";
export { nuts } from "./sampling/nuts.ts";
export type { NutsOptions } from "./sampling/nuts-options.ts";
export type { SampledPosterior } from "./sampling/sampled.ts";
export type { Mode } from "./search/modes.ts";
export { type SimulationControl, type SimulationProgress, SimulationStopped } from "./simulate/options.ts";
export type { Pairs } from "./simulate/pairs.ts";
export { type PredictOptions, predict } from "./simulate/predict.ts";
export { type SimulateOptions, type Simulations, simulate } from "./simulate/simulate.ts";
export { type UmbridgeModel, type UmbridgeOptions, umbridge } from "./simulate/umbridge.ts";
export { loadPairs } from "./store/pairs-file.ts";
export { shippedModels } from "./store/shipped.ts";
export {
  type LoadOptions,
  load,
  loadCheckpoint,
  type SaveOptions,
  save,
  saveCheckpoint,
  toBytes,
} from "./store/store.ts";
export { type Surrogate, type SurrogateOptions, type SurrogateProgress, surrogate } from "./surrogate/surrogate.ts";
export { type Checkpoint, TrainingStopped } from "./train/checkpoint.ts";
export type { Preset, Progress, TrainOptions } from "./train/options.ts";
export type { Schedule } from "./train/schedules.ts";
export { train } from "./train/train.ts";
export { VERSION } from "./version.ts";
