/**
 * An inverse map: a trained guide with its scalers, and everything needed to build its graph again. `spec` is plain data and
 * goes into the model file; the weights are stored beside it as tensors.
 */

import type { Executor } from "../backends/backend.ts";
import { cachedByBackend } from "../backends/executor-cache.ts";
import { type BackendOptions, createExact, createExecutor, withDefaults } from "../backends/select.ts";
import { refuseOldName } from "../checks/arguments.ts";
import { type Distribution, isLinear } from "../distributions/distribution.ts";
import { frameOf } from "../distributions/frame.ts";
import type { DataKind } from "../distributions/noise/noise.ts";
import { add, input, random, slice, weight } from "../graph/build.ts";
import type { Slab } from "../graph/plan.ts";
import { compile, type Program } from "../graph/program.ts";
import type { Tensor } from "../graph/tensor.ts";
import { isOnRareBase, standsOnEstimate } from "../guides/base.ts";
import type { Guide, TracedGuide } from "../guides/guide.ts";
import { guideFrom } from "../guides/index.ts";
import { atOnce, inParts } from "../host/yielding.ts";
import { type DistanceKind, distances } from "../nn/distance.ts";
import { type Embedding, featuresOf, traceEmbedding } from "../nn/embedding.ts";
import type { MakeWeight } from "../nn/mlp.ts";
import type { OwnEmbedding } from "../nn/networks.ts";
import type { traceObserved as TraceObserved } from "../nn/observed.ts";
import type { Centre } from "../numbers/offsets.ts";
import { STREAMS } from "../numbers/random.ts";
import { type Layout, layoutOf } from "../problem/layout.ts";
import type { Parameter, Problem } from "../problem/problem.ts";
import type { SetSize } from "../problem/set.ts";
import type { Solver } from "../problem/solvers.ts";
import type { CalibrationRecord } from "./calibration-record.ts";

/** Forward model, log-prior and noise at fixed parameters. They tell whether a problem is the one that the model was trained on. */
export interface Fingerprint {
  /** The fixed parameters, 8 rows (D). */
  readonly theta: readonly (readonly number[])[];
  /** Noise-free data (M) of each row; null for a problem that has only `simulate`. */
  readonly forward: readonly (readonly number[])[] | null;
  /** log p(θ) of each row. */
  readonly logPrior: readonly number[];
  /** The solvers of differential equations in the forward model, with their steps and errors; absent for none. */
  readonly solvers?: readonly Solver[];
  /** Fixed data (M) of the first rows, and their log density given the noise-free data; absent for noise without a density. */
  readonly noise?: { readonly y: readonly (readonly number[])[]; readonly logDensity: readonly number[] };
}

/** Importance weights of a map's draws for held-out observations (sampling/psis.ts). */
export interface WeightsRecord {
  /** Observations. */
  readonly cases: number;
  /** Median of their k̂; above 0.7 weights are unreliable. Infinity if there are none. */
  readonly kHat: number;
  /** Share of the observations whose k̂ is above 0.7. */
  readonly kHatAbove: number;
  /** Median share of the draws that the weights keep: 1 for a map that is exact. */
  readonly efficiency: number;
}

/** How a map was trained. */
export interface TrainingRecord {
  /** Name of the objective: "npe" or "elbo". */
  readonly objective: string;
  /** Updates of the weights. */
  readonly steps: number;
  readonly seed: number;
  /** Data sets an update. */
  readonly batch: number;
  /** Draws of the guide a data set; 1 for NPE. */
  readonly particles: number;
  /** Simulations seen in all. */
  readonly simulations: number;
  /** Held-out loss: the last one, and the best, whose weights the map has. */
  readonly heldOut: { readonly final: number; readonly best: number; readonly bestStep: number };
  /** Losses by step: held out, and the training loss averaged since the entry before. Files of version 0.1 have none. */
  readonly curve?: {
    readonly steps: readonly number[];
    readonly train: readonly number[];
    readonly heldOut: readonly number[];
  };
  /** Wall time. */
  readonly seconds: number;
  /** Name of the device that computed. */
  readonly device: string;
  /** Why it was not computed as asked, with threads, in a worker or on the GPU. */
  readonly notice?: string;
  /** Warnings about the training, each in a sentence. */
  readonly warnings?: readonly string[];
  /** Importance weights on held-out observations; absent without a likelihood, or if they were expensive compared with the training. */
  readonly weights?: WeightsRecord;
}

/** A column of the data that never varied, and its value. */
export interface Constant {
  readonly column: number;
  readonly value: number;
}

