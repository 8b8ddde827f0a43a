/**
 * `npm run bench sbibm -- --reference DIR [--methods guide,corrected,refined --only TASKS --budgets 1000,10000 --cases OBSERVATIONS --seed
 * SEEDS --base BASES --steps N --results FILE]`: the ten tasks of Lueckmann et al. (AISTATS 2021) at each budget of simulations, beside the published figures. Held-out
 * pairs are taken out of the budget, and one recipe is used for all tasks. Results are written to the file after each training, and a run
 * continues where another ended.
 *
 *   guide      draws of the amortised guide
 *   corrected  draws that the known likelihood has corrected
 *   refined    a fifth of the budget for an amortised map, and the rest in four rounds for each observation, without a likelihood
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { c2st } from "../src/diagnostics.ts";
import { type InverseMap, infer, refine, spline, train } from "../src/index.ts";
import { columnMoments, meanOf } from "../src/numbers/moments.ts";
import { decodeNpy } from "../src/store/npy.ts";
import { machine } from "./driver.ts";
import { cpuSeconds, table } from "./report.ts";
import { published } from "./sbibm/published.ts";
import { rowsOf, type Task, tasks } from "./sbibm/tasks.ts";

interface SbibmArgs {
  readonly reference?: string;
  readonly methods?: string;
  readonly only?: string;
  readonly budgets?: string;
  readonly cases?: string;
  readonly seed?: string;
  /** Bases of the spline guide; of several, that of the least held-out loss. */
  readonly base?: string;
  readonly steps?: string;
  readonly results?: string;
}

const methods = ["guide", "corrected", "refined"] as const;
type Method = (typeof methods)[number];

/** What is run: one task, with one budget and one seed. */
interface Job {
  readonly name: string;
  readonly task: Task;
  readonly budget: number;
  readonly seed: number;
  readonly folder: string;
  readonly cases: number;
  readonly bases: readonly Base[];
  readonly steps: number;
}

/** C2ST of each observation, and processor seconds of all trainings. */
interface Result {
  readonly task: string;
  readonly method: Method;
  readonly budget: number;
  readonly seed: number;
  readonly scores: readonly number[];
  readonly seconds: number;
  readonly base: string;
  readonly heldOut: number;
}

const DRAWS = 10_000;
/** Training steps of each fold of the classifier: 64 epochs of 16,000 rows. */
const STEPS = 4000;
/** Rounds of a refinement; the amortised map takes as many simulations as one of them. */
const ROUNDS = 4;
const BASES = ["prior", "linear", "bounded"] as const;
type Base = (typeof BASES)[number];
const quiet = { onWarning: (): void => {} };

/** Accuracy of a classifier between draws and reference draws, both standardised by the reference: .5 is perfect. */
async function score(draws: ArrayLike<number>, reference: ArrayLike<number>, D: number): Promise<number> {
  const { mean, sd } = columnMoments(reference, D);
  const standardised = (x: ArrayLike<number>): Float64Array =>
    Float64Array.from(x, (v, k) => (v - mean[k % D]) / sd[k % D]);
  return (await c2st(standardised(draws), standardised(reference), D, { hidden: 10 * D, steps: STEPS })).accuracy;
}

/** Observations with their reference draws. */
function casesOf({ task, folder, cases }: Job): { readonly y: number[]; readonly reference: Float64Array }[] {
  const { D } = task.problem;
  const { data, shape } = decodeNpy(readFileSync(`${folder}/${task.folder}/posterior.npy`));
  const each = shape[1] * D;
  return rowsOf(`${folder}/${task.folder}/${task.observations}`)
    .slice(0, cases)
    .map((y, i) => ({ y, reference: Float64Array.from(data.slice(i * each, (i + 1) * each)) }));
}

/** A map on the base of the least held-out loss. */
async function amortised({ task, seed, bases, steps }: Job, count: number): Promise<InverseMap> {
  const bank = { ...(await task.pairs(count, seed)), noise: "included" as const };
  const maps: InverseMap[] = [];
  for (const base of bases)
    maps.push(await train(task.problem, { ...quiet, seed, bank, steps, guide: spline({ base }) }));
  const lossOf = (map: InverseMap): number => map.spec.training.heldOut.best;
  return maps.reduce((best, map) => (lossOf(map) < lossOf(best) ? map : best));
}

/** Scores of the methods that share one amortised map. */
async function scoreAmortised(job: Job, wanted: readonly Method[]): Promise<Result[]> {
  const { name, task, budget, seed } = job;
  const { D } = task.problem;
  const began = cpuSeconds();
  const map = await amortised(job, budget);
  const seconds = cpuSeconds() - began;
  const scores: Record<string, number[]> = { guide: [], corrected: [] };
  for (const { y, reference } of casesOf(job)) {
    const posterior = await infer(map, y);
    const draws = { seed: seed + 1 };
    if (wanted.includes("guide")) scores.guide.push(await score(await posterior.sample(DRAWS, draws), reference, D));
    if (!wanted.includes("corrected")) continue;
    const right = await posterior.correct({ seed });
    scores.corrected.push(await score(await right.sample(DRAWS, draws), reference, D));
  }
  const about = { base: baseOf(map), heldOut: map.spec.training.heldOut.best };
  return wanted.map((method) => ({ task: name, method, budget, seed, scores: scores[method], seconds, ...about }));
}

