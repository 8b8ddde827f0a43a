/** Maps for missing data: linear-Gaussian, rod and eit against exact posteriors of what was observed, the distance, and the cost of a step. */
import { gaussianKl } from "../../src/diagnostics/kl.ts";
import { ksPerParameter } from "../../src/diagnostics/ks.ts";
import { pickColumns as columns } from "../../src/graph/build.ts";
import {
  defineProblem,
  gaussian,
  gaussianNoise,
  type InverseMap,
  infer,
  laplace,
  nuts,
  type Problem,
  type ProblemSpec,
  simulate,
  spline,
  type TrainOptions,
  train,
} from "../../src/index.ts";
import { meanOf } from "../../src/numbers/moments.ts";
import { shuffle, uniformAt } from "../../src/numbers/random.ts";
import { eit, linearGaussian, rod } from "../../src/problems.ts";
import type { DataArgs } from "../data.ts";
import { cpuSeconds, table } from "../report.ts";

const quiet = { onWarning: (): void => {} };
/** The level of `farther` beyond which data count as foreign. */
const FOREIGN = 0.005;

const numbers = ({ steps, cases, seed = "0" }: DataArgs, ownSteps: number, ownCases: number) => ({
  steps: Number(steps ?? ownSteps),
  cases: Number(cases ?? ownCases),
  seed: Number(seed),
});

/** Observations (count, M), by rows, whose noise is `scale` times that of the problem. */
async function observations(problem: Problem, count: number, seed: number, scale = 1): Promise<number[][]> {
  const { clean, noisy } = await simulate(problem, count, { seed: seed + 1000 });
  const y = clean.map((x, i) => x + scale * (noisy[i] - x));
  return Array.from({ length: count }, (_, i) => [...y.slice(i * problem.M, (i + 1) * problem.M)]);
}

/** An observation of which `kept` data are left, drawn by the number of the case. */
function some(y: readonly number[], kept: number, at: number): number[] {
  const order = shuffle(
    y.map((_, m) => m),
    (i) => Math.floor(uniformAt(7, 0, 0, at, i) * (i + 1)),
  );
  const left = new Set(order.slice(0, kept));
  return y.map((v, m) => (left.has(m) ? v : Number.NaN));
}

/** Mean KL of one map from the exact posteriors of random subsets, with a linear base and without. */
export async function linear(args: DataArgs): Promise<void> {
  const { steps, cases, seed } = numbers(args, 6000, 100);
  const y = await observations(linearGaussian, cases, seed);
  const shares = [0, 0.25, 0.5, 0.75, 0.95];
  const rows = [["linear-Gaussian, mean KL, nats", ...shares.map((s) => `${100 * s} % missing`), "CPU s"]];
  for (const base of ["linear", "prior"] as const) {
    const began = cpuSeconds();
    const guide = gaussian({ hidden: base === "linear" ? [] : [128, 128], base });
    const map = await train(linearGaussian, { ...quiet, guide, steps, seed, missing: "any" });
    const took = cpuSeconds() - began;
    const kl: string[] = [];
    for (const share of shares) {
      const seen = y.map((row, i) => some(row, Math.round(20 * (1 - share)), i));
      const [of, exact] = [await infer(map, seen), await laplace(linearGaussian, seen)];
      kl.push(meanOf(of.map((q, i) => gaussianKl(exact[i], q))).toPrecision(3));
    }
    rows.push([`base ${base}, ${steps} steps`, ...kl, took.toFixed(0)]);
  }
  console.log(table(rows));
}

/** The sensors that are kept, of nine. */
const KEPT: readonly (readonly number[])[] = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8],
  [0, 2, 3, 4, 5, 7, 8],
  [1, 3, 5, 7],
  [2, 6],
  [4],
];
const guide = spline({ bins: 8, embedding: [96, 96], hidden: [32, 32] });
const shape: TrainOptions = { ...quiet, guide, batch: 128, optimiser: "soap", rate: 1e-2 };
const DRAWS = 1000;

