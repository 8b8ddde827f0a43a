/**
 * An inverse map: a trained guide with its scalers, and what is needed to build its graph again. Everything in `spec` is
 * plain data and goes into the model file; the weights go beside it as tensors.
 */

import type { Executor } from "../backends/backend.ts";
import { keptByBackend } from "../backends/executor-cache.ts";
import { type BackendOptions, createExact, createExecutor, withDefaults } from "../backends/select.ts";
import { type Distribution, isUnbounded } from "../distributions/distribution.ts";
import { frameOf } from "../distributions/frame.ts";
import { distributionFromSpec } from "../distributions/from-spec.ts";
import { add, input, random } from "../graph/build.ts";
import type { Slab } from "../graph/plan.ts";
import { compile, type Program } from "../graph/program.ts";
import type { Guide, TracedGuide } from "../guides/guide.ts";
import { guideFrom } from "../guides/index.ts";
import { atOnce } from "../host/yielding.ts";
import { type DistanceKind, distances } from "../nn/distance.ts";
import { type Embedding, traceEmbedding } from "../nn/embedding.ts";
import { STREAMS } from "../numbers/random.ts";
import type { Problem } from "../problem/problem.ts";
import { localProgram } from "../search/local-coordinates.ts";
import type { CalibrationRecord } from "./calibration-record.ts";

/** Forward model and log-prior at fixed parameters: tells whether a problem is the one that was trained on. */
export interface Fingerprint {
  readonly theta: readonly (readonly number[])[];
  /** Null for a problem that is given by `simulate` alone. */
  readonly forward: readonly (readonly number[])[] | null;
  readonly logPrior: readonly number[];
}

export interface TrainingRecord {
  readonly objective: string;
  readonly steps: number;
  readonly seed: number;
  readonly batch: number;
  readonly particles: number;
  /** Simulations seen in all. */
  readonly simulations: number;
  /** Held-out loss: at the end of training, and the best, whose weights these are. */
  readonly heldOut: { readonly final: number; readonly best: number; readonly bestStep: number };
  /** Losses by step: held out, and in training on average since the one before. Files of version 0.1 have none. */
  readonly curve?: {
    readonly steps: readonly number[];
    readonly train: readonly number[];
    readonly heldOut: readonly number[];
  };
  readonly seconds: number;
  readonly device: string;
  /** Why it was not computed as it was asked for, with threads or in a worker. */
  readonly notice?: string;
}

export interface ModelSpec {
  readonly problem: string;
  readonly D: number;
  readonly M: number;
  readonly parameters: readonly { readonly name: string; readonly unit?: string }[];
  /** The prior, as `distributionFromSpec` reads it. */
  readonly prior: unknown;
  readonly guide: { readonly name: string; readonly options: Readonly<Record<string, unknown>> };
  readonly embedding: Embedding;
  /** How the distance from the simulations is measured; absent in files from before there was a choice: "whitened". */
  readonly distance?: DistanceKind;
  /** Quantiles 0, 0.5 %, … 100 % of the distance of held-out simulations from all others. */
  readonly distances: readonly number[];
  readonly fingerprint: Fingerprint;
  readonly training: TrainingRecord;
  /** Of models that were evaluated before they were saved. */
  readonly calibration?: CalibrationRecord;
}

export interface InverseMap {
  readonly spec: ModelSpec;
  /** Weights and scalers by name, (rows, columns). */
  readonly tensors: Readonly<Record<string, NamedTensor>>;
  /** Names of those of them that training has found: the rest are scalers and what was fitted once. */
  readonly trained: readonly string[];
  /** Needed to correct posteriors; to infer them only by guides on Laplace's base. */
  readonly problem: Problem | null;
  readonly prior: Distribution;
  /** Where it computes unless a call says otherwise. */
  readonly backend: BackendOptions;
  /** The executor of one of this map's programs: made at the first use, shared by all. */
  readonly engine: (program: ProgramName, options?: BackendOptions) => Promise<Executor>;
  /** Whether the guide gives mean and covariance in closed form, in the parameters themselves. */
  readonly closedForm: boolean;
  /** Whether the guide is one in coordinates of each datum's own, for which inference needs the problem. */
  readonly local: boolean;
}
export interface NamedTensor {
  readonly shape: readonly [number, number];
  readonly data: Float32Array;
}

/**
 * `posterior`: from data to context, from context to draws. `density`: log-densities and noise of given parameters. `search`:
 * the steps to coordinates of a datum's own, which need the problem.
 */
export type ProgramName = "posterior" | "density" | "search";

interface Parts {
  readonly guide: TracedGuide;
  readonly prior: Distribution;
  readonly embedding: Embedding;
  readonly distance: DistanceKind;
  readonly D: number;
  readonly M: number;
  readonly problem: Problem | null;
}

/** Whether the guide gives mean and covariance of the parameters themselves. Where it does not, draws do, with their densities. */
const inClosedForm = ({ moments }: TracedGuide, prior: Distribution): boolean =>
  moments !== undefined && isUnbounded(prior);