/** The score of a map that is refined for each observation, of a problem that hides its likelihood. */
async function scoreRefined(job: Job): Promise<Result> {
  const { name, task, budget, seed } = job;
  const { D } = task.problem;
  const simulations = Math.floor(budget / (1 + ROUNDS));
  const began = cpuSeconds();
  const map = await amortised({ ...job, task: { ...task, problem: task.hidden } }, simulations);
  const scores: number[] = [];
  let seconds = cpuSeconds() - began;
  for (const { y, reference } of casesOf(job)) {
    const start = cpuSeconds();
    const { posterior } = await refine(map, y, { ...quiet, simulations, rounds: ROUNDS, cases: 0, seed });
    seconds += cpuSeconds() - start;
    scores.push(await score(await posterior.sample(DRAWS, { seed: seed + 1 }), reference, D));
  }
  const about = { base: baseOf(map), heldOut: map.spec.training.heldOut.best };
  return { task: name, method: "refined", budget, seed, scores, seconds, ...about };
}

const baseOf = ({ spec }: InverseMap): string => String(spec.guide.options.base ?? "prior");

/** Words of a list. @throws on one that is not known. */
function words<T extends string>(option: string, given: string | undefined, known: readonly T[]): readonly T[] {
  const list = given?.split(",") ?? known;
  const odd = list.find((word) => !known.includes(word as T));
  if (odd !== undefined) throw new Error(`bench sbibm: expected --${option} of ${known.join(", ")}, got "${odd}"`);
  return list as readonly T[];
}

const mean = (list: readonly number[]): string => (list.length === 0 ? "–" : meanOf(list).toFixed(3));

export async function sbibm(args: SbibmArgs): Promise<void> {
  const { reference: folder, results: file = "out/sbibm.json" } = args;
  if (folder === undefined || !existsSync(`${folder}/published.csv`))
    throw new Error(`bench sbibm: expected --reference, a folder with published.csv and the tasks, got ${folder}`);
  const names = words("only", args.only, Object.keys(tasks));
  const asked = words("methods", args.methods, methods);
  const [budgets, seeds] = [args.budgets ?? "1000,10000", args.seed ?? "0"].map((list) => list.split(",").map(Number));
  const [cases, steps] = [Number(args.cases ?? 5), Number(args.steps ?? 4000)];
  const bases = words("base", args.base ?? "prior,bounded", BASES);
  const results: Result[] = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
  mkdirSync(dirname(file), { recursive: true });
  console.log(machine());
  for (const seed of seeds)
    for (const budget of budgets)
      for (const name of names) {
        const job: Job = { name, task: tasks[name](folder), budget, seed, folder, cases, bases, steps };
        const isKnown = (method: Method): boolean =>
          results.some(
            (r) =>
              r.task === name &&
              r.method === method &&
              r.budget === budget &&
              r.seed === seed &&
              r.scores.length >= cases,
          );
        const left = asked.filter((m) => !isKnown(m) && (m !== "corrected" || job.task.likelihood));
        const shared = left.filter((m) => m !== "refined");
        const made = [
          ...(shared.length > 0 ? await scoreAmortised(job, shared) : []),
          ...(left.includes("refined") ? [await scoreRefined(job)] : []),
        ];
        for (const { method, scores, seconds, base, heldOut } of made)
          console.log(
            `${name}, ${budget}, seed ${seed}, ${method}: ${mean(scores)}; base ${base}, held-out loss ${heldOut.toFixed(3)}, ${seconds.toFixed(0)} s`,
          );
        results.push(...made);
        if (made.length > 0) writeFileSync(file, JSON.stringify(results, null, 1));
      }
  const shown = ({ task, method, budget, seed }: Result): boolean =>
    names.includes(task) && asked.includes(method) && budgets.includes(budget) && seeds.includes(seed);
  report(results.filter(shown), folder);
}

/** The table of means over observations and seeds, beside what is published for the same observations. */
function report(results: readonly Result[], folder: string): void {
  const figures = published(folder);
  const rows = [["task", "simulations", ...methods, "NPE", "SNPE", "best of all", "training, s"]];
  for (const budget of [...new Set(results.map((r) => r.budget))]) {
    const here = results.filter((r) => r.budget === budget);
    const lines = [...new Set(here.map((r) => r.task))].map((name) => {
      const of = (method: Method): Result[] => here.filter((r) => r.task === name && r.method === method);
      const scores = methods.map((method) => of(method).flatMap((r) => r.scores));
      const seconds = of("guide").map((r) => r.seconds);
      return {
        name,
        cells: [...scores.map((list) => (list.length > 0 ? meanOf(list) : Number.NaN)), ...figures(name, budget)],
        seconds,
      };
    });
    const shown = (x: number): string => (Number.isNaN(x) ? "–" : x.toFixed(3));
    const time = (list: readonly number[]): string => (list.length > 0 ? meanOf(list).toFixed(0) : "–");
    for (const { name, cells, seconds } of lines) rows.push([name, `${budget}`, ...cells.map(shown), time(seconds)]);
    const total = lines.reduce((sum, { seconds }) => sum + (seconds.length > 0 ? meanOf(seconds) : 0), 0);
    const means = lines[0].cells.map((_, k) =>
      mean(lines.map(({ cells }) => cells[k]).filter((x) => !Number.isNaN(x))),
    );
    rows.push([`mean of ${lines.length}`, `${budget}`, ...means, total.toFixed(0)]);
  }
  console.log(table(rows));
}
