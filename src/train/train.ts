/** Training: simulateAt, fit the scalers, minimise the objective, keep the weights that are best on held-out simulations. */
import type { Executor } from "../backends/backend.ts";
import { type BackendOptions, backendOf, checkBackend, createExecutor } from "../backends/select.ts";
import { findHost } from "../backends/worker/find.ts";
import { frameOf } from "../distributions/frame.ts";
import { normal } from "../distributions/normal.ts";
import { bankRows, batchSum, cast, exp, input, mul, sub } from "../graph/build.ts";
import type { Slab } from "../graph/plan.ts";
import { compile, type PlanRequest, type Program } from "../graph/program.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Fitted, LocalCoordinates, TracedGuide } from "../guides/guide.ts";
import { atOnce, inParts, pause } from "../host/yielding.ts";
import { fingerprintOf } from "../model/fingerprint.ts";
import { type InverseMap, makingInverseMap, unpackSlab } from "../model/model.ts";
import { type DistanceKind, distances, fittingDistance } from "../nn/distance.ts";
import { chooseEmbedding, type Embedding, fittingEmbedding, traceEmbedding } from "../nn/embedding.ts";
import { STREAMS } from "../numbers/random.ts";
import { objectiveFor } from "../objectives/index.ts";
import type { Problem } from "../problem/problem.ts";
import { inOwnCoordinates } from "../search/local-simulations.ts";
import { noiseSd, type Simulations, traceBank, traceSimulation } from "../simulate/simulate.ts";
import { type Attempt, outliveDevice } from "./lost-device.ts";
import { optimise } from "./optimise.ts";
import { type FullSettings, fullSettings, type TrainOptions } from "./options.ts";
import { trainingSimulations, withBankNoise } from "./simulations.ts";

/** Simulations that scalers are fitted on: more of them would cost time, for long data minutes, and move nothing. */
const FIT_SIMULATIONS = 8192;
/** How new maps measure how far data are from the simulations. */
const DISTANCE: DistanceKind = "residual";

interface Traced {
  readonly program: Program;
  readonly guide: TracedGuide;
  readonly embedding: Embedding;
}

/**
 * The plans of a training: `train` leaves the gradient of `loss`; `heldOut` sums the loss over given rows; `distance`; `fit`
 * what frozen entries are fitted on; `start` where a solver starts, whose answers then are the data that train.
 */
export const trainingProgram = (problem: Problem, settings: FullSettings, seed: number): Traced =>
  atOnce(tracing(problem, settings, seed));

/** The same, in parts. */
function* tracing(problem: Problem, settings: FullSettings, seed: number): Generator<void, Traced> {
  const { D, M } = problem;
  const objective = objectiveFor(settings.objective, problem);
  const embedding = chooseEmbedding(settings.embedding, M);
  const guide = settings.guide.build({ D, E: embedding.size, seed });
  const embed = traceEmbedding(embedding, M);
  const { local } = guide;
  const { particles } = settings;
  const seen = local
    ? { guide: local.trained, frame: frameOf(normal(new Float64Array(D), 1)), embed: (rows: Tensor): Tensor => rows }
    : { guide, frame: frameOf(problem.prior), embed };
  const context = { problem, ...seen, particles, precision: "f64" } as const;
  const total = (loss: typeof objective.loss, theta: Tensor, y: Tensor): Tensor =>
    batchSum(cast(loss(context, theta, y), "f64"));
  const width = local?.trainedWidth ?? M;
  const drawn = local
    ? { theta: bankRows("theta", D, STREAMS.bank), noisy: bankRows("clean", width, STREAMS.bank) }
    : settings.bank > 0
      ? traceBank(problem)
      : traceSimulation(problem, "f64");
  const loss = mul(total(objective.loss, drawn.theta, drawn.noisy), 1 / settings.batch);
  yield;
  const requests: Record<string, PlanRequest> = {
    train: { outputs: { loss }, minimise: loss, rows: settings.batch },
    heldOut: { outputs: { sum: total(objective.heldOut ?? objective.loss, input("theta", D), input("y", width)) } },
    distance: { outputs: { distance: distances[DISTANCE](M)(input("y", M)) } },
    ...(guide.fit && { fit: { outputs: traceFit(problem, embed) } }),
    ...(local && { start: { outputs: traceStart(problem, local, embed) } }),
  };
  const program = yield* compile(requests);
  return { program, guide, embedding };
}

