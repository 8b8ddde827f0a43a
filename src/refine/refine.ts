/**
 * Refinement of a map for one observation by truncated proposals (Deistler, Gonçalves & Macke, NeurIPS 2022, arXiv 2210.04815): rounds of
 *
 *   R ← R ∩ { θ : log q(θ | y) ≥ c },   θ ~ p(θ) 1[θ ∈ R],   data ~ p(data | θ),   q ← NPE on all pairs within R,
 *
 * where c leaves out a small probability under q. Within R the prior keeps its shape, so NPE needs no correction, and simulations of
 * earlier rounds that lie in R are used again. The result answers for this observation alone.
 */
import { type BackendOptions, backendOf } from "../backends/select.ts";
import { pickOptions, readOptions, type SettingsOf } from "../checks/options.ts";
import { coverage } from "../diagnostics/coverage.ts";
import { rankTruths } from "../diagnostics/ranks.ts";
import { isIncluded } from "../distributions/noise/model.ts";
import { guideFrom } from "../guides/index.ts";
import { type AmortisedPosterior, infer } from "../infer/infer.ts";
import { expectMap } from "../model/expect.ts";
import { type InverseMap, mapOf, type RefinedRecord, type RefinedRound } from "../model/model.ts";
import { sourceOf } from "../problem/likelihood.ts";
import { checkData, type Problem } from "../problem/problem.ts";
import { failuresTable } from "../simulate/finite.ts";
import { replicate } from "../simulate/predict.ts";
import { addNoise } from "../simulate/simulate.ts";
import { SIMULATION_STEPS } from "../simulate/steps.ts";
import { train } from "../train/train.ts";
import { type RefineOptions, type RefineProgress, refineTable } from "./options.ts";
import { drawWithin, type Part, partOf, type RegionDraws, takeRows, within } from "./region.ts";

/** What `refine` answers. */
export interface Refined {
  /** The map of the last round, for this observation alone. It can be saved and loaded like others. */
  readonly map: InverseMap;
  /** Its posterior of the observation. */
  readonly posterior: AmortisedPosterior;
  /** What each round did, and the test of coverage, as the map's record has them. */
  readonly record: RefinedRecord;
}

/** Parameters (N, D), and their data (N, M) without noise, unless the problem's include it. */
interface Pairs {
  readonly theta: Float64Array;
  readonly data: Float64Array;
}

/** What does not change from round to round. */
interface Task {
  readonly problem: Problem;
  readonly y: Float64Array;
  readonly settings: SettingsOf<typeof refineTable>;
  readonly backend: BackendOptions;
}

/** Where the rounds stand. */
interface State {
  readonly map: InverseMap;
  readonly posterior: AmortisedPosterior;
  readonly region: readonly Part[];
  /** All simulations within the region. */
  readonly pairs: Pairs;
  readonly rounds: readonly RefinedRound[];
}

/** Training steps of a round. */
const STEPS = 4000;
/** Probability at which an exact posterior fails the test of coverage. */
const ALPHA = 0.01;
/** Draws of the last posterior that are looked for outside of the last region, and the largest share there without a warning. */
const OUTSIDE_DRAWS = 10_000;
const MOST_OUTSIDE = 0.01;
/** Seeds of rounds are so far apart. */
const APART = 1000;

/**
 * Refines a map for one observation y (M): each round simulates where the posterior so far leaves parameters open, and trains on all
 * simulations there. No likelihood is needed: the problem is simulated by its forward model or by `simulate`.
 * @throws on invalid options, without a problem that can be simulated, for a map of data that may be missing or of another noise scale,
 *   and where a round finds too few draws; as `train` does; the signal's reason when it is aborted.
 */
export async function refine(map: InverseMap, y: ArrayLike<number>, options: RefineOptions = {}): Promise<Refined> {
  expectMap("refine", map);
  const settings = readOptions("refine", refineTable, options);
  const problem = problemOf(map);
  const [row] = checkData(map.spec, y);
  const task: Task = { problem, y: row, settings, backend: backendOf(settings) };
  const pairs = { theta: new Float64Array(0), data: new Float64Array(0) };
  let state: State = { map, posterior: await infer(map, row, task.backend), region: [], pairs, rounds: [] };
  for (let more = true; more && state.rounds.length < settings.rounds; ) {
    state = await nextRound(task, state);
    more = state.rounds[state.rounds.length - 1].left <= settings.gain;
  }
  return finish(task, state);
}

/** @throws where the problem of a map cannot be simulated again. */
function problemOf({ problem, spec }: InverseMap): Problem {
  if (problem === null)
    throw new Error(
      `refine: expected the problem beside this model, which rounds simulate, got none; use load(file, { problem }) with "${spec.problem}"`,
    );
  if (problem.forward === null && problem.simulate === null)
    throw new Error(`refine: expected a problem that can be simulated, and "${problem.name}" has ${sourceOf(problem)}`);
  if (spec.rows)
    throw new Error(
      "refine: expected a map of complete data with the noise of the problem, got one that was trained with missing or noise; train one for the data that are there",
    );
  return { ...problem, proposal: null };
}

