/** The plans of a training: the graph of problem, guide and objective, lowered. */
import { frameOf } from "../distributions/frame.ts";
import { normal } from "../distributions/normal.ts";
import { bankRows, batchSum, cast, div, exp, input, mul, slice, sub } from "../graph/build.ts";
import { gradientsOf } from "../graph/grad.ts";
import { compile, type Program } from "../graph/program.ts";
import type { Tensor } from "../graph/tensor.ts";
import { standsOnEstimate } from "../guides/base.ts";
import type { LocalCoordinates, TracedGuide } from "../guides/guide.ts";
import { rareBaseOf } from "../guides/rare-bases.ts";
import { type DistanceKind, distances } from "../nn/distance.ts";
import { type Embedding, featuresOf, traceEmbedding } from "../nn/embedding.ts";
import { chooseEmbedding } from "../nn/fit-embedding.ts";
import { isNetworkOption, trainedEmbedding } from "../nn/networks.ts";
import type { traceObserved } from "../nn/observed.ts";
import { STREAMS } from "../numbers/random.ts";
import { objectiveFor } from "../objectives/index.ts";
import type { Problem } from "../problem/problem.ts";
import { traceBank, traceSimulation } from "../simulate/simulate.ts";
import { type FullSettings, isSetNetwork } from "./options.ts";

/** How new maps of plain data measure how far these are from the simulations. */
export const DISTANCE = "relations" satisfies DistanceKind;

/** A training program with the guide and the embedding that it was traced from. */
export interface TracedTraining {
  readonly program: Program;
  readonly guide: TracedGuide;
  readonly embedding: Embedding;
}

/** Features of rows with circumstances: the embedding, and how it is traced; a page that does not need them does not load them. */
export interface RowFeatures {
  readonly embedding: Embedding;
  /** Whether the embedding carries an estimate that a base of the guide may stand on. */
  readonly estimate: boolean;
  readonly trace: typeof traceObserved;
}

/** Features that are fitted to simulations. */
export interface FittedFeatures extends RowFeatures {
  /** Frozen entries by name. */
  readonly entries: Record<string, Float32Array>;
  /** Values (M) of channels that never vary; null for the others. */
  readonly constant: readonly (number | null)[];
}

/**
 * Traces and compiles the plans of a training; pauses now and then (host/yielding.ts). The plans:
 *
 *   train     leaves the gradient of `loss`
 *   heldOut   sums the loss over given rows
 *   distance  measures how far data are from the simulations
 *   parts     computes what the distance of rows with circumstances is made of, which its scales are fitted on
 *   fit       computes the features and parameters that frozen entries are fitted on, for guides that fit some
 *   start     computes where the solver of a guide in local coordinates may start
 */
export function* trainingProgram(
  problem: Problem,
  settings: FullSettings,
  seed: number,
  features?: RowFeatures,
): Generator<void, TracedTraining> {
  const { D, M, layout } = problem;
  const objective = objectiveFor(settings.objective, problem);
  const { embedding, embed: plain } = features
    ? { embedding: features.embedding, embed: null }
    : embeddingOf(settings, problem);
  const base = standsOnEstimate(settings.guide);
  const observed = features?.trace(embedding, layout, { D, base });
  const guide = settings.guide.build({
    D,
    E: featuresOf(embedding),
    seed,
    estimate: features?.estimate ?? false,
    prior: problem.prior,
    onBase: rareBaseOf(settings.guide),
  });
  const embed = observed?.embed ?? (plain as (y: Tensor) => Tensor);
  const { local } = guide;
  const { particles } = settings;
  // A guide in local coordinates trains on rows that a solver has made: its parameters are standard normal already.
  const seen = local
    ? { guide: local.trained, frame: frameOf(normal(new Float64Array(D), 1)), embed: (rows: Tensor): Tensor => rows }
    : { guide, frame: frameOf(problem.prior), embed };
  const context = { problem, ...seen, particles };
  const total = (loss: typeof objective.loss, theta: Tensor, y: Tensor): Tensor =>
    batchSum(cast(loss(context, theta, y), "f64"));
  const width = local?.trainedWidth ?? layout.width;
  const drawn = local
    ? { theta: bankRows("theta", D, STREAMS.bank), noisy: bankRows("clean", width, STREAMS.bank) }
    : settings.bank > 0
      ? traceBank(problem)
      : traceSimulation(problem, "f64");
  const loss = mul(total(objective.loss, drawn.theta, drawn.noisy), 1 / settings.batch);
  yield;
  const program = yield* compile({
    train: { outputs: { loss }, gradients: () => gradientsOf(loss), rows: settings.batch },
    heldOut: { outputs: { sum: total(objective.heldOut ?? objective.loss, input("theta", D), input("y", width)) } },
    distance: { outputs: { distance: (observed?.distance ?? distances[DISTANCE](M))(input("y", layout.width)) } },
    ...(observed && { parts: { outputs: { parts: observed.parts(input("y", layout.width)) } } }),
    ...(guide.fit && { fit: { outputs: traceFit(problem, embed) } }),
    ...(local && { start: { outputs: traceStart(problem, local, embed, embedding.size) } }),
  });
  return { program, guide, embedding };
}

/** The embedding of a training, and the map from data (B, M) to features (B, E). */
function embeddingOf({ embedding: asked }: FullSettings, { M, noise }: Problem) {
  if (isSetNetwork(asked)) throw new Error("internal: the embedding of sets for other data");
  if (!isNetworkOption(asked)) {
    const embedding = chooseEmbedding(asked, M, noise.data);
    return { embedding, embed: traceEmbedding(embedding, M) };
  }
  const { embedding, network } = trainedEmbedding(asked, M, noise.data);
  const fixed = traceEmbedding(embedding, M);
  return { embedding, embed: (y: Tensor): Tensor => network(fixed(y)) };
}

/** Features, parameters in the guide's frame, and importance weights where simulations are not drawn from the prior. */
function traceFit({ D, M, prior, proposal }: Problem, embed: (y: Tensor) => Tensor): Record<string, Tensor> {
  const theta = input("theta", D);
  const inUnits = div(sub(theta, prior.mean), prior.sd);
  const seen = { features: embed(input("y", M)), z: frameOf(prior).toGuide(theta), theta: inUnits };
  return proposal === null ? seen : { ...seen, weights: exp(sub(prior.logDensity(theta), proposal.logDensity(theta))) };
}

/** For parameters and data: where the solver may start, the features, z and log |dz/dθ|. */
function traceStart(
  { D, layout, prior }: Problem,
  local: LocalCoordinates,
  embed: (y: Tensor) => Tensor,
  E: number,
): Record<string, Tensor> {
  const [theta, embedded] = [input("theta", D), embed(input("y", layout.width))];
  const frame = frameOf(prior);
  return {
    starts: local.starts(embedded),
    features: slice(embedded, 0, E),
    z: frame.toGuide(theta),
    volume: frame.logDet(theta),
  };
}
