/**
 * Evaluation of an inverse map on fresh evaluation cases, that is simulations whose true parameters are known:
 *
 *   calibration    ranks of the true parameters, coverage and TARP over many cases, from simulations alone (calibrate.ts)
 *   KS             draws compared with those of a reference posterior, in the first cases (reference.ts, compare.ts)
 *   weights        k̂ of the same draws, and the KS of draws corrected by importance weights (sampling/psis.ts)
 *   re-simulation  distance between data simulated from draws and from the true parameters
 */
import type { Rows } from "../backends/backend.ts";
import { type BackendOptions, backendOf } from "../backends/select.ts";
import { expectRoom, readOptions, type SettingsOf } from "../checks/options.ts";
import { rankTruths } from "../diagnostics/ranks.ts";
import { type AmortisedPosterior, infer } from "../infer/infer.ts";
import type { CalibrationSummary } from "../model/calibration-record.ts";
import { expectMap } from "../model/expect.ts";
import type { InverseMap } from "../model/model.ts";
import { meanOf } from "../numbers/moments.ts";
import { expectKnown } from "../problem/expect.ts";
import { observationOf } from "../problem/observed.ts";
import type { ObservedNoise } from "../problem/observed-noise.ts";
import type { Problem } from "../problem/problem.ts";
import { LARGEST_K } from "../sampling/psis.ts";
import { cleanSdRows, constantSd } from "../simulate/noise-sd.ts";
import { reasonOf } from "../simulate/options.ts";
import { noiseSd, type Simulations, simulate } from "../simulate/simulate.ts";
import { readCircumstances, withCircumstances } from "../train/circumstances.ts";
import { calibrationOf } from "./calibrate.ts";
import { type Comparison, compare, summarise } from "./compare.ts";
import type { BandedCurve, Evaluation } from "./evaluation.ts";
import { examplesOf, SHOWN } from "./examples.ts";
import { type EvaluateOptions, evaluateTable } from "./options.ts";
import { type Reference, referenceOf } from "./reference.ts";
import { verdictOf } from "./verdict.ts";

/** Draws among which each true parameter is ranked. */
const RANKED = 199;

interface Request extends Omit<SettingsOf<typeof evaluateTable>, "problem" | "onStage" | "backend"> {
  readonly map: InverseMap;
  readonly problem: Problem;
  readonly backend: BackendOptions;
  readonly onStage: NonNullable<EvaluateOptions["onStage"]>;
}

/**
 * Evaluates a map on fresh cases, whose parameters are drawn from the prior.
 * @throws if the problem is unknown, cannot be simulated, or does not allow the requested reference posterior; the reason of the
 * signal if it is aborted.
 */
export async function evaluate(map: InverseMap, options: EvaluateOptions = {}): Promise<Evaluation> {
  const started = performance.now();
  const request = readRequest(map, options);
  const { problem, backend, draws, seed, against, signal, onStage } = request;
  const fresh = await simulateCases(request);
  const calibration = await calibrate(request, fresh);

  const cases = Math.min(request.cases, fresh.count);
  await infer(map, fresh.y.slice(0, 1), { ...backend, seed, ...noiseOf(fresh, 1) }); // loads the weights, so that the time below leaves this out
  const inferring = performance.now();
  const posteriors = await infer(map, fresh.y.slice(0, cases), { ...backend, seed, ...noiseOf(fresh, cases) });
  const inferred = performance.now();
  const reference = await referenceOf(
    { problem, posteriors, draws, seed: seed + 1, backend, signal, onStage },
    against,
  );
  const found = performance.now();
  try {
    const comparisons = await compareAll(request, fresh, posteriors, reference);
    const warned = posteriors.filter(({ warning }) => warning !== undefined).length / cases;
    const scores = { ...summarise(comparisons, draws), calibration, warned };
    const { D, M, parameters, guide, training, fingerprint } = map.spec;
    const { solvers } = fingerprint;
    return {
      problem: problem.name,
      description: problem.description,
      model: { guide, training, parameters, D, M, ...(solvers && { solvers }) },
      prior: {
        mean: [...problem.prior.mean],
        sd: [...problem.prior.sd],
        draws: fresh.truths.slice(0, SHOWN * map.spec.D),
      },
      verdict: verdictOf(scores, reference.caveat),
      against: { name: reference.name, text: reference.text },
      cases,
      ...(map.spec.rows?.missing && !map.spec.rows.set && { byMissing: byMissing(posteriors, comparisons) }),
      dropped: fresh.dropped,
      draws,
      seed,
      ...scores,
      examples: await examplesOf({ posteriors, comparisons, reference, theta: fresh.theta, seed }),
      losses: training.curve ?? null,
      seconds: (performance.now() - started) / 1000,
      milliseconds: { infer: (inferred - inferring) / cases, truth: (found - inferred) / cases },
      device: (await map.executor("posterior", backend)).device,
    };
  } finally {
    reference.dispose();
  }
}