/** What a guide is fitted on: features, parameters in its frame, and weights where they are not drawn from the prior. */
function traceFit({ D, M, prior, proposal }: Problem, embed: (y: Tensor) => Tensor): Record<string, Tensor> {
  const theta = input("theta", D);
  const seen = { features: embed(input("y", M)), z: frameOf(prior).toGuide(theta) };
  return proposal === null ? seen : { ...seen, weights: exp(sub(prior.logDensity(theta), proposal.logDensity(theta))) };
}

/** Of parameters and data: where the solver starts, the features, z and log |dz/dθ|. */
function traceStart(
  { D, M, prior }: Problem,
  local: LocalCoordinates,
  embed: (y: Tensor) => Tensor,
): Record<string, Tensor> {
  const [theta, features] = [input("theta", D), embed(input("y", M))];
  const frame = frameOf(prior);
  return { start: local.start(features), features, z: frame.toGuide(theta), volume: frame.logDet(theta) };
}

/** Fits the scalers and writes them; then what the guide fits on data that are scaled. Answers the guide's own. */
async function fitFrozen(
  executor: Executor,
  { program, guide, embedding }: Traced,
  problem: Problem,
  bank: Simulations,
): Promise<Fitted> {
  const { M } = problem;
  const [clean, noisy] = [bank.clean, bank.noisy].map((rows) => rows.subarray(0, FIT_SIMULATIONS * M));
  const sd = noiseSd({ clean, noisy }, M);
  const scalers = {
    ...(await inParts(fittingEmbedding(embedding, M, clean, noisy, sd))),
    ...(await inParts(fittingDistance(M, clean, noisy, sd))),
  };
  const write = async (own: Fitted, complete: boolean): Promise<void> => {
    const numbers = Object.fromEntries(Object.entries(own).map(([name, { data }]) => [name, data]));
    await executor.writeWeights(packFrozen(program.frozen, { ...scalers, ...numbers }, complete), "frozen");
  };
  await write({}, guide.fit === undefined);
  if (guide.fit === undefined) return {};
  const inputs = { theta: bank.theta, y: bank.noisy };
  const { features, z, weights = null } = await executor.run("fit", { rows: bank.count, inputs });
  const own = guide.fit({ features, z, weights });
  await write(own, true);
  return own;
}

/**
 * Learns the inverse map of a problem.
 * @throws on options that make no sense, `SimulationStopped` when aborted while the bank is simulated, and
 *   `TrainingStopped` (with a checkpoint) when aborted later, when a loss is not finite, or when the device of a backend that
 *   was asked for by name is lost; with "auto" the training goes on on wasm, and says so in its record.
 */