/** KS of a map of the rod for all subsets and scales, and of maps trained for one subset, against chains. */
export async function rodSubsets(args: DataArgs): Promise<void> {
  const { steps, cases, seed } = numbers(args, 20_000, 50);
  const map = await train(rod, { ...shape, steps, seed, missing: "any", noise: { scale: [0.5, 2] } });
  const rows = [["rod, sensors", "scale", "KS", "corrected", "efficiency", "k̂ > .7", "of a map for this subset"]];
  for (const kept of KEPT)
    for (const scale of [1, 0.5, 2]) {
      const y = await observations(rod, cases, seed, scale);
      const seen = y.map((row) => row.map((v, m) => (kept.includes(m) ? v : Number.NaN)));
      const noise = { scale };
      const of = await infer(map, seen, { noise });
      const exact = await nuts(rod, seen, { noise, start: of, chains: 8, draws: 250, seed });
      const own = scale === 1 ? await forSubset(kept, { steps: Math.round(steps / 4), seed }) : null;
      const [ks, corrected, efficiency, kHat, special]: number[][] = [[], [], [], [], []];
      for (const [i, q] of of.entries()) {
        const truth = await exact[i].sample(DRAWS, { seed: seed + 1 });
        const right = await q.correct({ method: "psis", draws: 4 * DRAWS, seed });
        ks.push(...ksPerParameter(await q.sample(DRAWS, { seed: seed + 2 }), truth, 5));
        corrected.push(...ksPerParameter(await right.sample(DRAWS, { seed: seed + 3 }), truth, 5));
        efficiency.push(right.efficiency as number);
        kHat.push(Number((right.kHat as number) > 0.7));
        if (own === null) continue;
        const alone = await infer(
          own,
          kept.map((m) => y[i][m]),
        );
        special.push(...ksPerParameter(await alone.sample(DRAWS, { seed: seed + 2 }), truth, 5));
      }
      const text = (list: number[]): string => (list.length === 0 ? "–" : meanOf(list).toFixed(3));
      rows.push([`${kept.length}`, `${scale}`, ...[ks, corrected, efficiency, kHat, special].map(text)]);
    }
  console.log(table(rows));
}

/** A problem with some of the data of another. */
function restricted({ name, prior, forward, noise, M }: Problem, kept: readonly number[]): ProblemSpec {
  if (forward === null) throw new Error("bench: expected a forward model");
  const { constantSd } = noise.fixed ?? {};
  const sd = typeof constantSd === "number" ? constantSd : kept.map((m) => (constantSd as readonly number[])[m]);
  return {
    name: `${name}, ${kept.length} of ${M}`,
    prior,
    forward: (theta) => columns(forward(theta), kept),
    noise: gaussianNoise(sd),
  };
}

const forSubset = (kept: readonly number[], options: TrainOptions): Promise<InverseMap> =>
  train(defineProblem(restricted(rod, kept)), { ...shape, ...options });

