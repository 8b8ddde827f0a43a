/**
 * `npm run bench accuracy [-- --reference DIR] [--only NAME,…]`: trains from fixed seeds and judges the posteriors.
 *
 * Pooled KS: 1000 draws of the guide against 1000 exact draws, two-sample, per parameter and observation, averaged over
 * all of them and three sampling seeds. Exact draws come from the reference folder where it is there (its README says how
 * they were made), else from the problem's own exact sampler on observations that it simulates.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createExecutor } from "../src/backends/select.ts";
import { gaussianKl } from "../src/diagnostics/kl.ts";
import { ksPerParameter, type PooledKs, pool } from "../src/diagnostics/ks.ts";
import { resimulationError } from "../src/diagnostics/resimulation.ts";
import { input } from "../src/graph/build.ts";
import { compile } from "../src/graph/program.ts";
import {
  type InverseMap,
  infer,
  laplace,
  type Posterior,
  predict,
  simulate,
  type TrainOptions,
  train,
} from "../src/index.ts";
import { type Problem, potential } from "../src/problem.ts";
import { arm, darcy, eit, linearGaussian, linearGaussianPosterior, rod } from "../src/problems/index.ts";
import { parseCsv } from "../src/store/csv.ts";
import { decodeNpy } from "../src/store/npy.ts";
import { darcyRows } from "./darcy.ts";
import { paperEit, paperRod } from "./paper.ts";
import { cpuSeconds, hardware, table } from "./report.ts";

const DRAWS = 1000;
const SEEDS = [11, 12, 13];

export interface Reference {
  readonly from: string;
  readonly y: readonly ArrayLike<number>[];
  readonly theta: readonly ArrayLike<number>[];
  /** DRAWS exact draws (DRAWS, D) an observation. */
  readonly exact: readonly Float32Array[];
}

/** The folder of reference observations: given, or beside the repository. */
export function referenceFolder(given?: string): string | null {
  const folder = given ?? fileURLToPath(new URL("../../shared/reference", import.meta.url));
  return existsSync(folder) ? folder : null;
}

export function readReference(folder: string, D: number): Reference {
  const rows = (name: string) => parseCsv(readFileSync(`${folder}/${name}`, "utf8")).rows;
  const { shape, data } = decodeNpy(new Uint8Array(readFileSync(`${folder}/exact.npy`)));
  const size = shape[1] * D;
  const exact = Array.from({ length: shape[0] }, (_, i) =>
    Float32Array.from(data.subarray(i * size, i * size + DRAWS * D)),
  );
  return { from: folder.split("/").slice(-2).join("/"), y: rows("y.csv"), theta: rows("theta.csv"), exact };
}

/** Observations that the problem simulates, with exact draws by its own sampler. */
export async function ownReference(problem: Problem, count: number, seed: number): Promise<Reference> {
  const { theta, noisy } = await simulate(problem, count, { seed, kernels: "plain" });
  const rows = (flat: Float32Array, width: number) =>
    Array.from({ length: count }, (_, i) => flat.slice(i * width, (i + 1) * width));
  const y = rows(noisy, problem.M);
  const exact = y.map((datum, i) => (problem.exact as NonNullable<Problem["exact"]>)(datum, DRAWS, seed + i));
  return { from: `${count} simulated observations, exact draws by rejection`, y, theta: rows(theta, problem.D), exact };
}

export const armReference = async (folder: string | null): Promise<Reference> =>
  folder === null ? ownReference(arm, 100, 2024) : readReference(`${folder}/arm`, arm.D);

/** Pooled KS over seeds, and the re-simulation error: how far the draws' noise-free data lie from those of the true parameters. */
export async function judge(
  posteriors: readonly Posterior[],
  problem: Problem,
  reference: Reference,
): Promise<{ ks: PooledKs; resimulation: number }> {
  const { D, M } = problem;
  const truths = await predict(
    problem,
    reference.theta.flatMap((t) => Array.from(t)),
  );
  const statistics: number[] = [];
  let distance = 0;
  for (const [i, posterior] of posteriors.entries()) {
    for (const seed of SEEDS) {
      const draws = await posterior.sample(DRAWS, { seed });
      statistics.push(...ksPerParameter(draws, reference.exact[i], D));
      const truth = truths.subarray(i * M, (i + 1) * M);
      const error = resimulationError(await predict(problem, draws), truth);
      distance += error.distance / (SEEDS.length * posteriors.length);
    }
  }
  return { ks: pool(statistics), resimulation: distance };
}

/** KL(guide ‖ exact) in nats, mean over fresh data: both are Gaussian. */
async function linearKl(objective: "elbo" | "npe"): Promise<{ kl: number; seconds: number }> {
  const before = cpuSeconds();
  const map = await train(linearGaussian, { preset: "default", guide: "gaussian", objective, seed: 1 });
  const seconds = cpuSeconds() - before;
  const { noisy, count } = await simulate(linearGaussian, 200, { seed: 77 });
  let kl = 0;
  const rows = Array.from({ length: count }, (_, i) => noisy.subarray(i * 20, (i + 1) * 20));
  for (const [i, q] of (await infer(map, rows)).entries()) {
    const p = linearGaussianPosterior(rows[i]);
    kl += gaussianKl(q, p) / count;
  }
  return { kl, seconds };
}

/** Trains and reports CPU seconds: all of training, simulation and fits of scalers among them. */
export async function timedTrain(
  problem: Problem,
  options: TrainOptions,
): Promise<{ map: InverseMap; seconds: number }> {
  const before = cpuSeconds();
  const map = await train(problem, { seed: 1, ...options });
  return { map, seconds: cpuSeconds() - before };
}

const f = (x: number, digits = 3): string => x.toFixed(digits);

