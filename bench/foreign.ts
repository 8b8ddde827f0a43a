/**
 * `npm run bench foreign`: how many fresh data sets, and how many that the model would not have made, the distance from the
 * simulations flags. Data are simulated here; maps take one step of training, for the distance is fitted before it.
 *
 * Two limits: farther than all 2048 held-out simulations, and what `infer` warns of.
 */

import { gaussian } from "../src/guides/gaussian.ts";
import { type AmortisedPosterior, infer, predict, simulate, train } from "../src/index.ts";
import { uniformAt } from "../src/numbers/random.ts";
import type { Problem } from "../src/problem/problem.ts";
import { arm, eit, rod } from "../src/problems.ts";
import { hardware, table } from "./report.ts";

const COUNT = 1000;

interface Fresh {
  readonly problem: Problem;
  readonly theta: Float32Array;
  readonly clean: Float32Array;
  readonly noise: Float32Array;
  readonly sd: number;
}
type Change = (fresh: Fresh) => Float32Array | Promise<Float32Array>;

/** Data (COUNT, M) from noise-free ones and noise, by a rule. */
const each =
  (rule: (clean: number, noise: number, sd: number, row: number, j: number, M: number) => number): Change =>
  ({ problem: { M }, clean, noise, sd }) =>
    clean.map((c, i) => rule(c, noise[i], sd, Math.floor(i / M), i % M, M));

const single = (size: number): Change =>
  each((c, e, sd, row, j, M) => {
    const sign = uniformAt(1, 8, 0, row, 1) < 0.5 ? -1 : 1;
    return c + e + (j === Math.floor(uniformAt(1, 8, 0, row, 0) * M) ? sign * size * sd : 0);
  });

const common: Readonly<Record<string, Change>> = {
  fresh: each((c, e) => c + e),
  "noise twice as large": each((c, e) => c + 2 * e),
  "noise three times as large": each((c, e) => c + 3 * e),
  "one data value 5 noise sd off": single(5),
  "one data value 6 noise sd off": single(6),
  "one data value 10 noise sd off": single(10),
  "all data values 1 noise sd too high": each((c, e, sd) => c + e + sd),
  "all data values 5 noise sd too high": each((c, e, sd) => c + e + 5 * sd),
  "signal 20 % too large": each((c, e) => 1.2 * c + e),
  "data values in reverse order": ({ problem: { M }, clean, noise }) =>
    clean.map((_, i) => {
      const k = i - (i % M) + (M - 1 - (i % M));
      return clean[k] + noise[k];
    }),
  "parameters 3 times as far out": async ({ problem, theta, noise }) => {
    const { D, prior } = problem;
    const out = Float64Array.from(theta, (t, i) => prior.mean[i % D] + 3 * (t - prior.mean[i % D]));
    return Float32Array.from(await predict(problem, out), (c, i) => c + noise[i]);
  },
};

async function rates(problem: Problem): Promise<string[][]> {
  const map = await train(problem, {
    guide: gaussian({ hidden: [] }),
    steps: 1,
    batch: 8,
    bank: 10_000,
    heldOut: 2048,
    seed: 1,
  });
  const made = await simulate(problem, COUNT, { seed: 2 });
  const [theta, clean, noisy] = [made.theta, made.clean, made.noisy].map((rows) => Float32Array.from(rows));
  const fresh = {
    problem,
    theta,
    clean,
    noise: noisy.map((v, i) => v - clean[i]),
    sd: problem.noise.fixed?.constantSd as number,
  };
  const rows: string[][] = [];
  for (const [name, change] of Object.entries(common)) {
    const data = await change(fresh);
    const cases = Array.from({ length: COUNT }, (_, i) => data.subarray(i * problem.M, (i + 1) * problem.M));
    const found = await infer(map, cases, { draws: 2 });
    const share = (test: (p: AmortisedPosterior) => boolean): string =>
      `${((100 * found.filter(test).length) / COUNT).toFixed(1)} %`;
    rows.push([problem.name, name, share((p) => p.warning !== undefined), share((p) => p.farther === 0)]);
  }
  return rows;
}

export async function foreign(): Promise<void> {
  console.log(hardware());
  console.log(table([["problem", "observations", "warned of", "beyond all"]]));
  for (const problem of [arm, rod, eit]) console.log(table(await rates(problem)));
}