export async function train(problem: Problem, options: TrainOptions = {}): Promise<InverseMap> {
  const settings = fullSettings(problem, options);
  const { seed = 0 } = options;
  if (!Number.isSafeInteger(seed)) throw new Error(`seed: expected a whole number, got ${seed}`);
  checkBackend(options);
  const { notice, ...host } = await findHost(options);
  const { resume, onWarning = console.warn } = options;
  if (notice !== undefined) onWarning(notice);
  const backend: BackendOptions = { ...backendOf(options), ...host };
  const started = performance.now();
  const seen = withBankNoise(problem, settings);
  await pause(); // what was checked and what is traced need not be one task
  const traced = await inParts(tracing(seen, settings, seed));
  const { program, embedding } = traced;
  const request = { problem: seen, settings, seed, fit: FIT_SIMULATIONS, backend, control: options };
  const { bank, heldOut } = await trainingSimulations(request);
  for (const simulations of [bank, heldOut]) refuseNonFinite(problem, simulations);

  const optimiser = {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    amsgrad: settings.optimiser === "amsgrad",
    clip: settings.clip,
  };
  const learn = async ({ backend: where, resume, started, notice }: Attempt): Promise<InverseMap> => {
    const executor = await createExecutor(program, { ...where, optimiser });
    try {
      const fitted = await fitFrozen(executor, traced, problem, bank);
      const [trained, judged] = traced.guide.local
        ? await inOwnCoordinates({ problem, executor, simulations: [bank, heldOut], backend, control: options })
        : [bank, heldOut];
      // The ELBO looks at data alone, so its plan has no bank of parameters.
      for (const name of ["theta", "clean"] as const)
        if (name in program.banks) await executor.writeBank(name, trained[name]);
      const state = await optimise({
        executor,
        weights: program.weights,
        problem: problem.name,
        settings,
        options: { ...options, resume },
        heldOut: judged,
        started,
      });
      await executor.writeWeights(state.best.weights);
      const { distance } = await executor.run("distance", { rows: heldOut.count, inputs: { y: heldOut.noisy } });
      const { guide } = settings;
      const losses = new Map(state.losses);
      return await inParts(
        makingInverseMap(
          {
            problem: problem.name,
            D: problem.D,
            M: problem.M,
            parameters: problem.parameters,
            prior: problem.prior.spec,
            guide: { name: guide.name, options: { ...guide.options, ...traced.guide.drawn } },
            embedding,
            distance: DISTANCE,
            distances: quantiles(distance),
            fingerprint: await fingerprintOf(problem, backend),
            training: {
              objective: settings.objective,
              steps: state.step,
              seed,
              batch: settings.batch,
              particles: settings.objective === "elbo" ? settings.particles : 1,
              simulations: settings.bank > 0 ? bank.count : state.step * settings.batch,
              heldOut: {
                final: state.heldOut[state.heldOut.length - 1][1],
                best: state.best.loss,
                bestStep: state.best.step,
              },
              curve: {
                steps: state.heldOut.map(([step]) => step),
                train: state.heldOut.map(([step]) => losses.get(step) ?? Number.NaN),
                heldOut: state.heldOut.map(([, loss]) => loss),
              },
              seconds: state.seconds,
              device: executor.device,
              ...(notice !== undefined && { notice }),
            },
          },
          {
            ...unpackSlab(program.weights, state.best.weights),
            ...unpackSlab(program.frozen, await executor.readWeights("frozen")),
            ...fitted, // training need not have met all of it
          },
          problem,
          { backend: options.backend, kernels: options.kernels }, // a single posterior is no work for threads or a worker: infer is asked anew
        ),
      );
    } finally {
      executor.dispose();
    }
  };
  return outliveDevice({ backend, resume, started, notice }, learn, onWarning);
}

function packFrozen(slab: Slab, fitted: Readonly<Record<string, Float32Array>>, complete: boolean): Float32Array {
  const values = new Float32Array(slab.bytes / 4);
  for (const { name, offset } of slab.entries) {
    if (fitted[name] !== undefined) values.set(fitted[name], offset / 4);
    else if (complete) throw new Error(`internal: no fit for frozen entry "${name}"`);
  }
  return values;
}

/** 201 quantiles, smallest and largest among them. */
function quantiles(values: ArrayLike<number>): number[] {
  const sorted = Float64Array.from(values).sort();
  return Array.from({ length: 201 }, (_, i) => sorted[Math.round((i / 200) * (sorted.length - 1))]);
}

function refuseNonFinite(problem: Problem, { noisy, count }: Simulations): void {
  const at = noisy.findIndex((v) => !Number.isFinite(v));
  if (at >= 0) {
    const row = Math.floor(at / problem.M);
    throw new Error(
      `forward: expected finite data, got ${noisy[at]} in datum ${at % problem.M} of simulation ${row + 1} of ${count}; check "${problem.name}" for parameters of the prior`,
    );
  }
}
