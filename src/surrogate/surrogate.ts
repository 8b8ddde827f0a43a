/**
 * Surrogates: a residual network replaces a forward model f that is slow or has no derivatives. It is fitted to noise-free
 * simulations by least squares in units of the noise,
 *
 *   min E_θ (1/M) Σ_j ((f̂_j(θ) − f_j(θ)) / σ_j)².
 *
 * Its error is measured on held-out parameters. An error of e noise sd in all data would move a posterior by up to e √M of its
 * own sd; hence the warning above 0.1.
 */
import { backendOf, createExecutor } from "../backends/select.ts";
import { isIncluded } from "../distributions/noise/model.ts";
import {
  bankRows,
  batchSum,
  cast,
  clamp,
  constant,
  input,
  mul,
  square,
  sub,
  sumFeatures,
  weight,
} from "../graph/build.ts";
import { gradientsOf } from "../graph/grad.ts";
import { compile } from "../graph/program.ts";
import type { Tensor } from "../graph/tensor.ts";
import { atOnce } from "../host/yielding.ts";
import { unpackSlab } from "../model/model.ts";
import { type MakeLayer, residual } from "../nn/residual.ts";
import { rootMeanSquare, sumOfSquares } from "../numbers/moments.ts";
import { type Centre, withCentre } from "../numbers/offsets.ts";
import { STREAMS } from "../numbers/random.ts";
import { defineProblem } from "../problem/define.ts";
import { expectProblem } from "../problem/expect.ts";
import type { Problem } from "../problem/problem.ts";
import { centred, restored, type Work, withDataAbout, workOf } from "../problem/work.ts";
import { reasonOf } from "../simulate/options.ts";
import { predict } from "../simulate/predict.ts";
import type { WorkSimulations } from "../simulate/simulate.ts";
import { TrainingStopped } from "../train/checkpoint.ts";
import { type Attempt, outliveDevice } from "../train/lost-device.ts";
import { optimise } from "../train/optimise.ts";
import { type SurrogateOptions, type SurrogateSettings, surrogateSettings } from "./options.ts";
import { fitScaling, type Scaling } from "./scaling.ts";
import { simulateBank, widened } from "./widened-simulations.ts";

export type { SurrogateOptions, SurrogateProgress } from "./options.ts";

/** Errors in noise sd: root mean square, 99th percentile of their size, and largest. */
export interface ErrorSummary {
  readonly rms: number;
  readonly p99: number;
  readonly max: number;
}

/** A problem whose forward model is a network fitted to that of `parent`. */
export interface Surrogate extends Problem {
  readonly forward: (theta: Tensor) => Tensor;
  /** The original problem, for corrections and for comparisons. */
  readonly parent: Problem;
  /** Errors on `count` held-out simulations from the proposal or prior: over all data, and for each data value (M). */
  readonly error: ErrorSummary & { readonly count: number; readonly data: readonly ErrorSummary[] };
  /** Says that the error affects posteriors; undefined for a good surrogate. */
  readonly warning: string | undefined;
}

/** Largest rms error, in noise sd, without a warning. */
const LARGEST_ERROR = 0.1;
/** Simulations that choose the best weights. */
const VALIDATION = 1024;
/** Evaluations of the held-out loss in a fit. */
const EVALUATIONS = 40;
const BANKS = { fit: 0, validation: 1, heldOut: 2 } as const;

/**
 * A problem with the prior, noise, names and presets of `problem`, and a network in place of its forward model. It gives a problem
 * that has only `simulate` a forward model in ops, which the ELBO and other methods with derivatives need.
 * The network computes in single precision, whatever the type of θ.
 * If the problem allows failed simulations, the fit and its error leave them out.
 * @throws on invalid options; if simulations or losses are not finite (`TrainingStopped`); the backend's error if a device that was
 * named is lost (with "auto" the fit continues on wasm, with a warning); the signal's reason if it is aborted.
 */
export async function surrogate(problem: Problem, options: SurrogateOptions = {}): Promise<Surrogate> {
  expectProblem("surrogate", problem);
  if (problem.set)
    throw new Error(
      `surrogate: expected data of one length, and those of "${problem.name}" are sets; train it directly`,
    );
  // The network would learn the mean of noisy data, and training would take it for noise-free data.
  if (isIncluded(problem.noise))
    throw new Error(
      `surrogate: expected a problem with a noise model, got "${problem.name}" with noise: null, whose data contain their noise; train it without a surrogate`,
    );
  const settings = surrogateSettings(problem, options);
  try {
    return await makeSurrogate(problem, settings);
  } catch (error) {
    const lost = error instanceof TrainingStopped && error.reason === "lost";
    throw reasonOf(lost ? error.cause : error, options.signal); // a surrogate cannot be resumed from a checkpoint
  }
}

