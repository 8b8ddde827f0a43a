/**
 * Evaluation of an inverse map on fresh simulations: are its posteriors those of the physics, and does it know where not?
 *
 *   calibration   ranks of the true parameters, coverage, TARP over many cases: they need no truth (diagnostics/ranks.ts)
 *   KS            draws against those of the truth, for the first of the cases (truth.ts)
 *   weights       k̂ of the same draws, and the KS of draws that they correct (sampling/psis.ts)
 *   re-simulation how far the data of draws lie from those of the true parameters
 */
import { type BackendOptions, backendNames, backendOf } from "../backends/select.ts";
import { describe } from "../checks/arguments.ts";
import { expectCount, expectOptions, expectSeed } from "../checks/options.ts";
import { ksFloor, ksPerParameter, pool } from "../diagnostics/ks.ts";
import { rankTruths } from "../diagnostics/ranks.ts";
import { type AmortisedPosterior, infer } from "../infer/infer.ts";
import type { TruthName } from "../model/calibration-record.ts";
import { expectMap } from "../model/expect.ts";
import type { InverseMap } from "../model/model.ts";
import { exp } from "../numbers/math.ts";
import { expectKnown } from "../problem/expect.ts";
import type { Problem } from "../problem/problem.ts";
import { rowsOf } from "../sampling/picks.ts";
import { LARGEST_K, paretoSmooth } from "../sampling/psis.ts";
import { resample } from "../sampling/weighted.ts";
import { reasonOf } from "../simulate/options.ts";
import { noiseSd, simulate } from "../simulate/simulate.ts";
import { calibrationOf } from "./calibrate.ts";
import type { Evaluation, Example, KsSummary } from "./evaluation.ts";
import { type Truth, truthOf } from "./truth.ts";
import { verdictOf } from "./verdict.ts";

export interface EvaluateOptions extends BackendOptions {
  /** Default: the problem that the map was trained on; it must be given to a map from a file. */
  readonly problem?: Problem;
  /** Cases that are held against the truth; default 100. */
  readonly cases?: number;
  /** Cases whose truths are ranked, the former among them; default 1000. */
  readonly calibration?: number;
  /** Default "auto": the problem's own sampler, else quadrature for one or two parameters, else chains. */
  readonly against?: TruthName | "auto";
  /** Draws that are compared; default 1000. */
  readonly draws?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Told what is being done, and how far it is. */
  readonly onStage?: (stage: string, done: number, count: number) => void;
  readonly signal?: AbortSignal;
}

const known = [
  "problem",
  "cases",
  "calibration",
  "against",
  "draws",
  "seed",
  "onStage",
  "signal",
  ...backendNames,
] as const satisfies readonly (keyof EvaluateOptions)[];
const against: readonly (TruthName | "auto")[] = ["auto", "exact", "quadrature", "nuts", "none"];
/** Draws of a case whose data are made again. */
const RESIMULATED = 100;
/** Draws of the prior for pictures, draws of an example, and examples. */
const SHOWN = 1000;
/** Draws weighed for a case: those compared are resampled from them. */
const WEIGHED = 4;
/** Draws that k̂ needs. */
const LEAST_DRAWS = 100;
const RANKED = 199;

/**
 * Evaluates a map on fresh cases: parameters drawn from the prior, data simulated from them.
 * @throws where the problem is not known, cannot be simulated, or lacks the truth asked for; the signal's reason when it is
 * aborted.
 */
