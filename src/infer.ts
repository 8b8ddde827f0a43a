/** `retrodict/infer`: what a page that only infers needs; without a bundler it loads less than half of `retrodict`. */

export { type Folders, setFolders } from "./host/folders.ts";
export { type AmortisedPosterior, type InferOptions, infer } from "./infer/infer.ts";
export { type PosteriorStream, type StreamOptions, stream } from "./infer/stream.ts";
export type { InverseMap } from "./model/model.ts";
export type { Posterior, SampleOptions } from "./posterior/posterior.ts";
export { type Observation, type SetData, set } from "./problem/set.ts";
export type { CorrectedPosterior, CorrectOptions } from "./sampling/correct.ts";
export { shippedModels } from "./store/shipped.ts";
export { type LoadOptions, load } from "./store/store.ts";