async function makeSurrogate(problem: Problem, settings: SurrogateSettings): Promise<Surrogate> {
  const work = workOf(problem);
  const from = work.centre === null ? settings.from : settings.from.about(work.centre);
  const wide = widened(from, settings.widen);
  const simulated = simulator(work, settings);
  const bank = await simulated(settings.bank, wide, BANKS.fit);
  const { centre } = bank;
  const validation = await simulated(VALIDATION, wide, BANKS.validation, centre);
  const heldOut = await simulated(settings.heldOut, from, BANKS.heldOut, centre);
  const asked = settings.bank + VALIDATION + settings.heldOut;
  const dropped = asked - bank.count - validation.count - heldOut.count;
  if (dropped > 0)
    (settings.onWarning ?? console.warn)(
      `surrogate: ${dropped} of ${asked} simulations failed and were dropped: the fit and its error are valid only where "${problem.name}" can be simulated`,
    );
  const scaling = await fitScaling(withDataAbout(work, centre), bank, backendOf(settings));
  const network = await fit(problem, settings, scaling, bank, validation);
  const limits = limitsOf(problem, bank);
  const forward = (theta: Tensor): Tensor => {
    const data = network(centred(theta, work.centre));
    return cast(restored(limits === null ? data : clamp(data, limits.low, limits.high), centre), theta.dtype);
  };
  const made = defineProblem({
    name: `${problem.name}-surrogate`,
    description: `${problem.description || problem.name}, by a surrogate`,
    parameters: problem.parameters,
    data: problem.data,
    prior: problem.prior,
    proposal: problem.proposal,
    noise: problem.noise,
    presets: problem.presets,
    forward,
    parent: problem,
  });
  const predicted = await predict(made, withCentre(heldOut.theta, work.centre), backendOf(settings));
  const error = compare(predicted, withCentre(heldOut.clean, centre), scaling.noise);
  const warning = warningOf(problem, settings, error);
  return Object.freeze({ ...made, forward, parent: problem, error, warning });
}

/**
 * The range of the simulations, (M), where the noise-free data of counts, of positive data or of shares have one that a network may
 * leave, so that the noise would have no density; null where they may be any numbers.
 */
function limitsOf({ M, noise }: Problem, { clean }: WorkSimulations): Record<"low" | "high", Float64Array> | null {
  if (noise.data === "real") return null;
  const low = new Float64Array(M).fill(Number.POSITIVE_INFINITY);
  const high = new Float64Array(M).fill(Number.NEGATIVE_INFINITY);
  clean.forEach((x, i) => {
    low[i % M] = Math.min(low[i % M], x);
    high[i % M] = Math.max(high[i % M], x);
  });
  return { low, high };
}

/** Returns a function that simulates the banks, and reports the progress of all of them together. */
function simulator(work: Work, settings: SurrogateSettings) {
  const { bank, heldOut, seed, signal, onProgress } = settings;
  const steps = bank + VALIDATION + heldOut;
  const started = performance.now();
  let before = 0;
  return async (count: number, from: SurrogateSettings["from"], number: number, centre?: Centre) => {
    const onSimulate = ({ done }: { done: number }): void => {
      if (done === 0) return;
      const step = before + done;
      const stepsPerSecond = (1000 * step) / (performance.now() - started);
      const secondsLeft = (steps - step) / stepsPerSecond;
      const none = { loss: Number.NaN, heldOut: Number.NaN };
      onProgress?.({ phase: "simulating", step, steps, ...none, stepsPerSecond, secondsLeft });
    };
    const control = { signal, onSimulate, onWarning: () => {} }; // one warning for all banks comes later
    const simulations = await simulateBank(work, {
      count,
      from,
      centre,
      seed,
      number,
      backend: backendOf(settings),
      control,
    });
    before += count;
    return simulations;
  };
}

