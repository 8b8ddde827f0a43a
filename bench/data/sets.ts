/**
 * Maps of sets: samples of a normal and of Student's distribution, of unknown mean and scale, for 1 to 50 members, against exact marginals
 * by quadrature over both parameters.
 */
import { ksOneSample } from "../../src/diagnostics/ks.ts";
import {
  defineProblem,
  gaussianNoise,
  type InverseMap,
  infer,
  type NoiseFunction,
  normal,
  type Posterior,
  type Problem,
  set,
  simulate,
  spline,
  stream,
  studentNoise,
  type TrainOptions,
  train,
} from "../../src/index.ts";
import { meanOf } from "../../src/numbers/moments.ts";
import { exp, slice } from "../../src/ops.ts";
import type { DataArgs } from "../data.ts";
import { cpuSeconds, table } from "../report.ts";

const COUNTS: readonly number[] = [1, 5, 20, 50];
const DRAWS = 1000;
const SEEDS = 3;
/** sds of the prior of the mean and of the logarithm of the scale. */
const PRIOR = [2, 0.7] as const;

/** A sample of `noise`, whose scale is exp(θ₂), about θ₁; and −log of its density of a deviation in units of the scale. */
interface Sampled {
  readonly noise: NoiseFunction;
  readonly loss: (e: number) => number;
}
const samples: Readonly<Record<string, Sampled>> = {
  normal: { noise: (theta) => gaussianNoise(exp(slice(theta, 1, 2))), loss: (e) => 0.5 * e * e },
  "Student, 3 degrees": {
    noise: (theta) => studentNoise({ scale: exp(slice(theta, 1, 2)), degrees: 3 }),
    loss: (e) => 2 * Math.log1p((e * e) / 3),
  },
};

const problemOf = (name: string, { noise }: Sampled): Problem =>
  defineProblem({
    name,
    parameters: ["mean", "log scale"],
    data: set({ each: 1, count: [1, 50] }),
    prior: normal([0, 0], PRIOR),
    forward: (theta) => slice(theta, 0, 1),
    noise,
  });

export const settings: TrainOptions = {
  onWarning: () => {},
  guide: spline({ bins: 8, embedding: [64], hidden: [32, 32] }),
  batch: 128,
  rate: 3e-3,
  optimiser: "soap",
};

const GRID = 161;
const PASSES = 8;
/** Nodes whose density is less by this factor, on a logarithmic scale, are left out. */
const BELOW = 30;

/** Distribution functions of the two marginals of the exact posterior of a sample y. */
function exactOf(y: ArrayLike<number>, loss: Sampled["loss"]): ((x: number) => number)[] {
  let box = PRIOR.map((sd) => [-8 * sd, 8 * sd]);
  let [axes, values]: [number[][], Float64Array] = [[], new Float64Array()];
  for (let pass = 0; pass < PASSES; pass++) {
    axes = box.map(([low, high]) => Array.from({ length: GRID }, (_, i) => low + ((high - low) * i) / (GRID - 1)));
    values = new Float64Array(GRID * GRID);
    for (const [i, mean] of axes[0].entries())
      for (const [j, logScale] of axes[1].entries()) {
        let sum = 0.5 * ((mean / PRIOR[0]) ** 2 + (logScale / PRIOR[1]) ** 2) + y.length * logScale;
        for (let k = 0; k < y.length; k++) sum += loss((y[k] - mean) * Math.exp(-logScale));
        values[i * GRID + j] = -sum;
      }
    const most = values.reduce((a, b) => Math.max(a, b));
    const inside = [...values.keys()].filter((k) => values[k] > most - BELOW);
    const ends = [(k: number) => Math.floor(k / GRID), (k: number) => k % GRID].map((of) =>
      inside.reduce(([a, b], k) => [Math.min(a, of(k)), Math.max(b, of(k))], [GRID, 0]),
    );
    if (pass < PASSES - 1)
      box = ends.map(([a, b], d) => [axes[d][Math.max(0, a - 1)], axes[d][Math.min(GRID - 1, b + 1)]]);
    values = values.map((v) => Math.exp(v - most));
  }
  return axes.map((axis, d) => {
    const marginal = axis.map((_, i) =>
      Array.from({ length: GRID }, (_x, j) => values[d === 0 ? i * GRID + j : j * GRID + i]).reduce((a, b) => a + b),
    );
    const sums = [0];
    for (let i = 1; i < GRID; i++) sums.push(sums[i - 1] + (marginal[i] + marginal[i - 1]) / 2);
    const [low, step] = [axis[0], axis[1] - axis[0]];
    return (x) => {
      const at = Math.min(Math.max((x - low) / step, 0), GRID - 1);
      const i = Math.min(Math.floor(at), GRID - 2);
      const f = at - i; // the density is linear within a cell
      const within = f * marginal[i] + (f * f * (marginal[i + 1] - marginal[i])) / 2;
      return (sums[i] + within) / sums[GRID - 1];
    };
  });
}

