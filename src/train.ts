/** Training: simulateAt, fit the scalers, minimise the objective, keep the weights that are best on held-out simulations. */
import type { Executor } from "./backends/backend.ts";
import { type BackendOptions, createExecutor } from "./backends/select.ts";
import { type Checkpoint, TrainingStopped } from "./checkpoint.ts";
import { frameOf } from "./density.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { batchSum, cast, input, mul } from "./graph/build.ts";
import type { Slab } from "./graph/plan.ts";
import { compile, type Program } from "./graph/program.ts";
import type { Tensor } from "./graph/tensor.ts";
import type { TracedGuide } from "./guides/guide.ts";
import { type InverseMap, makeInverseMap, unpackSlab } from "./model.ts";
import { chooseEmbedding, type Embedding, fitEmbedding, traceDistance, traceEmbedding } from "./nn/embedding.ts";
import { objectiveFor } from "./objectives/index.ts";
import type { Problem } from "./problem.ts";
import { uniformAt } from "./random.ts";
import { rates } from "./schedules.ts";
import { SIMULATION_STEPS, type Simulations, simulateAt, traceBank, traceSimulation } from "./simulate.ts";
import { type FullSettings, fullSettings, type TrainOptions } from "./train-options.ts";

/** Simulations that scalers are fitted on when there is no bank. */
const FIT_SIMULATIONS = 8192;
/** Stream of the words that initial weights are drawn from, plus the index of the entry. */
const INIT_STREAM = 0x1000;
/** Milliseconds that training keeps the thread before it lets others in. */
const CHUNK_MS = 100;

interface Traced {
  readonly program: Program;
  readonly guide: TracedGuide;
  readonly embedding: Embedding;
}

/** The plans of a training: `train` leaves the gradient of `loss`; `heldOut` sums the loss over given rows; `distance`. */
export function trainingProgram(problem: Problem, settings: FullSettings, seed: number): Traced {
  const { D, M } = problem;
  const objective = objectiveFor(settings.objective, problem);
  const embedding = chooseEmbedding(settings.embedding, M);
  const guide = settings.guide.build({ D, E: embedding.size, seed });
  const embed = traceEmbedding(embedding, M);
  const context = {
    problem,
    guide,
    frame: frameOf(problem.prior),
    embed,
    particles: settings.particles,
    precision: "f64",
  } as const;
  const total = (loss: typeof objective.loss, theta: Tensor, y: Tensor): Tensor =>
    batchSum(cast(loss(context, theta, y), "f64"));
  const drawn = settings.bank > 0 ? traceBank(problem) : traceSimulation(problem, "f64");
  const loss = mul(total(objective.loss, drawn.theta, drawn.noisy), 1 / settings.batch);
  const program = compile({
    train: { outputs: { loss }, minimise: loss, rows: settings.batch },
    heldOut: { outputs: { sum: total(objective.heldOut ?? objective.loss, input("theta", D), input("y", M)) } },
    distance: { outputs: { distance: traceDistance(M)(input("y", M)) } },
  });
  return { program, guide, embedding };
}

/** Start of the weights: U(−init, init), entry by entry, from the seed. */
export function initialWeights(slab: Slab, seed: number): Float32Array {
  const values = new Float32Array(slab.bytes / 4);
  slab.entries.forEach(({ rows, cols, offset, init }, e) => {
    if (init === 0) return;
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++)
        values[offset / 4 + r * cols + c] = init * (2 * uniformAt(seed, INIT_STREAM + e, 0, r, c) - 1);
    }
  });
  return values;
}