/** The circumstances that a map was trained for (problem/layout.ts). */
export interface RowsRecord {
  /** Whether data may be missing. */
  readonly missing: boolean;
  /** Ends of the range of the noise scale, and whether each of the data may have its own; null for the noise of the problem. */
  readonly scale: { readonly low: number; readonly high: number; readonly each: boolean } | null;
  /** What a set is, where the data are sets: those missing are the members that it does not have. */
  readonly set?: SetSize | undefined;
}

/** A round of a refinement (refine/refine.ts). */
export interface RefinedRound {
  /** Simulations that it made, and all that it trained on. */
  readonly simulations: number;
  readonly used: number;
  /** Share of the prior within its region, as far as that was tried, and how parameters there were drawn. */
  readonly accepted: number;
  readonly by: "prior" | "walkers";
  /** Share of its simulations that its own posterior leaves open. */
  readonly left: number;
  /** The best held-out loss. */
  readonly heldOut: number;
}

/** How a map was refined, and for which observation. */
export interface RefinedRecord {
  /** The observation (M). */
  readonly y: readonly number[];
  readonly rounds: readonly RefinedRound[];
  /** Share of its posterior outside of the last region, where nothing was simulated: the density is too low by that within. */
  readonly outside: number;
  /** The test of coverage within the last region; null where it was not made. */
  readonly coverage: {
    readonly cases: number;
    readonly passed: boolean;
    readonly reading: string;
    readonly pValue: number;
  } | null;
}

/** Description of an inverse map in a model file, besides its tensors: plain data. */
export interface ModelSpec {
  /** Name of the problem. */
  readonly problem: string;
  /** Number of parameters. */
  readonly D: number;
  /** Length of the data. */
  readonly M: number;
  readonly parameters: readonly Parameter[];
  /** Names and units of the data, if they have names. */
  readonly data?: readonly Parameter[];
  /** What the data are, as `Noise.data` says it. Absent: real numbers. */
  readonly dataKind?: DataKind;
  /** The prior, as `storedPrior` writes it: enough to infer. */
  readonly prior: unknown;
  /** What is subtracted in double precision before anything is single: from parameters (D), from data (M). Absent: nothing. */
  readonly centres?: { readonly parameters: readonly number[] | null; readonly data: readonly number[] | null };
  readonly guide: { readonly name: string; readonly options: Readonly<Record<string, unknown>> };
  readonly embedding: Embedding;
  /** The circumstances of the data that it takes; absent: complete data with the noise of the problem. */
  readonly rows?: RowsRecord | undefined;
  /** How the distance from the simulations is measured. Files from before there was a choice have none: "whitened". */
  readonly distance?: DistanceKind;
  /** Quantiles 0, 0.5 %, … 100 % of the distance of held-out simulations from all others. */
  readonly distances: readonly number[];
  /** Columns of the data, from 1, that had one value in all simulations. */
  readonly constant?: readonly Constant[];
  readonly fingerprint: Fingerprint;
  readonly training: TrainingRecord;
  /** The observation that it was refined for, the only one that it answers. */
  readonly refined?: RefinedRecord | undefined;
  /** The record of the evaluation, where the model was evaluated before it was saved. */
  readonly calibration?: CalibrationRecord;
}

/** A trained inverse map, as `train` and `load` return it. */
export interface InverseMap {
  readonly spec: ModelSpec;
  /** Weights and scalers by name, (rows, columns). */
  readonly tensors: Readonly<Record<string, NamedTensor>>;
  /** Names of the tensors that training has found; the others are scalers and entries fitted once. */
  readonly trained: readonly string[];
  /** The problem, where it is known. Corrections need it, and inference with guides on Laplace's base. */
  readonly problem: Problem | null;
  /** The prior: the problem's own where the problem is known; else what the file holds, which has no draws and no density. */
  readonly prior: Distribution;
  /** The prior about the centre of the parameters, in which the programs work, and the centres. */
  readonly work: { readonly prior: Distribution; readonly parameters: Centre; readonly data: Centre };
  /** Default backend of its calls. */
  readonly backend: BackendOptions;
  /** The executor of one of this map's programs, made at its first use and shared. `options` win over `backend`. */
  readonly executor: (program: ProgramName, options?: BackendOptions) => Promise<Executor>;
  /** The guide, traced for the sizes of this map. */
  readonly guide: TracedGuide;
  /** Whether the guide gives mean and covariance in closed form, in the parameters themselves. */
  readonly closedForm: boolean;
  /** Whether the guide works in coordinates that are found for each observation: inference then needs the problem. */
  readonly local: boolean;
}