/** Tells what a round does, and ends where the signal says so. */
function tell({ settings: { rounds, onProgress, signal } }: Task, at: Omit<RefineProgress, "rounds">): void {
  signal?.throwIfAborted();
  onProgress?.({ rounds, ...at });
}

/** Draws of the prior within a region, and their data; fewer where simulations fail and are dropped. */
async function simulateWithin(
  task: Task,
  region: readonly Part[],
  count: number,
  { round, seed }: { readonly round: number; readonly seed: number },
): Promise<Pairs & Omit<RegionDraws, "theta">> {
  const { problem, settings, backend } = task;
  tell(task, { round, stage: "drawing" });
  const { theta, ...drawn } = await drawWithin(problem, region, { ...backend, count, seed });
  tell(task, { round, stage: "simulating" });
  const control = { ...backend, ...pickOptions(failuresTable, settings), signal: settings.signal };
  const made = await replicate("refine", problem, theta, control, [seed]);
  return { theta: made.theta, data: made.data[0], ...drawn };
}

/** The pairs within a part of the parameters. */
async function pairsWithin({ theta, data }: Pairs, part: Part, { D, M }: Problem): Promise<Pairs> {
  const rows = await within([part], theta, D);
  return { theta: takeRows(theta, rows, D), data: takeRows(data, rows, M) };
}

async function nextRound(task: Task, { map, posterior, region: before, pairs, rounds }: State): Promise<State> {
  const { problem, y, settings, backend } = task;
  const { cut, simulations, onWarning, train: given } = settings;
  const round = rounds.length + 1;
  const seed = settings.seed + APART * round;
  const part = await partOf(posterior, cut, seed);
  const region = [...before, part];
  const old = await pairsWithin(pairs, part, problem);
  const { theta, data, accepted, by } = await simulateWithin(task, region, simulations, { round, seed });
  const all: Pairs = { theta: joined(old.theta, theta), data: joined(old.data, data) };
  tell(task, { round, stage: "training" });
  const { guide } = map.spec;
  const next = await train(problem, {
    guide: guideFrom(guide.name, { ...guide.options, base: "linear" }),
    steps: STEPS,
    ...given,
    ...backend,
    bank: { theta: all.theta, y: all.data },
    seed,
    signal: settings.signal,
    onWarning: onWarning ?? (() => {}), // of posteriors at other data, which this map is not for
    onProgress: (training) => settings.onProgress?.({ round, rounds: settings.rounds, stage: "training", training }),
  });
  const made = await infer(next, y, backend);
  const left = await within([await partOf(made, cut, seed)], theta, problem.D);
  const record = {
    simulations: theta.length / problem.D,
    used: all.theta.length / problem.D,
    accepted,
    by,
    left: left.length / (theta.length / problem.D),
    heldOut: next.spec.training.heldOut.best,
  };
  return { map: next, posterior: made, region, pairs: all, rounds: [...rounds, record] };
}

/** One table after another. */
function joined(a: Float64Array, b: Float64Array): Float64Array {
  const out = new Float64Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

/** Tests the coverage of the last map within its region, and marks it as one for this observation. */
async function finish(task: Task, state: State): Promise<Refined> {
  const { y, settings, backend } = task;
  const { map, rounds } = state;
  const test = settings.cases > 0 ? await testCoverage(task, state) : null;
  if (test && !test.passed)
    (settings.onWarning ?? console.warn)(`refine: ${test.reading}, on ${test.cases} fresh simulations`);
  const drawn = Float64Array.from(await state.posterior.sample(OUTSIDE_DRAWS, { seed: settings.seed }));
  const outside = 1 - (await within(state.region, drawn, task.problem.D)).length / OUTSIDE_DRAWS;
  if (outside > MOST_OUTSIDE)
    (settings.onWarning ?? console.warn)(
      `refine: ${(100 * outside).toFixed(1)} % of the posterior lie where the last round has not simulated; take more simulations or steps`,
    );
  const record: RefinedRecord = { y: Array.from(y), rounds, outside, coverage: test };
  const refined = mapOf({ ...map, spec: { ...map.spec, refined: record } });
  return { map: refined, posterior: await infer(refined, y, backend), record };
}

/** Ranks the true parameters of fresh simulations within the region. */
async function testCoverage(task: Task, { map, region, rounds }: State): Promise<RefinedRecord["coverage"]> {
  const { problem, settings, backend } = task;
  const round = rounds.length;
  const seed = settings.seed + APART * (round + 1);
  const { theta, data } = await simulateWithin(task, region, settings.cases, { round, seed });
  const noisy = isIncluded(problem.noise)
    ? data
    : await addNoise(problem, { theta, clean: data }, seed, SIMULATION_STEPS.user, backend);
  tell(task, { round, stage: "checking" });
  const cases = theta.length / problem.D;
  const rows = Array.from({ length: cases }, (_, i) => noisy.subarray(i * problem.M, (i + 1) * problem.M));
  const ranks = await rankTruths(await infer(map, rows, backend), theta, { seed, signal: settings.signal });
  const { density, passed } = coverage(ranks, { alpha: ALPHA });
  return { cases, passed, reading: density.reading, pValue: density.pValue };
}