const ksText = ({ ks, resimulation }: Awaited<ReturnType<typeof judge>>): string =>
  `KS mean ${f(ks.mean)} median ${f(ks.median)} p90 ${f(ks.p90)} max ${f(ks.max)}; re-simulation ${f(resimulation, 4)}`;

async function judgedRow(problem: Problem, preset: string, reference: Reference): Promise<string[][]> {
  const { map, seconds } = await timedTrain(problem, { preset });
  const judged = await judge(await infer(map, reference.y, { draws: 16 }), problem, reference);
  return [[`${problem.name} ${preset}`, ksText(judged), `${f(seconds, 0)} s, ${map.spec.training.device}`]];
}

/** Laplace's approximation of the same posteriors: what a guide must beat to be worth its training. */
async function laplaceRow(problem: Problem, reference: Reference): Promise<string[]> {
  const before = cpuSeconds();
  const posteriors = await laplace(problem, reference.y);
  const each = ((cpuSeconds() - before) * 1000) / posteriors.length;
  return [`${problem.name} Laplace`, ksText(await judge(posteriors, problem, reference)), `${f(each, 0)} ms a datum`];
}

/** Median over fresh data of the ELBO of one trained map: the mean of log p(y, θ) − log q(θ | y) over draws of the guide. */
async function medianElbo(map: InverseMap, problem: Problem): Promise<number> {
  const [theta, y] = [
    input("theta", problem.D, { dtype: "f64" }),
    input("y", problem.M, { dtype: "f64", repeat: true }),
  ];
  const executor = await createExecutor(compile({ potential: { outputs: { value: potential(problem, theta, y) } } }));
  const { noisy, count } = await simulate(problem, 2000, { seed: 555 });
  const elbos: number[] = [];
  for (let i = 0; i < count; i++) {
    const datum = Float64Array.from(noisy.subarray(i * problem.M, (i + 1) * problem.M));
    const posterior = await infer(map, datum, { draws: 2 });
    const draws = await posterior.sample(200, { seed: 5 });
    const logQ = await posterior.logProb(draws);
    const inputs = { theta: Float64Array.from(draws), y: datum };
    const { value } = await executor.run("potential", { rows: logQ.length, repeat: logQ.length, inputs });
    elbos.push(logQ.reduce((sum, q, s) => sum + (value[s] - q) / logQ.length, 0));
  }
  return elbos.sort((a, b) => a - b)[count / 2];
}

async function paperGaussian(): Promise<string[][]> {
  const { map, seconds } = await timedTrain(arm, { preset: "paper" });
  return [
    [
      "arm paper, Gaussian, 10,000 steps",
      `median AELBO on fresh data ${f(await medianElbo(map, arm), 2)} (the paper's −4.65)`,
      `${f(seconds, 0)} s`,
    ],
  ];
}

async function paperFlow(): Promise<string[][]> {
  const curve: string[] = [];
  const onProgress: TrainOptions["onProgress"] = ({ step, heldOut }) => {
    if (step % 250 === 0) curve.push(`${step}: ${f(-heldOut, 1)}`);
  };
  const { seconds } = await timedTrain(arm, {
    preset: "paper",
    guide: "coupling",
    steps: 2000,
    evaluateEvery: 250,
    heldOut: 256,
    onProgress,
  });
  return [["arm paper, flow, 2,000 steps of 64 × 32", `held-out AELBO ${curve.join(", ")}`, `${f(seconds, 0)} s`]];
}

async function linearRows(): Promise<string[][]> {
  const rows: string[][] = [];
  for (const objective of ["elbo", "npe"] as const) {
    const { kl, seconds } = await linearKl(objective);
    rows.push([
      `linear-gaussian, Gaussian guide, ${objective}`,
      `KL(guide ‖ exact) ${kl.toExponential(1)} nats`,
      `${f(seconds, 0)} s`,
    ]);
  }
  return rows;
}

/** The default preset, and Laplace, on a folder of observations whose exact draws cannot be made here. */
const referenceRow =
  (name: string, problemOf: (folder: string) => Problem) =>
  async (folder: string | null): Promise<string[][]> => {
    if (folder === null || !existsSync(`${folder}/${name}`))
      return [[name, "not run: its exact draws are in the reference folder", ""]];
    const problem = problemOf(folder);
    const reference = readReference(`${folder}/${name}`, problem.D);
    return [...(await judgedRow(problem, "default", reference)), await laplaceRow(problem, reference)];
  };

/** Rows by name, in order. */
const rows: Record<string, (folder: string | null) => Promise<string[][]>> = {
  default: async (folder) => judgedRow(arm, "default", await armReference(folder)),
  fast: async (folder) => judgedRow(arm, "fast", await armReference(folder)),
  linear: linearRows,
  rod: referenceRow("rod", () => rod),
  eit: referenceRow("eit", () => eit),
  "rod-paper": referenceRow("rod-paper", paperRod),
  "eit-paper": referenceRow("eit-paper", paperEit),
  darcy: async () => {
    const { map, seconds } = await timedTrain(darcy, { preset: "default" });
    return darcyRows(map, seconds);
  },
  "paper-gaussian": paperGaussian,
  "paper-flow": paperFlow,
};

export async function accuracy(args: { reference?: string; only?: string }): Promise<void> {
  const folder = referenceFolder(args.reference);
  const names = args.only?.split(",") ?? Object.keys(rows);
  console.log(hardware());
  console.log(
    folder === null
      ? "no reference folder: exact draws are made here, by rejection"
      : "exact draws: the reference folder",
  );
  for (const name of names) {
    if (!Object.hasOwn(rows, name))
      throw new Error(`bench accuracy: expected ${Object.keys(rows).join(", ")}, got "${name}"`);
    console.log(table(await rows[name](folder)));
  }
}
