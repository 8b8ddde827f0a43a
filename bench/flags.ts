/**
 * `npm run bench flags [-- --only arm,rod,eit,bent] [--quick]`: how often the shipped models are flagged where they are right, and how often
 * guides and data are where they are not. Flagged is what a user is warned of by `correct({ method: "psis" })`: k̂ above 0.7, fewer
 * effective draws than 100 or than 40 % of all, or what `infer` warns of.
 *
 *   fresh       data of the prior
 *   untrained   the guide of the model before its first step, on the same data
 *   wrong       a guide trained on data that are 10 % too large, as by an instrument's gain, on the same data
 *   foreign     data six standard deviations of the simulated data away from their mean, in a random direction
 *
 * A second table, the only one with `--quick`, has what `infer` alone warns of, by the distance from the simulations: of fresh data, of noise three times as
 * large, of one data value that is off by six noise sd, and, with maps of two and three parameters and their data (θ, θ₁²), of
 * data whose last value is −1, or that of another simulation.
 */
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { concat, mul, slice, square } from "../src/graph/build.ts";
import { guideFrom } from "../src/guides/index.ts";
import { type InverseMap, infer, load, simulate, train } from "../src/index.ts";
import { normalAt, uniformAt } from "../src/numbers/random.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import { arm, eit, rod } from "../src/problems.ts";
import { hardware, table } from "./report.ts";

/** Cases of each kind: a solve of the plate takes a thousand times as long as one of the arm. */
const CASES: Readonly<Record<string, number>> = { arm: 400, rod: 400, eit: 60 };
const SEED = 31;
const FAR = 6;

/** What a problem is with another forward model. */
const withGain = ({ name, prior, proposal, forward, noise, presets, data }: Problem, gain: number): Problem =>
  defineProblem({
    ...{ name, prior, proposal, noise, presets, data, deferred: true },
    forward: (theta) => mul((forward as NonNullable<typeof forward>)(theta), gain),
  });

/** Data at a fixed Mahalanobis distance of the simulated ones' mean, in the units of each datum. */
function foreignTo(noisy: Float32Array, M: number, count: number): Float32Array[] {
  const N = noisy.length / M;
  const [mean, square] = [new Float64Array(M), new Float64Array(M)];
  for (let i = 0; i < noisy.length; i++) mean[i % M] += noisy[i] / N;
  for (let i = 0; i < noisy.length; i++) square[i % M] += (noisy[i] - mean[i % M]) ** 2 / N;
  return Array.from({ length: count }, (_, row) => {
    const direction = Float64Array.from({ length: M }, (_x, j) => normalAt(SEED, 77, 0, row, j));
    const length = Math.sqrt(direction.reduce((sum, v) => sum + v * v, 0) / M);
    return Float32Array.from(direction, (v, j) => mean[j] + (FAR * Math.sqrt(square[j]) * v) / length);
  });
}

interface Flags {
  readonly all: number;
  readonly kHat: number;
  /** Fewer than 100 effective draws. */
  readonly ess: number;
  /** Fewer than 40 % of the draws kept. */
  readonly efficiency: number;
  readonly distance: number;
}

async function flagged(map: InverseMap, problem: Problem, rows: readonly ArrayLike<number>[]): Promise<Flags> {
  const count = { all: 0, kHat: 0, ess: 0, efficiency: 0, distance: 0 };
  for (const posterior of await infer(map, rows)) {
    const far = posterior.warning !== undefined;
    const corrected = await posterior.correct({ method: "psis", problem }).catch(() => null); // no draw has a density
    if (far) count.distance++;
    if (!((corrected?.kHat ?? Number.POSITIVE_INFINITY) <= 0.7)) count.kHat++;
    if ((corrected?.ess ?? 0) < 100) count.ess++;
    if (!((corrected?.efficiency ?? 0) >= 0.4)) count.efficiency++;
    if (far || corrected === null || (corrected.warning ?? corrected.sourceWarning) !== undefined) count.all++;
  }
  const share = (n: number): number => n / rows.length;
  const { all, kHat, ess, efficiency, distance } = count;
  return {
    ...{ all: share(all), kHat: share(kHat), ess: share(ess) },
    ...{ efficiency: share(efficiency), distance: share(distance) },
  };
}

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;