/** Checks everything that can be checked before any work is done. */
function readRequest(map: InverseMap, options: EvaluateOptions): Request {
  expectMap("evaluate", map);
  const { problem: given, onStage = () => {}, ...settings } = readOptions("evaluate", evaluateTable, options);
  const problem = expectKnown("evaluate", map.spec, map.problem, given);
  const { name, D, M, forward, simulate } = problem;
  if (forward === null && simulate === null)
    throw new Error(`evaluate: expected a problem that can be simulated; "${name}" has only pairs simulated elsewhere`);
  expectRoom("evaluate", "cases", settings.cases, settings.draws * D);
  expectRoom("evaluate", "calibration", settings.calibration, D + M);
  return { ...settings, map, problem, onStage, backend: backendOf(settings) };
}

/** Evaluation cases, one a row: true parameters (D), data without noise and with it (M). */
interface Cases {
  readonly count: number;
  /** Simulations that failed. */
  readonly dropped: number;
  /** All true parameters (count, D). */
  readonly truths: Rows;
  readonly theta: readonly Rows[];
  readonly clean: readonly Rows[];
  readonly y: readonly Rows[];
  /** Noise sd of the data of each case, (M), in units of the noise-free data. */
  readonly noiseSd: readonly Float64Array[];
  /** The noise of each case; null where it is that of the problem. */
  readonly noise: readonly ObservedNoise[] | null;
}

const noiseOf = ({ noise }: Cases, count: number): { noise?: readonly ObservedNoise[] } =>
  noise === null ? {} : { noise: noise.slice(0, count) };

/** Shares of missing data that cases are counted by. */
const SHARES = [0, 0.25, 0.5, 0.75, 1];

/** The comparisons of cases by the share of their data that is missing: none, then up to each quarter. */
function byMissing(
  posteriors: readonly AmortisedPosterior[],
  comparisons: readonly Comparison[],
): NonNullable<Evaluation["byMissing"]> {
  const shares = posteriors.map(({ y }) => y.reduce((sum, v) => sum + Number(Number.isNaN(v)), 0) / y.length);
  return SHARES.flatMap((most, k) => {
    const own = comparisons.filter((_, i) => shares[i] <= most && (k === 0 || shares[i] > SHARES[k - 1]));
    if (own.length === 0) return [];
    const mean = (pick: (c: Comparison) => readonly number[] | null): number | null => {
      const all = own.flatMap((c) => pick(c) ?? []);
      return all.length === 0 ? null : meanOf(all);
    };
    const kHats = own.flatMap(({ kHat }) => kHat ?? []);
    return [
      {
        missing: most,
        cases: own.length,
        ks: mean((c) => c.ks),
        corrected: mean((c) => c.corrected),
        kHatAbove: kHats.length === 0 ? null : kHats.filter((k) => !(k <= LARGEST_K)).length / kHats.length,
      },
    ];
  });
}