/** Noise sd of each channel, for whitening: from the noise itself, so that any noise model will do. */
function noiseSd({ clean, noisy }: Simulations, M: number): Float64Array {
  const sum = new Float64Array(M);
  for (let i = 0; i < clean.length; i++) {
    const noise = noisy[i] - clean[i];
    sum[i % M] += noise * noise;
  }
  return sum.map((s) => Math.sqrt((s * M) / clean.length));
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/**
 * Learns the inverse map of a problem.
 * @throws on options that make no sense, and `TrainingStopped` (with a checkpoint) when aborted or when a loss is not finite.
 */
export async function train(problem: Problem, options: TrainOptions = {}): Promise<InverseMap> {
  const settings = fullSettings(problem, options);
  const { seed = 0 } = options;
  if (!Number.isInteger(seed)) throw new Error(`seed: expected a whole number, got ${seed}`);
  const backend: BackendOptions = { backend: options.backend, kernels: options.kernels };
  const started = performance.now();
  const { program, embedding, guide: traced } = trainingProgram(problem, settings, seed);
  const bank = await simulateAt(problem, settings.bank || FIT_SIMULATIONS, seed, SIMULATION_STEPS.bank, backend);
  const heldOut = await simulateAt(problem, settings.heldOut, seed, SIMULATION_STEPS.heldOut, backend);
  for (const simulations of [bank, heldOut]) refuseNonFinite(problem, simulations);

  const optimiser = {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    amsgrad: settings.optimiser === "amsgrad",
    clip: settings.clip,
  };
  const executor = await createExecutor(program, { ...backend, optimiser });
  try {
    const fitted = fitEmbedding(embedding, problem.M, bank.clean, bank.noisy, noiseSd(bank, problem.M));
    await executor.writeWeights(packFrozen(program.frozen, fitted), "frozen");
    if (settings.bank > 0) {
      await executor.writeBank("theta", bank.theta);
      await executor.writeBank("clean", bank.clean);
    }
    const state = await loop(executor, program, problem.name, settings, options, heldOut, started);
    await executor.writeWeights(state.best.weights);
    const { distance } = await executor.run("distance", { rows: heldOut.count, inputs: { y: heldOut.noisy } });
    const { guide } = settings;
    return makeInverseMap(
      {
        problem: problem.name,
        D: problem.D,
        M: problem.M,
        parameters: problem.parameters,
        prior: problem.prior.spec,
        guide: { name: guide.name, options: { ...guide.options, ...traced.drawn } },
        embedding,
        distances: quantiles(distance),
        fingerprint: await fingerprintOf(problem, backend),
        training: {
          objective: settings.objective,
          steps: state.step,
          seed,
          batch: settings.batch,
          particles: settings.objective === "elbo" ? settings.particles : 1,
          simulations: settings.bank || state.step * settings.batch,
          heldOut: {
            final: state.heldOut[state.heldOut.length - 1][1],
            best: state.best.loss,
            bestStep: state.best.step,
          },
          seconds: state.seconds,
          device: executor.device,
        },
      },
      {
        ...unpackSlab(program.weights, state.best.weights),
        ...unpackSlab(program.frozen, await executor.readWeights("frozen")),
      },
      problem,
      backend,
    );
  } finally {
    executor.dispose();
  }
}

function packFrozen(slab: Slab, fitted: Readonly<Record<string, Float32Array>>): Float32Array {
  const values = new Float32Array(slab.bytes / 4);
  for (const { name, offset } of slab.entries) {
    if (fitted[name] === undefined) throw new Error(`internal: no fit for frozen entry "${name}"`);
    values.set(fitted[name], offset / 4);
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

/** Refuses to carry on another training, and says what is other. */
function refuseOther(resume: Checkpoint, problem: string, signature: string): void {
  if (resume.problem !== problem)
    throw new Error(`resume: expected a checkpoint of "${problem}", got one of "${resume.problem}"`);
  if (resume.signature === signature) return;
  const [was, is] = [resume.signature, signature].map((text) => JSON.parse(text) as Record<string, unknown>);
  const key = Object.keys({ ...was, ...is }).find((k) => JSON.stringify(was[k]) !== JSON.stringify(is[k]));
  const [want, got] = [was, is].map((options) => JSON.stringify(options[key as string]));
  throw new Error(
    `resume: expected the options of the interrupted training, ${key}: ${want}, got ${got}; start afresh or give the same`,
  );
}

const DIVERGED =
  "try a lower rate, a smaller clip, or look for parameters of the prior at which the forward model overflows";

/** The steps themselves, in chunks that leave the thread free now and then. */
async function loop(
  executor: Executor,
  program: Program,
  problem: string,
  settings: FullSettings,
  options: TrainOptions,
  heldOut: Simulations,
  started: number,
): Promise<Checkpoint> {
  const { steps, batch, evaluateEvery, patience } = settings;
  const { seed = 0, resume, signal, onProgress } = options;
  const signature = JSON.stringify({
    ...settings,
    guide: { name: settings.guide.name, options: settings.guide.options },
    seed,
  });
  if (resume !== undefined) refuseOther(resume, problem, signature);
  const all = rates(settings.schedule, settings.rate, steps);
  const evaluate = async (): Promise<number> => {
    const out = await executor.run("heldOut", {
      rows: heldOut.count,
      inputs: { theta: heldOut.theta, y: heldOut.noisy },
      seed,
      step: SIMULATION_STEPS.validation,
    });
    return out.sum[0] / heldOut.count;
  };
  const before = resume?.seconds ?? 0;
  const snapshot = async (): Promise<Checkpoint> => ({
    problem,
    step,
    signature,
    weights: await executor.readWeights(),
    optimiser: await executor.readOptimiser(),
    best,
    heldOut: history,
    seconds: before + (performance.now() - started) / 1000,
  });

  await executor.writeWeights(resume?.weights ?? initialWeights(program.weights, seed));
  if (resume) await executor.writeOptimiser(resume.optimiser);
  let step = resume?.step ?? 0;
  let history = resume?.heldOut ?? [];
  let best = resume?.best ?? { weights: await executor.readWeights(), loss: Number.POSITIVE_INFINITY, step: 0 };
  let good = await snapshot();
  let chunk = 1;
  let worse = history.filter(([at]) => at > best.step).length; // evaluations since the best, when resumed too
  const begun = performance.now();
  const first = step;
  let recent = { sum: 0, count: 0 };
  while (step < steps) {
    if (signal?.aborted)
      throw new TrainingStopped("aborted", `training: stopped at step ${step} of ${steps}`, step, await snapshot());
    const next = Math.min(steps, (Math.floor(step / evaluateEvery) + 1) * evaluateEvery);
    const count = Math.min(chunk, next - step);
    const from = performance.now();
    const { done, losses } = await executor.train("train", {
      rows: batch,
      seed,
      firstStep: step,
      rates: all.subarray(step, step + count),
      loss: "loss",
    });
    const took = performance.now() - from;
    step += done;
    if (done < count) {
      throw new TrainingStopped(
        "diverged",
        `training: expected a finite loss and gradient, got loss ${losses[done]} at step ${step} of ${steps}; ${DIVERGED}`,
        step,
        good,
      );
    }
    for (const loss of losses) recent = { sum: recent.sum + loss, count: recent.count + 1 };
    chunk = Math.max(1, Math.min(4096, Math.round((count * CHUNK_MS) / Math.max(took, 0.1))));
    if (step === next) {
      const loss = await evaluate();
      if (!Number.isFinite(loss)) {
        throw new TrainingStopped(
          "diverged",
          `training: expected a finite held-out loss, got ${loss} at step ${step} of ${steps}; ${DIVERGED}`,
          step,
          good,
        );
      }
      history = [...history, [step, loss]];
      worse = loss < best.loss ? 0 : worse + 1;
      if (loss < best.loss) best = { weights: await executor.readWeights(), loss, step };
      good = await snapshot();
      if (patience > 0 && worse >= patience) break;
    }
    const stepsPerSecond = ((step - first) * 1000) / (performance.now() - begun);
    onProgress?.({
      step,
      steps,
      loss: recent.sum / recent.count,
      heldOut: history[history.length - 1]?.[1] ?? Number.NaN,
      stepsPerSecond,
      secondsLeft: (steps - step) / stepsPerSecond,
    });
    recent = { sum: 0, count: 0 };
    await pause();
  }
  return snapshot();
}
