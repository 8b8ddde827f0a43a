/**
 * `npm run bench accuracy [-- --reference DIR] [--only NAME,…]`: trains from fixed seeds and judges the posteriors.
 * It gives those rows of `npm run bench paper` that need training, and Laplace's approximation.
 */
import { createExecutor } from "../src/backends/select.ts";
import { gaussianKl } from "../src/diagnostics/kl.ts";
import { input } from "../src/graph/build.ts";
import { compile } from "../src/graph/program.ts";
import { atOnce } from "../src/host/yielding.ts";
import { type InverseMap, infer, simulate, type TrainOptions, train } from "../src/index.ts";
import { potential } from "../src/problem/likelihood.ts";
import type { Problem } from "../src/problem/problem.ts";
import { arm, darcy, linearGaussian, linearGaussianPosterior } from "../src/problems.ts";
import { darcyRows } from "./darcy.ts";
import { paperTable } from "./paper-table.ts";
import { judge, ownReference, readReference, referenceFolder, timedTrain } from "./reference.ts";
import { cpuSeconds, hardware, table } from "./report.ts";

/** KL(guide ‖ exact) in nats, mean over fresh data; both are Gaussian. */
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

const f = (x: number, digits = 3): string => x.toFixed(digits);

const ksText = ({ ks, resimulation }: Awaited<ReturnType<typeof judge>>): string =>
  `KS mean ${f(ks.mean)} median ${f(ks.median)} p90 ${f(ks.p90)} max ${f(ks.max)}; re-simulation ${f(resimulation, 4)}`;

async function fastArm(folder: string | null): Promise<string[][]> {
  const reference = folder === null ? await ownReference(arm) : readReference(`${folder}/arm`, arm.D);
  const { map, seconds } = await timedTrain(arm, { preset: "fast" });
  const judged = await judge(await infer(map, reference.y, { draws: 16 }), arm, reference);
  return [["arm fast", ksText(judged), `${f(seconds, 0)} s, ${map.spec.training.device}`]];
}

/** Median over fresh data of the ELBO of one trained map: the mean of log p(y, θ) − log q(θ | y) over draws of the guide. */
async function medianElbo(map: InverseMap, problem: Problem): Promise<number> {
  const [theta, y] = [
    input("theta", problem.D, { dtype: "f64" }),
    input("y", problem.M, { dtype: "f64", repeat: true }),
  ];
  const executor = await createExecutor(
    atOnce(compile({ potential: { outputs: { value: potential(problem, theta, y) } } })),
  );
  const { noisy, count } = await simulate(problem, 2000, { seed: 555 });
  const elbos: number[] = [];
  for (let i = 0; i < count; i++) {
    const observation = Float64Array.from(noisy.subarray(i * problem.M, (i + 1) * problem.M));
    const posterior = await infer(map, observation, { draws: 2 });
    const draws = await posterior.sample(200, { seed: 5 });
    const logQ = await posterior.logProb(draws);
    const inputs = { theta: Float64Array.from(draws), y: observation };
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

/** Prints the rows of a problem in the paper's table. */
const inPaper =
  (only: string) =>
  async (folder: string | null): Promise<string[][]> => {
    await paperTable({ reference: folder ?? undefined, only, methods: "guide,laplace", train: true });
    return [];
  };

/** Rows by name, in order; null if other code has printed them. */
const rows: Record<string, (folder: string | null) => Promise<string[][]>> = {
  default: inPaper("arm"),
  fast: fastArm,
  linear: linearRows,
  rod: inPaper("rod"),
  eit: inPaper("eit"),
  "rod-paper": inPaper("rod-paper"),
  "eit-paper": inPaper("eit-paper"),
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
    folder === null ? "no reference folder: exact draws are computed here" : "exact draws: the reference folder",
  );
  for (const name of names) {
    if (!Object.hasOwn(rows, name))
      throw new Error(`bench accuracy: expected ${Object.keys(rows).join(", ")}, got "${name}"`);
    const made = await rows[name](folder);
    if (made.length > 0) console.log(table(made));
  }
}