/** A tensor (rows, columns), row by row. */
export interface NamedTensor {
  readonly shape: readonly [number, number];
  readonly data: Float32Array;
}

/**
 * The programs of a map. `posterior`: data to context, and context to draws. `density`: log-densities of parameters, and the
 * noise that the guide would make them from. `search`: the steps to an observation's own coordinates, which need the problem.
 */
export type ProgramName = "posterior" | "density" | "search";

interface Parts {
  readonly guide: TracedGuide;
  readonly prior: Distribution;
  readonly D: number;
  /** Length of a row of data. */
  readonly width: number;
  /** Number of features, after which an estimate may stand. */
  readonly E: number;
  readonly embed: (y: Tensor) => Tensor;
  readonly distance: (y: Tensor) => Tensor;
}

/** Whether the guide gives mean and covariance of the parameters themselves. Otherwise they are estimated from draws. */
const inClosedForm = ({ moments }: TracedGuide, prior: Distribution): boolean =>
  moments !== undefined && isLinear(prior);

const programs: Readonly<Record<Exclude<ProgramName, "search">, (parts: Parts) => Generator<void, Program>>> = {
  *posterior({ guide, prior, embed, distance, D, E, width }) {
    const frame = frameOf(prior);
    const y = input("y", width);
    const embedded = embed(y);
    const far = distance(y);
    const { local } = guide;
    const encoded = guide.encode(local ? input("rows", local.width) : embedded);
    const context = input("context", guide.contextSize, { repeat: true });
    const { z, logProb } = guide.sample(random("normal", D, STREAMS.posterior), context);
    const theta = frame.fromGuide(z);
    yield;
    return yield* compile({
      ...(local && {
        look: { outputs: { distance: far, features: slice(embedded, 0, E), starts: local.starts(embedded) } },
      }),
      encode: { outputs: { context: encoded, ...(!local && { distance: far }), ...guide.moments?.(encoded) } },
      sample: {
        outputs: { theta, ...(!inClosedForm(guide, prior) && { logProb: add(logProb, frame.logDet(theta)) }) },
      },
    });
  },
  *density({ guide, prior, D }) {
    const frame = frameOf(prior);
    const theta = input("theta", D);
    const context = input("context", guide.contextSize, { repeat: true });
    return yield* compile({
      logProb: { outputs: { logProb: add(guide.logProb(frame.toGuide(theta), context), frame.logDet(theta)) } },
      invert: { outputs: { noise: guide.invert(frame.toGuide(theta), context) } },
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

type Tensors = Readonly<Record<string, NamedTensor>>;

/** @throws when the tensor is missing or has another shape. */
function expectTensor(tensors: Tensors, name: string, rows: number, cols: number): void {
  const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
  if (tensor === undefined) throw new Error(`model: expected a tensor "${name}" (${rows}, ${cols}), got none`);
  const [r, c] = tensor.shape;
  if (r !== rows || c !== cols)
    throw new Error(`model: expected tensor "${name}" (${rows}, ${cols}), got (${r}, ${c})`);
}

/** Makes weights that are among the tensors: a spec cannot ask for more than its file holds. */
const weightAmong =
  (tensors: Tensors): MakeWeight =>
  (name, rows, cols, options) => {
    expectTensor(tensors, name, rows, cols);
    return weight(name, rows, cols, options);
  };

/** The values of a slab from named tensors. @throws when one is missing or has another shape. */
export function packSlab(slab: Slab, tensors: Tensors): Float32Array {
  for (const { name, rows, cols } of slab.entries) expectTensor(tensors, name, rows, cols);
  const values = new Float32Array(slab.bytes / 4); // only now: a file's spec may ask for any size
  for (const { name, offset } of slab.entries) values.set(tensors[name].data, offset / 4);
  return values;
}

/** A program with the values of its slabs. */
interface Loaded {
  readonly program: Program;
  readonly weights: Float32Array;
  readonly frozen: Float32Array;
}

/** A map of these parts, which refuses earlier names of them. */
export const mapOf = (parts: InverseMap): InverseMap => refuseOldName("InverseMap", parts, "engine", "executor");

/**
 * Builds an inverse map from the content of a file or of a training; yields now and then (host/yielding.ts).
 * @throws when tensors do not fit the spec.
 */
export async function makeInverseMap(
  spec: ModelSpec,
  tensors: Tensors,
  problem: Problem | null,
  backend: BackendOptions = {},
  own?: OwnEmbedding,
): Promise<InverseMap> {
  const guide = guideFrom(spec.guide.name, spec.guide.options);
  const { distributionFromSpec } = await import("../distributions/from-spec.ts"); // with the first model
  const prior = distributionFromSpec(spec.prior);
  const { network } = spec.embedding;
  const set = spec.rows?.set;
  const trace = set
    ? await import("../nn/sets.ts").then(
        ({ traceSet }): typeof TraceObserved =>
          (embedding) =>
            traceSet(set, embedding, weightAmong(tensors)),
      )
    : spec.rows && (await import("../nn/observed.ts")).traceObserved;
  const trained =
    (network && !set) || own // a page that needs none does not load them
      ? (await import("../nn/networks.ts")).networkFrom(network, own, weightAmong(tensors))
      : undefined;
  const onBase = isOnRareBase(guide) ? (await import("../guides/rare-bases.ts")).rareBaseOf(guide) : undefined;
  const built: Guide = { ...guide, build: (sizes) => guide.build({ ...sizes, onBase }) };
  return inParts(buildMap({ spec, tensors, problem, backend }, built, prior, trace, trained));
}

/** The layout of the rows that a map takes. */
export const layoutOfMap = ({ M, rows }: Pick<ModelSpec, "M" | "rows">): Layout =>
  layoutOf(M, rows && { mask: rows.missing, scale: rows.scale === null ? 0 : rows.scale.each ? "each" : 1 });

type Content = Pick<InverseMap, "spec" | "tensors" | "problem" | "backend">;

function* buildMap(
  content: Content,
  made: Guide,
  prior: Distribution,
  traceObserved: typeof TraceObserved | undefined,
  network?: (features: Tensor) => Tensor,
): Generator<void, InverseMap> {
  const { spec, tensors, problem, backend } = content;
  const { embedding, distance = "whitened", D, M } = spec;
  const E = featuresOf(embedding);
  const estimate = traceObserved !== undefined && !spec.rows?.set;
  if (prior.size !== spec.D) throw new Error(`model: expected a prior of ${spec.D} parameters, got ${prior.size}`);
  const [parameters, data] = [spec.centres?.parameters, spec.centres?.data].map((c) =>
    c ? Float64Array.from(c) : null,
  );
  const work = { prior: parameters ? prior.about(parameters) : prior, parameters, data };
  const { seed } = spec.training;
  const guide = made.build({ D, E, seed, estimate, prior: work.prior, weight: weightAmong(tensors) });
  const layout = layoutOfMap(spec);
  const fixed = traceEmbedding(embedding, M);
  const features = traceObserved?.(embedding, layout, { D, base: standsOnEstimate(made) }) ?? {
    embed: (y: Tensor): Tensor => network?.(fixed(y)) ?? fixed(y),
    distance: distances[distance as keyof typeof distances](M),
  };
  const parts = { guide, prior: work.prior, D, E, width: layout.width, ...features };
  const pack = (program: Program): Loaded => ({
    program,
    weights: packSlab(program.weights, tensors),
    frozen: packSlab(program.frozen, tensors),
  });
  // Built now, so that a file that does not fit is refused when it is read; the other programs are built when they are needed.
  const posterior = pack(yield* programs.posterior(parts));
  const build: Readonly<Record<ProgramName, () => Promise<Loaded>>> = {
    posterior: async () => posterior,
    density: async () => pack(atOnce(programs.density(parts))),
    search: async () => {
      if (problem === null) throw new Error("internal: a search without a problem");
      const { localProgramOf } = await import("../search/local-coordinates.ts");
      return pack(localProgramOf(problem, layout, parameters, data));
    },
  };
  const loaded: Partial<Record<ProgramName, Promise<Loaded>>> = {};
  const executorOf = (name: ProgramName) =>
    cachedByBackend(async (options) => {
      loaded[name] ??= build[name]();
      const { program, weights, frozen } = await loaded[name];
      // A search solves the problem's own equations, in f64.
      const executor = await (name === "search" ? createExact : createExecutor)(program, options);
      await executor.writeWeights(weights);
      await executor.writeWeights(frozen, "frozen");
      return { executor };
    });
  const executors = {
    posterior: executorOf("posterior"),
    density: executorOf("density"),
    search: executorOf("search"),
  };
  return mapOf({
    ...content,
    trained: posterior.program.weights.entries.map(({ name }) => name),
    prior: problem?.prior ?? prior,
    work,
    guide,
    executor: async (name, options = {}) => (await executors[name](withDefaults(backend, options))).executor,
    closedForm: inClosedForm(guide, prior),
    local: guide.local !== undefined,
  });
}