export async function evaluate(map: InverseMap, options: EvaluateOptions = {}): Promise<Evaluation> {
  expectMap("evaluate", map);
  expectOptions("evaluate", options, known);
  const { cases: wanted = 100, calibration = 1000, draws = 1000, seed = 0, onStage = () => {}, signal } = options;
  const problem = problemOf(map, options.problem);
  const { D, M } = problem;
  expectCount("evaluate", "cases", wanted, 1, draws * D);
  expectCount("evaluate", "calibration", calibration, 20, D + M);
  expectCount("evaluate", "draws", draws, LEAST_DRAWS, D);
  expectSeed("evaluate", seed);
  const asked = options.against ?? "auto";
  if (!against.includes(asked))
    throw new Error(`evaluate: expected against ${against.join(", ")}, got ${describe(asked)}`);
  const backend: BackendOptions = backendOf(options);
  const started = performance.now();
  const total = Math.max(wanted, calibration);
  const told = { onSimulate: (p: { done: number; count: number }) => onStage("simulations", p.done, p.count), signal };
  // Of the prior, where training draws from a proposal: calibration is that of the prior's posterior.
  const simulated = await simulate({ ...problem, proposal: null }, total, { ...backend, seed, ...told }).catch(
    (error) => {
      throw reasonOf(error, signal); // nobody will carry on from here
    },
  );
  const { count } = simulated; // fewer where some fail and are dropped
  const cases = Math.min(wanted, count);
  const row = (flat: Float32Array, width: number, i: number): Float32Array => flat.slice(i * width, (i + 1) * width);
  const theta = Array.from({ length: count }, (_, i) => row(simulated.theta, D, i));
  const y = Array.from({ length: count }, (_, i) => row(simulated.noisy, M, i));

  const all = await infer(map, y, { ...backend, draws: 2, seed });
  const ranks = await rankTruths(all, simulated.theta, {
    draws: RANKED,
    seed,
    names: problem.parameters.map(({ name }) => name),
    onProgress: (done, count) => onStage("ranks", done, count),
    signal,
  });
  const calibrated = calibrationOf(
    ranks,
    all.map(({ farther }) => farther),
  );

  await infer(map, y[0], { ...backend, seed }); // sets the weights up
  const before = performance.now();
  const posteriors = await infer(map, y.slice(0, cases), { ...backend, seed });
  const inferring = (performance.now() - before) / cases;
  const sought = performance.now();
  const request = { problem, posteriors, draws, seed: seed + 1, backend, signal, onStage };
  const truth = await truthOf(request, asked);
  const finding = (performance.now() - sought) / cases;
  try {
    const judged: Judged[] = [];
    const scale = noiseSd(simulated, M);
    for (const [i, posterior] of posteriors.entries()) {
      signal?.throwIfAborted();
      const clean = row(simulated.clean, M, i);
      judged.push(await judge(posterior, { truth, index: i, D, draws, seed, clean, scale }));
      onStage("comparisons", i + 1, cases);
    }
    const compared = truth.draws !== null;
    const ks = (pick: (j: Judged) => readonly number[] | null): KsSummary | null =>
      judged.every((j) => pick(j) !== null)
        ? summaryOf(
            judged.map((j) => pick(j) as number[]),
            draws,
          )
        : null;
    const guideKs = ks((j) => j.ks);
    const rms = (pick: (j: Judged) => number | null): number =>
      Math.sqrt(judged.reduce((sum, j) => sum + squareOf(pick(j) ?? Number.NaN), 0) / cases);
    const found = {
      ks: compared && guideKs ? { guide: guideKs, corrected: ks((j) => j.corrected) } : null,
      weights: truth.joint
        ? {
            kHat: judged.map((j) => j.kHat as number),
            ess: judged.map((j) => j.ess as number),
            above: judged.filter((j) => !((j.kHat as number) <= LARGEST_K)).length / cases,
          }
        : null,
      calibration: calibrated,
      warned: posteriors.filter(({ warning }) => warning !== undefined).length / cases,
    };
    const { spec } = map;
    const { parameters, guide, training } = spec;
    const priorDraws = theta.slice(0, SHOWN);
    return {
      problem: problem.name,
      description: problem.description,
      model: { guide, training, parameters, D, M },
      prior: {
        mean: [...problem.prior.mean],
        sd: [...problem.prior.sd],
        draws: Float32Array.from(priorDraws.flatMap((t) => [...t])),
      },
      verdict: verdictOf(found, truth.caveat),
      against: { name: truth.name, text: truth.text },
      cases,
      dropped: total - count,
      draws,
      seed,
      resimulation:
        truth.clean === null
          ? null
          : { guide: rms((j) => j.resimulated), truth: compared ? rms((j) => j.least) : Number.NaN },
      ...found,
      examples: await examplesOf(posteriors, judged, { theta, truth, seed }),
      losses: training.curve ?? null,
      seconds: (performance.now() - started) / 1000,
      milliseconds: { infer: inferring, truth: finding },
      device: (await map.engine("posterior", backend)).device,
    };
  } finally {
    truth.dispose();
  }
}

function problemOf({ problem: own, spec }: InverseMap, given: Problem | undefined): Problem {
  const problem = expectKnown("evaluate", spec, own, given);
  if (problem.forward === null && problem.simulate === null)
    throw new Error(
      `evaluate: expected a problem that can be simulated, and "${problem.name}" has only pairs from elsewhere`,
    );
  return problem;
}

const squareOf = (x: number): number => x * x;

interface Judged {
  /** Of each parameter. */
  readonly ks: number[] | null;
  readonly corrected: number[] | null;
  readonly kHat: number | null;
  /** As a share of the draws. */
  readonly ess: number | null;
  /** Root mean square, in noise sd. */
  readonly resimulated: number | null;
  readonly least: number | null;
}

