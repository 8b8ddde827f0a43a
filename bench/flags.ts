/**
 * `npm run bench flags [-- --only arm,rod,eit]`: how often the shipped models are flagged where they are right, and how often
 * guides and data are where they are not. Flagged is what a user is warned of by `correct({ method: "psis" })`: k̂ above 0.7, fewer
 * effective draws than 100 or than 40 % of all, or a datum beyond all that training held out.
 *
 *   fresh       data of the prior
 *   untrained   the guide of the model before its first step, on the same data
 *   wrong       a guide trained on data that are 10 % too large, as by an instrument's gain, on the same data
 *   foreign     data six standard deviations of the simulated data away from their mean, in a random direction
 */
import { mul } from "../src/graph/build.ts";
import { guideFrom } from "../src/guides/index.ts";
import { type InverseMap, infer, load, simulate, train } from "../src/index.ts";
import { normalAt } from "../src/numbers/random.ts";
import { defineProblem, type Problem } from "../src/problem/problem.ts";
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

export async function flags({ only }: { only?: string }): Promise<void> {
  console.log(hardware());
  console.log(table([["problem", "what", "cases", "flagged", "k̂ > 0.7", "ESS < 100", "ESS < 40 %", "distance"]]));
  for (const problem of [arm, rod, eit])
    if (only === undefined || only.split(",").includes(problem.name)) console.log(table(await rows(problem)));
}