/** Mean KS over cases and parameters of a map, for each number of members. */
async function ksOf(
  map: InverseMap,
  problem: Problem,
  { loss }: Sampled,
  cases: number,
  seed: number,
): Promise<number[]> {
  const { noisy } = await simulate(problem, cases, { seed: seed + 1000 });
  const all: number[] = [];
  for (const n of COUNTS) {
    const ks: number[] = [];
    const y = Array.from({ length: cases }, (_, i) => noisy.subarray(i * problem.M, i * problem.M + n));
    const posteriors = await infer(
      map,
      y.map((members) => set(members)),
      { moments: false },
    );
    for (const [i, posterior] of posteriors.entries()) {
      const draws = await posterior.sample(DRAWS, { seed: seed + i });
      for (const [d, cdf] of exactOf(y[i], loss).entries())
        ks.push(
          ksOneSample(
            draws.filter((_, k) => k % 2 === d),
            cdf,
          ),
        );
    }
    all.push(meanOf(ks));
  }
  return all;
}

/** KS of one map of 1 to 50 members, by the number of members. */
export async function sets({ steps = "3000", cases = "100", seed = "0" }: DataArgs): Promise<void> {
  const rows = [
    ["sets, KS of 1000 draws", "seed", ...COUNTS.map((n) => `n = ${n}`), "held out", "efficiency", "CPU s"],
  ];
  for (const [name, own] of Object.entries(samples))
    for (let s = Number(seed); s < Number(seed) + SEEDS; s++) {
      const problem = problemOf(name, own);
      const began = cpuSeconds();
      const map = await train(problem, { ...settings, steps: Number(steps), seed: s });
      const took = cpuSeconds() - began;
      const { heldOut, weights } = map.spec.training;
      const ks = await ksOf(map, problem, own, Number(cases), s);
      rows.push([
        ...[name, `${s}`, ...ks.map((x) => x.toFixed(3)), heldOut.best.toFixed(4)],
        ...[weights?.efficiency.toFixed(2) ?? "–", took.toFixed(0)],
      ]);
      console.log(rows[rows.length - 1].join("  "));
    }
  console.log(table(rows));
}

/** Processor time of a reading of a stream, its posterior and 100 draws of it, beside that of the whole set through `infer`. */
export async function streams({ steps = "100", cases = "2000", seed = "0" }: DataArgs): Promise<void> {
  const problem = problemOf("normal", samples.normal);
  const map = await train(problem, { ...settings, steps: Number(steps), seed: Number(seed) });
  const { noisy } = await simulate(problem, Math.ceil(Number(cases) / problem.M), { seed: Number(seed) + 1000 });
  const readings = Array.from(noisy).slice(0, Number(cases));
  const time = async (label: string, push: (reading: number) => Promise<Posterior | null>): Promise<string[]> => {
    const all: number[] = [];
    for (const reading of readings) {
      const began = cpuSeconds();
      await (await push(reading))?.sample(100);
      all.push(1000 * (cpuSeconds() - began));
    }
    const sorted = all.slice(readings.length >> 2).sort((a, b) => a - b); // without those that compile
    const at = (share: number): string => sorted[Math.floor(share * (sorted.length - 1))].toFixed(3);
    return [label, at(0.5), at(0.95)];
  };
  const last: number[] = [];
  const windowed = stream(map, { window: problem.M });
  console.log(
    table([
      ["a reading of sets of 50, ms", "median", "95 %"],
      await time("stream, window of 50", (reading) => windowed.push(reading)),
      await time("infer of the last 50", (reading) => {
        last.push(reading);
        return infer(map, set(last.slice(-problem.M)));
      }),
    ]),
  );
}