async function simulateCases(request: Request): Promise<Cases> {
  const { map, problem, cases, calibration, seed, backend, signal, onStage } = request;
  const wanted = Math.max(cases, calibration);
  // A map for missing data and noise scales is given any subset and any scale that it was trained for.
  const { rows: known } = map.spec;
  const scale = known?.scale;
  const circumstances = readCircumstances(
    problem,
    known?.missing && !known.set ? "any" : undefined,
    scale ? { scale: [scale.low, scale.high], each: scale.each } : undefined,
  );
  // From the prior even where training draws from a proposal, because the posterior is that of the prior.
  const fromPrior = withCircumstances({ ...problem, proposal: null }, circumstances);
  const { layout } = fromPrior;
  const onSimulate = ({ done, count }: { done: number; count: number }): void => onStage("simulations", done, count);
  const simulated = await simulate(fromPrior, wanted, { ...backend, seed, onSimulate, signal }).catch((error) => {
    throw reasonOf(error, signal); // an evaluation cannot be continued, so the error does not say how
  });
  const { count, theta, clean, noisy } = simulated;
  const rows = (flat: Rows, width: number): Rows[] =>
    Array.from({ length: count }, (_, i) => flat.slice(i * width, (i + 1) * width));
  const observed = rows(noisy, layout.width).map((row) => observationOf(layout, row));
  return {
    count,
    dropped: wanted - count,
    truths: theta,
    theta: rows(theta, problem.D),
    clean: rows(clean, problem.M),
    y: observed.map(({ y }) => y),
    noiseSd: await sdOfCases(problem, simulated, cases, backend),
    noise: layout.scale === 0 ? null : observed.map(({ noise }) => noise as ObservedNoise),
  };
}

/** Estimated from all simulations where it is one for all; else that at each true parameters. */
async function sdOfCases(
  problem: Problem,
  simulated: Simulations,
  cases: number,
  backend: BackendOptions,
): Promise<Float64Array[]> {
  const { D, M } = problem;
  const count = Math.min(cases, simulated.count);
  const of = (table: Rows, width: number): Rows => table.subarray(0, count * width);
  const plain = simulated.noisy.length === simulated.clean.length;
  if (plain && constantSd(problem) !== null) return new Array<Float64Array>(count).fill(noiseSd(simulated, M));
  const sd = await cleanSdRows(problem, { theta: of(simulated.theta, D), clean: of(simulated.clean, M) }, backend);
  return Array.from({ length: count }, (_, i) => sd.subarray(i * M, (i + 1) * M));
}

/** Ranks of the true parameters in all cases, and the distance of the data from the training simulations. */
async function calibrate(request: Request, fresh: Cases): Promise<CalibrationSummary<BandedCurve>> {
  const { map, problem, backend, seed, signal, onStage } = request;
  const { y, truths, count: all } = fresh;
  const posteriors = await infer(map, y, { ...backend, draws: 2, seed, ...noiseOf(fresh, all) });
  const ranks = await rankTruths(posteriors, truths, {
    draws: RANKED,
    seed,
    names: problem.parameters.map(({ name }) => name),
    onProgress: (done, count) => onStage("ranks", done, count),
    signal,
  });
  return calibrationOf(
    ranks,
    posteriors.map(({ farther }) => farther),
  );
}

async function compareAll(
  { draws, seed, signal, onStage }: Request,
  { clean, noiseSd }: Cases,
  posteriors: readonly AmortisedPosterior[],
  reference: Reference,
): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const [index, posterior] of posteriors.entries()) {
    signal?.throwIfAborted();
    comparisons.push(
      await compare(posterior, { reference, index, draws, seed, clean: clean[index], noiseSd: noiseSd[index] }),
    );
    onStage("comparisons", index + 1, posteriors.length);
  }
  return comparisons;
}