interface JudgeRequest {
  readonly truth: Truth;
  readonly index: number;
  readonly D: number;
  readonly draws: number;
  readonly seed: number;
  readonly clean: Float32Array;
  readonly scale: Float64Array;
}

async function judge(posterior: AmortisedPosterior, request: JudgeRequest): Promise<Judged> {
  const { truth, index, D, draws, seed, clean, scale } = request;
  const exact = truth.draws?.[index] ?? null;
  const drawn = await posterior.sample(draws, { seed: seed + 2 });
  const compare = (a: Float32Array): number[] | null => (exact === null ? null : [...ksPerParameter(a, exact, D)]);
  const off = async (a: Float32Array): Promise<number | null> => {
    if (truth.clean === null) return null;
    const again = await truth.clean(a.subarray(0, RESIMULATED * D));
    let sum = 0;
    for (let k = 0; k < again.length; k++)
      sum += squareOf((again[k] - clean[k % clean.length]) / scale[k % clean.length]);
    return Math.sqrt(sum / again.length);
  };
  const weighed = truth.joint === null ? null : await weigh(posterior, truth.joint, WEIGHED * draws, seed + 3);
  return {
    ks: compare(drawn),
    corrected: weighed === null ? null : compare(rowsOf(weighed.theta, resample(weighed.weights, draws, seed + 4), D)),
    kHat: weighed?.kHat ?? null,
    ess: weighed === null ? null : weighed.ess / weighed.weights.length,
    resimulated: await off(drawn),
    least: exact === null ? null : await off(exact),
  };
}

async function weigh(
  posterior: AmortisedPosterior,
  joint: NonNullable<Truth["joint"]>,
  count: number,
  seed: number,
): Promise<{ theta: Float32Array; weights: Float64Array; kHat: number; ess: number }> {
  const theta = await posterior.sample(count, { seed });
  const [p, q] = [await joint(theta, posterior.y), await posterior.logProb(theta)];
  const ratios = q.map((l, s) => (Number.isFinite(p[s]) && Number.isFinite(l) ? p[s] - l : Number.NEGATIVE_INFINITY));
  if (ratios.every((r) => r === Number.NEGATIVE_INFINITY))
    return { theta, weights: ratios.map(() => 1 / count), kHat: Number.POSITIVE_INFINITY, ess: 0 };
  const { logWeights, kHat, ess } = paretoSmooth(ratios);
  return { theta, weights: logWeights.map((l) => exp(l)), kHat, ess };
}

function summaryOf(statistics: readonly number[][], draws: number): KsSummary {
  return { ...pool(statistics.flat()), statistics, floor: ksFloor(draws, draws) };
}

/** A few cases to look at: the typical one, the worst, the one whose weights are worst, and the first; each once. */
async function examplesOf(
  posteriors: readonly AmortisedPosterior[],
  judged: readonly Judged[],
  { theta, truth, seed }: { readonly theta: readonly Float32Array[]; readonly truth: Truth; readonly seed: number },
): Promise<Example[]> {
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const by = (score: (j: Judged) => number): number[] =>
    judged.map((_, i) => i).sort((a, b) => score(judged[a]) - score(judged[b]));
  const byKs = judged[0].ks === null ? null : by((j) => mean(j.ks as number[]));
  const byK = judged[0].kHat === null ? null : by((j) => j.kHat as number);
  const wanted: [string, number][] = [];
  if (byKs) wanted.push(["typical case", byKs[byKs.length >> 1]], ["worst KS", byKs[byKs.length - 1]]);
  if (byK) wanted.push(["worst k̂", byK[byK.length - 1]]);
  wanted.push(["first case", 0]);
  const once = wanted.filter(([, i], k) => wanted.findIndex(([, other]) => other === i) === k);
  return Promise.all(
    once.map(async ([title, index]): Promise<Example> => {
      const posterior = posteriors[index];
      return {
        index,
        title,
        y: [...posterior.y],
        theta: [...theta[index]],
        guide: await posterior.sample(SHOWN, { seed: seed + 2 }),
        truth: truth.draws?.[index] ?? null,
        mean: [...posterior.mean],
        sd: [...posterior.sd],
        q05: [...posterior.quantile(0.05)],
        q95: [...posterior.quantile(0.95)],
        ks: judged[index].ks === null ? null : mean(judged[index].ks as number[]),
        kHat: judged[index].kHat,
        farther: posterior.farther,
      };
    }),
  );
}
