/**
 * NUTS against the reference posteriors of Lueckmann et al. (AISTATS 2021): C2ST of 10,000 draws of chains against 10,000 of the
 * reference, standardised by the reference; .5 is perfect. The judge is scikit-learn with the published settings (judge.py) where a
 * Python has it, else our own `c2st` of the same size.
 */
import { spawnSync } from "node:child_process";
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

/** Problems, made from their folder, by its name. */
const tasks: Readonly<Record<string, (folder: string) => Problem>> = {
  sir: () => sir,
  lotka_volterra: () => lotkaVolterra,
  bernoulli_glm: (folder) => bernoulliRegression(rowsOf(readFileSync(`${folder}/design.csv`, "utf8"))),
  slcp: () => slcp,
};
const DRAWS = 10_000;
/** Draws of each of eight chains, and their acceptance: the posterior of SLCP has narrow corners. */
const LENGTH = 10_000;
const ACCEPT = 0.95;
/** Searches for modes: SLCP has four. */
const SEARCHES = 64;
const BAR = 0.53;
const PYTHONS = ["/usr/bin/python3", "python3"];
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

/** The mean accuracy by scikit-learn; null where no Python has it. */
function byScikitLearn(a: Float64Array, b: Float64Array, D: number): number | null {
  const script = fileURLToPath(new URL("judge.py", import.meta.url));
  const env = { ...process.env, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" };
  const input = Buffer.concat([a, b].map(({ buffer }) => Buffer.from(buffer)));
  for (const python of PYTHONS) {
    const { status, stdout } = spawnSync(python, [script, `${D}`], { env, input, encoding: "utf8" });
    if (status === 0) return Number(stdout);
  }
  return null;
}

/** Accuracy of a classifier, and which. */
async function judged(a: Float64Array, b: Float64Array, D: number): Promise<{ accuracy: number; judge: string }> {
  const accuracy = byScikitLearn(a, b, D);
  if (accuracy !== null) return { accuracy, judge: "scikit-learn" };
  return { accuracy: (await c2st(a, b, D, { hidden: 10 * D, steps: STEPS })).accuracy, judge: "our c2st" };
}

export async function posteriors({ reference }: DynamicsArgs): Promise<void> {
  const folder = folderOf(reference);
  const rows: string[][] = [];
  for (const [name, make] of Object.entries(tasks)) {
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
    const start = await laplace(problem, y, { starts: SEARCHES });
    const chains = await nuts(problem, y, { start, draws: LENGTH, targetAccept: ACCEPT });
    const { user, system } = process.cpuUsage(started);
    const scores: number[] = [];
    let by = "";
    for (const [i, posterior] of chains.entries()) {
      const wanted = Float64Array.from(data.slice(i * each, (i + 1) * each));
      const draws = await posterior.sample(DRAWS, { seed: 1 });
      const [a, b] = [standardised(draws, wanted, D), standardised(wanted, wanted, D)];
      const { accuracy, judge } = await judged(a, b, D);
      by = judge;
      scores.push(accuracy);
    }
    const worst = Math.max(...chains.map(({ diagnostics }) => diagnostics.rHat));
    rows.push([
      problem.name,
      scores.map((s) => s.toFixed(3)).join(", "),
      `${(scores.reduce((a, b) => a + b) / scores.length).toFixed(3)}${scores.every((s) => s <= BAR) ? "" : ` above ${BAR}`}`,
      worst.toFixed(3),
      `${((user + system) / 1e6 / y.length).toFixed(1)} s`,
      by,
    ]);
    console.error(rows[rows.length - 1].join("  "));
  }
  if (rows.length === 0) return;
  console.log("\nNUTS against reference posteriors:");
  console.log(
    table([["problem", "C2ST of observations 1–5", "mean", "largest R̂", "processor time each", "judge"], ...rows]),
  );
}
