/**
 * `npm run bench sbibm -- --reference DIR [--only TASKS --budgets 1000,10000 --cases OBSERVATIONS --seed N --results FILE]`: the ten tasks
 * of Lueckmann et al. (AISTATS 2021) at each budget of simulations, beside the published figures. Held-out pairs are taken out of the
 * budget, and one recipe is used for all tasks. Results are written to the file after each training, and a run continues where another ended.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { c2st } from "../src/diagnostics.ts";
import { type AmortisedPosterior, infer, train } from "../src/index.ts";
import { columnMoments, meanOf } from "../src/numbers/moments.ts";
import { decodeNpy } from "../src/store/npy.ts";
import { machine } from "./driver.ts";
import { cpuSeconds, table } from "./report.ts";
import { published } from "./sbibm/published.ts";
import { rowsOf, type Task, tasks } from "./sbibm/tasks.ts";

interface SbibmArgs {
  readonly reference?: string;
  readonly only?: string;
  readonly budgets?: string;
  readonly cases?: string;
  readonly seed?: string;
  readonly results?: string;
}

/** What a training gave. */
interface Result {
  readonly task: string;
  readonly budget: number;
  readonly seed: number;
  readonly heldOut: number;
  readonly steps: number;
  /** Processor seconds of the training. */
  readonly seconds: number;
  /** C2ST of each observation, of the guide's draws and of corrected ones; none where there is no likelihood. */
  readonly guide: readonly number[];
  readonly corrected: readonly number[];
}

const DRAWS = 10_000;
/** Training steps of each fold of the classifier: 64 epochs of 16,000 rows. */
const STEPS = 4000;

/** Accuracy of a classifier between draws and reference draws, both standardised by the reference: .5 is perfect. */
async function score(draws: ArrayLike<number>, reference: ArrayLike<number>, D: number): Promise<number> {
  const { mean, sd } = columnMoments(reference, D);
  const standardised = (x: ArrayLike<number>): Float64Array =>
    Float64Array.from(x, (v, k) => (v - mean[k % D]) / sd[k % D]);
  return (await c2st(standardised(draws), standardised(reference), D, { hidden: 10 * D, steps: STEPS })).accuracy;
}

async function run(
  name: string,
  task: Task,
  budget: number,
  seed: number,
  folder: string,
  cases: number,
): Promise<Result> {
  const { problem } = task;
  const { D } = problem;
  const bank = { ...(await task.pairs(budget, seed)), noise: "included" as const };
  const began = cpuSeconds();
  const map = await train(problem, { bank, seed, onWarning: () => {} });
  const seconds = cpuSeconds() - began;
  const { data, shape } = decodeNpy(readFileSync(`${folder}/${task.folder}/posterior.npy`));
  const each = shape[1] * D;
  const observations = rowsOf(`${folder}/${task.folder}/${task.observations}`).slice(0, cases);
  const [guide, corrected]: [number[], number[]] = [[], []];
  for (const [i, y] of observations.entries()) {
    const reference = Float64Array.from(data.slice(i * each, (i + 1) * each));
    const posterior: AmortisedPosterior = await infer(map, y);
    guide.push(await score(await posterior.sample(DRAWS, { seed: seed + 1 }), reference, D));
    if (!task.likelihood) continue;
    const right = await posterior.correct({ seed });
    corrected.push(await score(await right.sample(DRAWS, { seed: seed + 1 }), reference, D));
  }
  const { heldOut, steps } = map.spec.training;
  return { task: name, budget, seed, heldOut: heldOut.best, steps, seconds, guide, corrected };
}

const mean = (list: readonly number[]): string => (list.length === 0 ? "–" : meanOf(list).toFixed(3));

export async function sbibm(args: SbibmArgs): Promise<void> {
  const { reference: folder, results: file = "out/sbibm.json" } = args;
  if (folder === undefined || !existsSync(`${folder}/published.csv`))
    throw new Error(`bench sbibm: expected --reference, a folder with published.csv and the tasks, got ${folder}`);
  const names = args.only?.split(",") ?? Object.keys(tasks);
  const odd = names.find((name) => !Object.hasOwn(tasks, name));
  if (odd !== undefined)
    throw new Error(`bench sbibm: expected --only of ${Object.keys(tasks).join(", ")}, got "${odd}"`);
  const budgets = (args.budgets ?? "1000,10000").split(",").map(Number);
  const [seeds, cases] = [(args.seed ?? "0").split(",").map(Number), Number(args.cases ?? 5)];
  const results: Result[] = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
  const known = (name: string, budget: number, seed: number): Result | undefined =>
    results.find((r) => r.task === name && r.budget === budget && r.seed === seed && r.guide.length >= cases);
  console.log(machine());
  for (const seed of seeds)
    for (const budget of budgets)
      for (const name of names) {
        if (known(name, budget, seed)) continue;
        const result = await run(name, tasks[name](folder), budget, seed, folder, cases);
        results.push(result);
        writeFileSync(file, JSON.stringify(results, null, 1));
        console.log(
          `${name}, ${budget}, seed ${seed}: ${mean(result.guide)}, corrected ${mean(result.corrected)}, ${result.seconds.toFixed(0)} s`,
        );
      }
  report(
    results.filter((r) => names.includes(r.task) && budgets.includes(r.budget) && seeds.includes(r.seed)),
    folder,
  );
}

/** The table of means over observations and seeds, beside what is published for the same observations. */
function report(results: readonly Result[], folder: string): void {
  const others = published(folder);
  const rows = [["task", "simulations", "guide", "corrected", "NPE", "SNPE", "best of all", "training, s"]];
  for (const budget of [...new Set(results.map((r) => r.budget))]) {
    const names = [...new Set(results.filter((r) => r.budget === budget).map((r) => r.task))];
    const lines = names.map((name) => {
      const own = results.filter((r) => r.task === name && r.budget === budget);
      return {
        name,
        own: [own.flatMap((r) => r.guide), own.flatMap((r) => r.corrected)],
        others: others(name, budget),
        seconds: meanOf(own.map((r) => r.seconds)),
      };
    });
    for (const { name, own, others, seconds } of lines)
      rows.push([name, `${budget}`, ...own.map(mean), ...others.map((x) => x.toFixed(3)), seconds.toFixed(0)]);
    const all = (pick: (line: (typeof lines)[number]) => number | undefined): string =>
      mean(lines.map(pick).filter((x) => x !== undefined));
    rows.push([
      `mean of ${lines.length}`,
      `${budget}`,
      all(({ own }) => meanOf(own[0])),
      all(({ own }) => (own[1].length === 0 ? undefined : meanOf(own[1]))),
      ...[0, 1, 2].map((k) => all(({ others }) => others[k])),
      lines.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(0),
    ]);
  }
  console.log(table(rows));
}