/** −log q of the true parameters where whole edges of the plate are dropped, for one map and for maps trained for the edges that are left. */
export async function eitEdges(args: DataArgs): Promise<void> {
  const { steps, cases, seed } = numbers(args, 10_000, 200);
  const options: TrainOptions = {
    ...quiet,
    guide: gaussian({ hidden: [64, 64] }),
    batch: 128,
    bank: 15_000,
    steps,
    seed,
  };
  // The readings of an edge, 50 in each of three experiments, fail together.
  const edges = Array.from({ length: 4 }, (_, e) =>
    Array.from({ length: 150 }, (_x, i) => Math.floor(i / 50) * 200 + e * 50 + (i % 50)),
  );
  const map = await train(eit, { ...options, missing: { rate: [0, 0.75], blocks: edges } });
  const fresh = await simulate(eit, cases, { seed: seed + 1000 });
  const lost = (own: InverseMap, rows: readonly number[][]): Promise<number> =>
    infer(own, rows).then(async (all) => {
      const logs = await Promise.all(all.map((q, i) => q.logProb([...fresh.theta.slice(2 * i, 2 * i + 2)])));
      return -meanOf(logs.map(([l]) => l));
    });
  const rows = [["eit, edges dropped", "one map: −log q", "trained for it"]];
  for (const gone of [[], [0], [0, 2]]) {
    const kept = Array.from({ length: 600 }, (_, m) => m).filter((m) => !gone.some((e) => edges[e].includes(m)));
    const y = Array.from({ length: cases }, (_, i) => [...fresh.noisy.slice(600 * i, 600 * (i + 1))]);
    const seen = y.map((row) => row.map((v, m) => (kept.includes(m) ? v : Number.NaN)));
    const alone = await train(defineProblem(restricted(eit, kept)), options);
    const own = await lost(
      alone,
      y.map((row) => kept.map((m) => row[m])),
    );
    rows.push([`${gone.length}`, (await lost(map, seen)).toFixed(3), own.toFixed(3)]);
  }
  console.log(table(rows));
}

/** Shares of fresh data, and of data with a sensor that is 10 noise sd off, that count as foreign. The distance needs no training. */
export async function distance(args: DataArgs): Promise<void> {
  const { cases, seed } = numbers(args, 1, 1500);
  const options: TrainOptions = { ...quiet, guide: gaussian({ hidden: [] }), steps: 1, batch: 64, heldOut: 4096, seed };
  const map = await train(rod, { ...options, missing: { rate: [0, 0.9] } });
  const y = await observations(rod, cases, seed);
  const rows = [["rod, sensors", "fresh data, %", "10 sd off, %", "a map for this subset: fresh", "10 sd off"]];
  for (const kept of KEPT) {
    const off = y.map((row, i) => row.map((v, m) => v + (m === kept[i % kept.length] ? (i % 2 ? 0.15 : -0.15) : 0)));
    const share = async (own: InverseMap, data: readonly number[][]): Promise<string> => {
      const all = await infer(own, data, { moments: false });
      return ((100 * all.filter(({ farther }) => farther <= FOREIGN).length) / cases).toFixed(1);
    };
    const hidden = (data: readonly number[][]) =>
      data.map((row) => row.map((v, m) => (kept.includes(m) ? v : Number.NaN)));
    const left = (data: readonly number[][]) => data.map((row) => kept.map((m) => row[m]));
    const own = await train(defineProblem(restricted(rod, kept)), options);
    rows.push([
      `${kept.length}`,
      await share(map, hidden(y)),
      await share(map, hidden(off)),
      await share(own, left(y)),
      await share(own, left(off)),
    ]);
  }
  console.log(table(rows));
}

/** Processor time of a step of a map for missing data, and of a plain one, interleaved. */
export async function cost(args: DataArgs): Promise<void> {
  const { steps, seed } = numbers(args, 1500, 1);
  const times: number[][] = [[], []];
  for (let round = 0; round < 3; round++)
    for (const [k, own] of [
      {},
      { missing: { rate: [0, 0.9] as const }, noise: { scale: [0.5, 2] as const } },
    ].entries()) {
      // Two lengths of training: what comes before and after the steps is the same.
      const took = async (count: number): Promise<number> => {
        const began = cpuSeconds();
        await train(rod, { ...shape, ...own, steps: count, seed, evaluateEvery: count, heldOut: 16 });
        return cpuSeconds() - began;
      };
      const short = await took(Math.round(steps / 10));
      times[k].push(((await took(steps)) - short) / 0.9);
    }
  const [plain, masked] = times.map((all) => all.sort((a, b) => a - b)[1]);
  console.log(
    table([
      ["rod, cost of a step", "plain", "masked", "ratio"],
      [
        "",
        `${((1000 * plain) / steps).toFixed(2)} ms`,
        `${((1000 * masked) / steps).toFixed(2)} ms`,
        (masked / plain).toFixed(2),
      ],
    ]),
  );
}
