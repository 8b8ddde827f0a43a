/**
 * NUTS against the reference posteriors of Lueckmann et al. (AISTATS 2021): C2ST of 10,000 draws of chains against 10,000 of the
 * reference, standardised by the reference, with our own classifier: two hidden layers of 10 D, five folds. .5 is perfect.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { c2st } from "../../src/diagnostics.ts";
import { laplace, nuts } from "../../src/index.ts";
import { columnMoments } from "../../src/numbers/moments.ts";
import type { Problem } from "../../src/problem/problem.ts";
import { lotkaVolterra, sir } from "../../src/problems.ts";
import { decodeNpy } from "../../src/store/npy.ts";
import type { DynamicsArgs } from "../dynamics.ts";
import { table } from "../report.ts";
import { bernoulliRegression, slcp } from "./own-likelihoods.ts";

/** A task: its problem, made from its folder, and chains. */
interface Task {
  readonly problem: (folder: string) => Problem;
  /** Chains from draws of the prior, so many that each mode gets its share; by default 8 from Laplace's approximation. */
  readonly chains?: number;
}
/** Tasks by the name of their folder. */
const tasks: Readonly<Record<string, Task>> = {
  sir: { problem: () => sir },
  lotka_volterra: { problem: () => lotkaVolterra },
  bernoulli_glm: { problem: (folder) => bernoulliRegression(rowsOf(readFileSync(`${folder}/design.csv`, "utf8"))) },
  slcp: { problem: () => slcp, chains: 1000 }, // four modes
};
const DRAWS = 10_000;
const WARMUP = 300;
const BAR = 0.53;
/** Training steps of a fold: 25 epochs of 16,000 rows in batches of 200. */
const STEPS = 4000;

const folderOf = (reference: string | undefined): string =>
  reference ?? fileURLToPath(new URL("../../../shared/sbibm", import.meta.url));

/** Rows of numbers of a CSV file, without a line of names. */
const rowsOf = (text: string): number[][] =>
  text
    .trim()
    .split("\n")
    .map((line) => line.split(",").map(Number))
    .filter((row) => row.every(Number.isFinite));

/** Standardised by the mean and the sd (n − 1) of the reference. */
function standardised(draws: ArrayLike<number>, reference: ArrayLike<number>, D: number): Float64Array {
  const { mean, sd } = columnMoments(reference, D);
  return Float64Array.from(draws, (x, k) => (x - mean[k % D]) / sd[k % D]);
}

export async function posteriors({ reference }: DynamicsArgs): Promise<void> {
  const folder = folderOf(reference);
  const rows: string[][] = [];
  for (const [name, { problem: make, chains: many }] of Object.entries(tasks)) {
    if (!existsSync(`${folder}/${name}/posterior.npy`)) {
      console.log(`\n${name}: not run: its reference posteriors are not in ${folder}`);
      continue;
    }
    const y = rowsOf(readFileSync(`${folder}/${name}/y.csv`, "utf8"));
    const { data, shape } = decodeNpy(readFileSync(`${folder}/${name}/posterior.npy`));
    const problem = make(`${folder}/${name}`);
    const { D } = problem;
    const each = shape[1] * D;
    const started = process.cpuUsage();
    const chains = many
      ? await nuts(problem, y, { chains: many, draws: DRAWS / many, warmup: WARMUP })
      : await nuts(problem, y, { start: await laplace(problem, y), draws: DRAWS / 8 });
    const { user, system } = process.cpuUsage(started);
    const scores: number[] = [];
    for (const [i, posterior] of chains.entries()) {
      const wanted = Float64Array.from(data.slice(i * each, (i + 1) * each));
      const draws = await posterior.sample(DRAWS, { seed: 1 });
      const [a, b] = [standardised(draws, wanted, D), standardised(wanted, wanted, D)];
      scores.push((await c2st(a, b, D, { hidden: 10 * D, steps: STEPS })).accuracy);
    }
    const worst = Math.max(...chains.map(({ diagnostics }) => diagnostics.rHat));
    rows.push([
      problem.name,
      scores.map((s) => s.toFixed(3)).join(", "),
      `${(scores.reduce((a, b) => a + b) / scores.length).toFixed(3)}${scores.every((s) => s <= BAR) ? "" : ` above ${BAR}`}`,
      worst.toFixed(3),
      `${((user + system) / 1e6 / y.length).toFixed(1)} s`,
    ]);
  }
  if (rows.length === 0) return;
  console.log("\nNUTS against reference posteriors:");
  console.log(table([["problem", "C2ST of observations 1–5", "mean", "largest R̂", "processor time each"], ...rows]));
}
