/** The steps of a training: trace the plans, simulate, fit the scalers, minimise the objective, keep the best weights. */
import type { OptimiserOptions } from "../backends/backend.ts";
import { type BackendOptions, createExecutor } from "../backends/select.ts";
import { storedPrior } from "../distributions/stored-prior.ts";
import { inParts, pause } from "../host/yielding.ts";
import { fingerprintOf } from "../model/fingerprint.ts";
import {
  type InverseMap,
  type ModelSpec,
  makeInverseMap,
  mapOf,
  type TrainingRecord,
  unpackSlab,
} from "../model/model.ts";
import { withProbe } from "../model/probe.ts";
import { constantChannels } from "../nn/constant.ts";
import type { Centre } from "../numbers/offsets.ts";
import { areNamed } from "../problem/columns.ts";
import type { Problem } from "../problem/problem.ts";
import { type Work, withDataAbout, workOf } from "../problem/work.ts";
import { inLocalCoordinates } from "../search/local-simulations.ts";
import { withinBudget } from "./budget.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { rowsOf, withCircumstances } from "./circumstances.ts";
import { type Attempt, outliveDevice } from "./lost-device.ts";
import { optimise } from "./optimise.ts";
import type { FullSettings, Progress, TrainOptions } from "./options.ts";
import { DISTANCE, type FittedFeatures, type TracedTraining, trainingProgram } from "./program.ts";
import { fitFeatures, unfitted } from "./row-features.ts";
import { fitFrozen } from "./scalers.ts";
import { rates } from "./schedules.ts";
import { FIT_SIMULATIONS, type TrainingSimulations, trainingSimulations, withBankNoise } from "./simulations.ts";
import { type Course, remarkOn } from "./warnings.ts";

interface Request {
  readonly problem: Problem;
  readonly settings: FullSettings;
  readonly seed: number;
  readonly options: TrainOptions;
  readonly backend: BackendOptions;
  /** Why it does not compute as asked. */
  readonly notice: string | undefined;
}

/** Trains the inverse map of a problem. @throws as `train` does. */
export async function learn(request: Request): Promise<InverseMap> {
  const { settings, seed, options, backend, notice } = request;
  const started = performance.now();
  const { circumstances = null } = settings;
  const plain = withBankNoise(workOf(request.problem), settings);
  const work = withCircumstances(plain, circumstances); // as the training sees it: request.problem goes into the map
  await pause(); // checks and tracing need not be one task
  let traced = await inParts(
    trainingProgram(work, settings, seed, circumstances ? unfitted(work, settings) : undefined),
  );
  const sizes = { settings, seed, fit: FIT_SIMULATIONS };
  const simulations = await trainingSimulations({ work, ...sizes, backend, control: options });
  const about = withDataAbout(work, simulations.centre);
  const features =
    circumstances === null
      ? undefined
      : await fitFeatures(withDataAbout(plain, simulations.centre), about, simulations.bank, {
          settings,
          seed,
          backend,
        });
  if (about !== work || features) traced = await inParts(trainingProgram(about, settings, seed, features));
  const needsDouble = about.centre !== null || simulations.centre !== null;
  const attempt = {
    backend: needsDouble ? withoutGpu(about, settings, backend) : backend,
    resume: options.resume,
    started,
    notice,
  };
  return outliveDevice(
    attempt,
    (now) => learnOn(now, request, about, traced, simulations, features),
    options.onWarning ?? console.warn,
  );
}

/** One attempt, on one device. */
async function learnOn(
  { backend, resume, started, notice }: Attempt,
  request: Request,
  work: Work,
  traced: TracedTraining,
  { bank, heldOut, centre }: TrainingSimulations,
  features: FittedFeatures | undefined,
): Promise<InverseMap> {
  const { problem, seed, options, backend: asked } = request;
  let { settings } = request;
  const { program } = traced;
  const executor = await createExecutor(program, { ...backend, optimiser: optimiserOf(settings) });
  try {
    const values = features?.constant ?? constantChannels(bank.noisy, problem.M);
    const fitted = await fitFrozen(executor, traced, work, bank, values, asked, features);
    const constant = values.flatMap((value, j) =>
      value === null ? [] : { column: j + 1, value: Number(value.toPrecision(7)) },
    );
    const local = { problem: work, executor, simulations: [bank, heldOut], backend: asked, control: options };
    const [trained, judged] = traced.guide.local ? await inLocalCoordinates(local) : local.simulations;
    // The plan of the ELBO has no bank of parameters, because it looks at data alone.
    for (const name of ["theta", "clean"] as const)
      if (name in program.banks) await executor.writeBank(name, trained[name]);
    const { weights } = program;
    settings = await withinBudget({ executor, weights, settings, seed, heldOut: judged, started, resume });
    const state = await optimise({
      executor,
      weights,
      problem: problem.name,
      settings,
      options: { ...options, resume },
      heldOut: judged,
      started,
    });
    await executor.writeWeights(state.best.weights);
    const { distance } = await executor.run("distance", { rows: heldOut.count, inputs: { y: heldOut.noisy } });
    const tensors = {
      ...unpackSlab(program.weights, state.best.weights),
      ...unpackSlab(program.frozen, await executor.readWeights("frozen")),
      ...fitted, // training need not have met all of it
    };
    const simulations = settings.bank > 0 ? bank.count : state.step * settings.batch;
    const spec: ModelSpec = {
      ...specOf(request, work.centre, centre, traced),
      distances: quantiles(distance),
      ...(constant.length > 0 && { constant }),
      fingerprint: await fingerprintOf(problem, asked),
      training: recordOf(state, settings, { seed, simulations, device: executor.device, notice }),
    };
    // One posterior is too little work for threads or a worker: only `infer` decides on those.
    const where = { backend: options.backend, kernels: options.kernels };
    const { embedding } = settings;
    const own = typeof embedding === "function" ? embedding : undefined;
    const made = await makeInverseMap(spec, tensors, problem, where, own);
    const known = own ? await withProbe(made, heldOut.noisy.subarray(0, problem.M), where) : spec;
    const map = mapOf({ ...made, spec: known });
    const course = courseOf(state, settings, { simulations: [bank, heldOut], D: problem.D, M: problem.M });
    const { judge } = await import("./judge.ts"); // with the sampler, which a page that only infers does not load
    const found = await judge({ map, course, executor, program, judged, heldOut, batch: settings.batch, seed });
    const warnings = [...(found.warnings ?? []), ...remarkOn(constant, spec)];
    for (const warning of warnings) (options.onWarning ?? console.warn)(warning);
    if (found.weights) options.onProgress?.({ ...lastProgress(spec.training), weights: found.weights });
    const training = { ...spec.training, ...found, ...(warnings.length > 0 && { warnings }) };
    return mapOf({ ...map, spec: { ...known, training } });
  } finally {
    executor.dispose();
  }
}