const programs: Readonly<Record<ProgramName, (parts: Parts) => Generator<void, Program>>> = {
  *posterior({ guide, prior, embedding, distance, D, M }) {
    const frame = frameOf(prior);
    const y = input("y", M);
    const features = traceEmbedding(embedding, M)(y);
    const far = distances[distance](M)(y);
    const { local } = guide;
    const encoded = guide.encode(local ? input("rows", local.width) : features);
    const given = input("context", guide.contextSize, { repeat: true });
    const { z, logProb } = guide.sample(random("normal", D, STREAMS.posterior), given);
    const theta = frame.fromGuide(z);
    yield;
    return yield* compile({
      ...(local && { look: { outputs: { distance: far, features, start: local.start(features) } } }),
      encode: { outputs: { context: encoded, ...(!local && { distance: far }), ...guide.moments?.(encoded) } },
      sample: {
        outputs: { theta, ...(!inClosedForm(guide, prior) && { logProb: add(logProb, frame.logDet(theta)) }) },
      },
    });
  },
  *search({ problem }) {
    if (problem === null) throw new Error("internal: a search without a problem");
    yield;
    return localProgram(problem);
  },
  *density({ guide, prior, D }) {
    const frame = frameOf(prior);
    const theta = input("theta", D);
    const given = input("context", guide.contextSize, { repeat: true });
    return yield* compile({
      logProb: { outputs: { logProb: add(guide.logProb(frame.toGuide(theta), given), frame.logDet(theta)) } },
      invert: { outputs: { noise: guide.invert(frame.toGuide(theta), given) } },
    });
  },
};

/** The entries of a slab, by name. */
export function unpackSlab(slab: Slab, values: Float32Array): Record<string, NamedTensor> {
  const out: Record<string, NamedTensor> = {};
  for (const { name, rows, cols, offset } of slab.entries) {
    out[name] = { shape: [rows, cols], data: values.slice(offset / 4, offset / 4 + rows * cols) };
  }
  return out;
}

/** A slab from named entries. @throws when one is missing or has another shape. */
export function packSlab(slab: Slab, tensors: Readonly<Record<string, NamedTensor>>): Float32Array {
  for (const { name, rows, cols } of slab.entries) {
    const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
    if (tensor === undefined)
      throw new Error(`model: expected a tensor "${name}" (${rows}, ${cols}), which is not there`);
    const [r, c] = tensor.shape;
    if (r !== rows || c !== cols)
      throw new Error(`model: expected tensor "${name}" (${rows}, ${cols}), got (${r}, ${c})`);
  }
  const values = new Float32Array(slab.bytes / 4); // only now: a file's spec may ask for any size
  for (const { name, offset } of slab.entries) values.set(tensors[name].data, offset / 4);
  return values;
}

/** Puts an inverse map together from what a file or a training holds. @throws when tensors do not fit the spec. */
export const makeInverseMap = (...held: Parameters<typeof makingInverseMap>): InverseMap =>
  atOnce(makingInverseMap(...held));

/** The same, in parts. */
export function* makingInverseMap(
  spec: ModelSpec,
  tensors: Readonly<Record<string, NamedTensor>>,
  problem: Problem | null,
  backend: BackendOptions = {},
): Generator<void, InverseMap> {
  const prior = distributionFromSpec(spec.prior);
  if (prior.size !== spec.D) throw new Error(`model: expected a prior of ${spec.D} parameters, got ${prior.size}`);
  const guide: Guide = guideFrom(spec.guide.name, spec.guide.options);
  const traced = guide.build({ D: spec.D, E: spec.embedding.size, seed: spec.training.seed });
  const { embedding, distance = "whitened", D, M } = spec;
  const parts = { guide: traced, prior, embedding, distance, D, M, problem };
  const load = function* (name: ProgramName) {
    const program = yield* programs[name](parts);
    return { program, weights: packSlab(program.weights, tensors), frozen: packSlab(program.frozen, tensors) };
  };
  // The first is made at once, so that a file that does not fit is refused when it is read; the other when it is needed.
  const first = yield* load("posterior");
  const loaded: Partial<Record<ProgramName, typeof first>> = { posterior: first };
  const engineOf = (name: ProgramName) =>
    keptByBackend(async (options) => {
      loaded[name] ??= atOnce(load(name));
      const { program, weights, frozen } = loaded[name];
      // A search solves the problem's own equations, in f64.
      const executor = await (name === "search" ? createExact : createExecutor)(program, options);
      await executor.writeWeights(weights);
      await executor.writeWeights(frozen, "frozen");
      return { executor };
    });
  const engines = { posterior: engineOf("posterior"), density: engineOf("density"), search: engineOf("search") };
  const engine = async (name: ProgramName, options: BackendOptions = {}): Promise<Executor> =>
    (await engines[name](withDefaults(backend, options))).executor;
  // Gaussian in the parameters themselves only where the prior lives on the whole line.
  const closedForm = inClosedForm(traced, prior);
  const trained = first.program.weights.entries.map(({ name }) => name);
  return { spec, tensors, trained, problem, prior, backend, engine, closedForm, local: traced.local !== undefined };
}