/** Fits the network, and returns it as a forward model. */
async function fit(
  { name, D, M }: Problem,
  settings: SurrogateSettings,
  { features, data, coordinates, spread }: Scaling,
  bank: WorkSimulations,
  validation: WorkSimulations,
): Promise<(theta: Tensor) => Tensor> {
  const { hidden, blocks, steps, batch, rate, seed, signal, onProgress, onWarning = console.warn } = settings;
  const K = spread.length;
  const network = (make: MakeLayer) => residual({ ins: D, hidden, blocks, outs: K }, make);
  const trained = network((layer, rows, cols, init) => weight(layer, rows, cols, { init }));
  // The loss is relative to the variance of the data, so that one learning rate and one clip suit every problem.
  const variance = sumOfSquares(spread);
  const share = spread.map((s) => (s * s) / variance);
  const total = (theta: Tensor, target: Tensor): Tensor =>
    batchSum(cast(sumFeatures(mul(square(sub(trained(features(theta)), target)), share)), "f64"));
  const loss = mul(total(bankRows("theta", D, STREAMS.bank), bankRows("target", K, STREAMS.bank)), 1 / batch);
  const program = atOnce(
    compile({
      train: { outputs: { loss }, gradients: () => gradientsOf(loss), rows: batch },
      heldOut: { outputs: { sum: total(input("theta", D), input("y", K)) } },
    }),
  );
  const optimiser = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: false, clip: 10 };
  const learn = async ({ backend, resume, started }: Attempt): Promise<(theta: Tensor) => Tensor> => {
    const executor = await createExecutor(program, { ...backend, optimiser });
    try {
      await executor.writeBank("theta", bank.theta);
      await executor.writeBank("target", coordinates(bank.clean));
      /** Rms in noise sd of a relative squared error, the unit of the reported error. */
      const inNoise = (relative: number): number => Math.sqrt((relative * variance) / M);
      const { best } = await optimise({
        executor,
        weights: program.weights,
        problem: name,
        settings: {
          steps,
          batch,
          rate,
          schedule: { kind: "cosine" },
          evaluateEvery: Math.ceil(steps / EVALUATIONS),
          patience: 0,
          guide: { name: "surrogate", options: { hidden, blocks } },
        },
        options: {
          seed,
          resume,
          signal,
          onProgress: (p) =>
            onProgress?.({ ...p, phase: "fitting", loss: inNoise(p.loss), heldOut: inNoise(p.heldOut) }),
        },
        heldOut: { count: validation.count, theta: validation.theta, noisy: coordinates(validation.clean) },
        started,
      });
      const layers = unpackSlab(program.weights, best.weights);
      const fixed = network((layer, rows) => constant(layers[layer].data, "f32", rows));
      return (theta) => data(fixed(features(theta)), theta.dtype);
    } finally {
      executor.dispose();
    }
  };
  return outliveDevice({ backend: backendOf(settings), started: performance.now() }, learn, onWarning);
}

function summary(sizes: Float64Array): ErrorSummary {
  const sorted = sizes.sort();
  const rms = rootMeanSquare(sorted);
  return { rms, p99: sorted[Math.ceil(0.99 * sorted.length) - 1], max: sorted[sorted.length - 1] };
}

/** Errors of predictions (count, M) in noise sd. */
function compare(predicted: Float64Array, clean: ArrayLike<number>, noise: Float64Array): Surrogate["error"] {
  const M = noise.length;
  const count = clean.length / M;
  const sizes = predicted.map((v, i) => Math.abs(v - clean[i]) / noise[i % M]);
  const data = Array.from(noise, (_, j) => summary(Float64Array.from({ length: count }, (_x, r) => sizes[r * M + j])));
  return Object.freeze({ ...summary(sizes), count, data });
}

function warningOf(
  { data, name }: Problem,
  settings: SurrogateSettings,
  error: Surrogate["error"],
): string | undefined {
  if (error.rms <= LARGEST_ERROR) return undefined;
  const worst = error.data.reduce((most, e, j) => (e.rms > error.data[most].rms ? j : most), 0);
  const { bank, steps, hidden } = settings;
  return (
    `the surrogate of "${name}" has an rms error of ${error.rms.toFixed(2)} noise sd (${data[worst].name}: ` +
    `${error.data[worst].rms.toFixed(2)}), above ${LARGEST_ERROR}, which will affect posteriors; try a larger bank ` +
    `(${bank}), more steps (${steps}) or a wider network (${hidden}), or correct the posteriors with the original problem`
  );
}