/** What a model file says of the problem and the guide. */
function specOf(
  { problem, settings: { guide, circumstances } }: Request,
  parameters: Centre,
  data: Centre,
  traced: TracedTraining,
): Omit<ModelSpec, "distances" | "fingerprint" | "training"> {
  return {
    problem: problem.name,
    D: problem.D,
    M: problem.M,
    parameters: problem.parameters,
    ...(!problem.set && areNamed(problem.data) && { data: problem.data }),
    ...(problem.noise.data !== "real" && { dataKind: problem.noise.data }),
    prior: storedPrior(problem.prior),
    ...((parameters || data) && { centres: { parameters: listOf(parameters), data: listOf(data) } }),
    guide: { name: guide.name, options: { ...guide.options, ...traced.guide.drawn } },
    embedding: traced.embedding,
    distance: circumstances ? "observed" : DISTANCE,
    ...(circumstances && { rows: rowsOf(circumstances) }),
  };
}

const listOf = (centre: Centre): number[] | null => centre && Array.from(centre);

/** The backend of a training whose plan holds a forward model that needs double precision, which WebGPU lacks. */
function withoutGpu({ name }: Problem, { bank, objective }: FullSettings, backend: BackendOptions): BackendOptions {
  if (bank > 0 && objective === "npe") return backend;
  if (backend.backend !== "webgpu") return { ...backend, backend: "wasm" };
  throw new Error(
    `train: the offsets of "${name}" need double precision in every step, which WebGPU lacks; use backend "wasm", or objective "npe" with a bank`,
  );
}

const lastProgress = ({ steps, curve, heldOut, seconds }: TrainingRecord): Progress => ({
  step: steps,
  steps,
  loss: curve?.train.at(-1) ?? Number.NaN,
  heldOut: heldOut.final,
  stepsPerSecond: steps / seconds,
  secondsLeft: 0,
});

/** Of SOAP: with one β for both moments no entry of a step is above the rate; chosen by the held-out loss of the arm. */
const SOAP_BETAS = { beta1: 0.95, beta2: 0.95, soap: true };

const optimiserOf = ({ optimiser, clip }: FullSettings): OptimiserOptions => ({
  ...(optimiser === "soap" ? SOAP_BETAS : { beta1: 0.9, beta2: 0.999 }),
  epsilon: 1e-8,
  amsgrad: optimiser === "amsgrad",
  clip,
});

/** Input of the checks of a training. */
function courseOf(
  { step, heldOut, best }: Checkpoint,
  { bank, schedule, rate, steps }: FullSettings,
  given: Pick<Course, "simulations" | "D" | "M">,
): Course {
  const way = rates(schedule, rate, steps)
    .subarray(0, step)
    .reduce((sum, r) => sum + r, 0);
  return { ...given, bank, steps: step, way, heldOut, bestStep: best.step };
}

function recordOf(
  { step, heldOut, losses, best, seconds }: Checkpoint,
  { objective, batch, particles }: FullSettings,
  { seed, simulations, device, notice }: Pick<TrainingRecord, "seed" | "simulations" | "device" | "notice">,
): TrainingRecord {
  const lossAt = new Map(losses);
  return {
    objective,
    steps: step,
    seed,
    batch,
    particles: objective === "elbo" ? particles : 1,
    simulations,
    heldOut: { final: heldOut[heldOut.length - 1][1], best: best.loss, bestStep: best.step },
    curve: {
      steps: heldOut.map(([at]) => at),
      train: heldOut.map(([at]) => lossAt.get(at) ?? Number.NaN),
      heldOut: heldOut.map(([, loss]) => loss),
    },
    seconds,
    device,
    ...(notice !== undefined && { notice }),
  };
}

/** 201 quantiles, the smallest and the largest value among them. */
function quantiles(values: ArrayLike<number>): number[] {
  const sorted = Float64Array.from(values).sort();
  return Array.from({ length: 201 }, (_, i) => sorted[Math.round((i / 200) * (sorted.length - 1))]);
}