async function rows(problem: Problem): Promise<string[][]> {
  const N = CASES[problem.name];
  const model = await load(problem.name, { problem });
  const { guide } = model.spec;
  const start = { guide: guideFrom(guide.name, guide.options), steps: 1, rate: 1e-12, bank: 4000, seed: 1 };
  const noisy = Float32Array.from(
    (await simulate({ ...problem, proposal: null }, Math.max(N, 1000), { seed: SEED })).noisy,
  );
  const fresh = Array.from({ length: N }, (_, i) => noisy.slice(i * problem.M, (i + 1) * problem.M));
  const kinds: [string, InverseMap, readonly Float32Array[]][] = [
    ["fresh", model, fresh],
    ["untrained", await train(problem, start), fresh],
    ["wrong", await train(withGain(problem, 1.1), { preset: "fast", seed: 1 }), fresh],
    ["foreign", model, foreignTo(noisy, problem.M, N)],
  ];
  const out: string[][] = [];
  for (const [name, map, data] of kinds) {
    const { all, kHat, ess, efficiency, distance } = await flagged(map, problem, data);
    out.push([problem.name, name, `${N}`, ...[all, kHat, ess, efficiency, distance].map(percent)]);
  }
  return out;
}

/** Cases for the second table; other seeds than those that its limits were chosen on. */
const DISTANT: Readonly<Record<string, number>> = { arm: 4000, rod: 4000, eit: 2000 };

/** A row of data by the place of its simulation: noise-free data, noise, and the noise's sd. */
type Change = (c: number, noise: number, sd: number, row: number, j: number, M: number) => number;
const changes: Readonly<Record<string, Change>> = {
  fresh: (c, noise) => c + noise,
  "noise × 3": (c, noise) => c + 3 * noise,
  "one 6 sd off": (c, noise, sd, row, j, M) => {
    const sign = uniformAt(SEED, 78, 0, row, 1) < 0.5 ? -6 : 6;
    return c + noise + (j === Math.floor(uniformAt(SEED, 78, 0, row, 0) * M) ? sign * sd : 0);
  },
};

/** The share of changed data that a map warns of. */
async function warnedOf(map: InverseMap, problem: Problem, count: number, change: Change): Promise<string> {
  const { M } = problem;
  const { clean, noisy } = await simulate({ ...problem, proposal: null }, count, { seed: SEED + 1 });
  const sd = problem.noise.fixed?.constantSd as number;
  const y = clean.map((c, i) => change(c, noisy[i] - c, sd, Math.floor(i / M), i % M, M));
  const found = await infer(
    map,
    Array.from({ length: count }, (_, i) => y.subarray(i * M, (i + 1) * M)),
    { draws: 2 },
  );
  return percent(found.filter(({ warning }) => warning !== undefined).length / count);
}

/** Data (θ, θ₁²) of D parameters. */
const bent = (D: number): Problem =>
  defineProblem({
    name: `bent ${D}`,
    prior: normal(new Float64Array(D), 1),
    forward: (theta) => concat(theta, square(slice(theta, 0, 1))),
    noise: gaussianNoise(0.05),
  });

async function distanceRows(problem: Problem): Promise<string[][]> {
  const map = await load(problem.name, { problem });
  const rows: string[][] = [];
  for (const [name, change] of Object.entries(changes))
    rows.push([
      problem.name,
      name,
      `${DISTANT[problem.name]}`,
      await warnedOf(map, problem, DISTANT[problem.name], change),
    ]);
  return rows;
}

async function bentRows(D: number): Promise<string[][]> {
  const problem = bent(D);
  const map = await train(problem, { guide: guideFrom("gaussian", {}), steps: 1, seed: 5, onWarning: () => {} });
  const { noisy } = await simulate(problem, 4000, { seed: SEED + 2 });
  const broken: Readonly<Record<string, Change>> = {
    fresh: changes.fresh,
    "last is −1": (c, noise, _sd, _row, j) => (j === D ? -1 : c + noise),
    "last of another": (c, noise, _sd, row, j, M) => (j === D ? noisy[row * M + j] : c + noise),
  };
  const rows: string[][] = [];
  for (const [name, change] of Object.entries(broken))
    rows.push([problem.name, name, "4000", await warnedOf(map, problem, 4000, change)]);
  return rows;
}

export async function flags({ only, quick }: { only?: string; quick?: boolean }): Promise<void> {
  const wanted = ({ name }: { name: string }): boolean => only === undefined || only.split(",").includes(name);
  const problems = [arm, rod, eit].filter(wanted);
  console.log(hardware());
  if (!quick) {
    console.log(table([["problem", "what", "cases", "flagged", "k̂ > 0.7", "ESS < 100", "ESS < 40 %", "distance"]]));
    for (const problem of problems) console.log(table(await rows(problem)));
  }
  console.log(table([["problem", "what", "cases", "infer warns"]]));
  for (const problem of problems) console.log(table(await distanceRows(problem)));
  if (wanted({ name: "bent" })) for (const D of [2, 3]) console.log(table(await bentRows(D)));
}
