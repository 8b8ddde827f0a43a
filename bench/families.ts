/**
 * `npm run bench families [-- --cases N --only poisson,beta --seed S]`: simulation-based calibration of noise families.
 *
 * Each row is a small problem with a noise family, its parameters unknown where it has some. N cases (1000) are simulated, one chain
 * of NUTS each, thinned to 63 of 630 draws, and the ranks of the true parameters and of the log-likelihood are held against bands
 * (src/diagnostics/sbc.ts) that all curves of all rows keep together with probability 99 %. A row out of its band is repeated with
 * another seed and 4 N cases; it fails if it is out again.
 */
import { readOptions } from "../src/checks/options.ts";
import { logLikelihoodQuantity } from "../src/diagnostics/likelihood.ts";
import { type RankList, rankTruths } from "../src/diagnostics/ranks.ts";
import { type CalibratedQuantity, sbc } from "../src/diagnostics/sbc.ts";
import type { NoiseFunction } from "../src/distributions/noise/model.ts";
import {
  ar1Noise,
  bernoulliNoise,
  betaNoise,
  binomialNoise,
  categoricalNoise,
  type Distribution,
  defineProblem,
  gaussianNoise,
  likelihood,
  logNormalNoise,
  mixtureNoise,
  type Noise,
  negativeBinomialNoise,
  normal,
  type Problem,
  poissonNoise,
  simulate,
  squaredExponentialNoise,
  studentNoise,
} from "../src/index.ts";
import { abs, add, concat, exp, log, mul, neg, sigmoid, slice, split, sub, type Tensor, tanh } from "../src/ops.ts";
import { groupOf, type Settings } from "../src/sampling/group.ts";
import { type Group, lockstep } from "../src/sampling/lockstep.ts";
import { nutsTable } from "../src/sampling/nuts-options.ts";
import { samplerOf } from "../src/sampling/potential.ts";
import { fromPrior } from "../src/sampling/start.ts";
import { cpuSeconds, hardware, table } from "./report.ts";

/** A small problem of D ≤ 3 parameters. Families of priors join the list with a prior of theirs and any noise. */
export interface FamilyRow {
  readonly name: string;
  readonly problem: () => Problem;
}

const M = 8;
const places = Array.from({ length: M }, (_, m) => (2 * m) / (M - 1) - 1);
/** a + b x at the places, from the first two parameters. */
const line = (theta: Tensor): Tensor => add(slice(theta, 0, 1), mul(slice(theta, 1, 2), places));
const last = (theta: Tensor): Tensor => slice(theta, theta.cols - 1, theta.cols);

const two: Distribution = normal([0.5, 0], [1, 1]);
const three: Distribution = normal([0.5, 0, 0], [1, 1, 0.5]);
const row = (
  name: string,
  noise: Noise | NoiseFunction,
  forward: (theta: Tensor) => Tensor = line,
  prior: Distribution = typeof noise === "function" ? three : two,
): FamilyRow => ({ name, problem: () => defineProblem({ name, prior, forward, noise }) });

const covariance = places.map((x) => places.map((z) => 0.25 * 0.6 ** (2 * Math.abs(x - z)) + (x === z ? 0.05 : 0)));

/** The rows. An unknown parameter of the noise is the exponential of the last parameter, unless the row says otherwise. */
export const familyRows: readonly FamilyRow[] = [
  row("gaussian", gaussianNoise(0.5)),
  row("gaussian, sd unknown", (theta) => gaussianNoise(exp(last(theta)))),
  row("student", (theta) => studentNoise({ scale: exp(last(theta)), degrees: 4 })),
  row("student, degrees unknown", (theta) =>
    studentNoise({ scale: 0.5, degrees: add(exp(add(mul(last(theta), 2), 1)), 1) }),
  ),
  row(
    "log-normal",
    (theta) => logNormalNoise(exp(last(theta))),
    (theta) => exp(line(theta)),
  ),
  row("poisson", poissonNoise({ exposure: 3 }), (theta) => exp(line(theta))),
  row(
    "negative binomial",
    (theta) => negativeBinomialNoise({ dispersion: exp(add(mul(last(theta), 2), 1)) }),
    (theta) => exp(add(line(theta), 1)),
  ),
  row("binomial", binomialNoise({ trials: 12 }), (theta) => sigmoid(line(theta))),
  row("bernoulli", bernoulliNoise(), (theta) => sigmoid(line(theta))),
  row("bernoulli, logits", bernoulliNoise({ logits: true })),
  row("categorical", categoricalNoise({ classes: 3 }), (theta) => exp(classes(theta)), three),
  row("categorical, logits", categoricalNoise({ classes: 3, logits: true }), (theta) => classes(theta), three),
  row(
    "beta",
    (theta) => betaNoise({ concentration: exp(add(last(theta), 1.5)) }),
    (theta) => sigmoid(line(theta)),
  ),
  row("correlated", gaussianNoise({ covariance })),
  row("ar1, correlation unknown", (theta) => ar1Noise({ sd: 0.5, correlation: tanh(last(theta)) })),
  row("squared exponential, sd unknown", (theta) =>
    squaredExponentialNoise({ sd: exp(last(theta)), length: 0.5, nugget: 0.2, at: places }),
  ),
  row("mixture, sd unknown", (theta) =>
    mixtureNoise([{ noise: gaussianNoise(exp(last(theta))) }, { weight: 0.2, noise: gaussianNoise(5) }]),
  ),
  row(
    "a likelihood of one's own",
    // Laplace's distribution of scale ½.
    likelihood({
      name: "laplace",
      draw: (clean, random) => {
        const [u, v] = [random.uniform(), random.uniform()];
        return add(clean, mul(sub(log(u), log(v)), 0.5));
      },
      logDensity: (y, clean) => mul(abs(sub(y, clean)), -2),
    }),
  ),
];

/** Three logits for each place: 0, a + b x, and the third parameter less x. */
function classes(theta: Tensor): Tensor {
  const [, , c] = split(theta);
  const second = split(line(theta));
  return concat(...places.flatMap((x, m) => [mul(c, 0), second[m], add(neg(c), x)]));
}

const DRAWS = 63;
const THINNING = 10;
const WARMUP = 500;
const ALPHA = 0.01;

/**
 * Thinned draws (DRAWS, D) of one chain for each observation, in lockstep. `nuts` itself gives all observations of a call the same
 * random numbers, so that each one's chains do not depend on the others; ranks of different cases would then depend on each other.
 */
async function chainsOf(problem: Problem, rows: readonly Float64Array[], seed: number): Promise<Float64Array[]> {
  const { D } = problem;
  const sampler = await samplerOf("families", problem);
  const { executor } = sampler;
  const groups: Group[] = [];
  for (const [i, y] of rows.entries()) {
    const own = {
      chains: 1,
      draws: DRAWS * THINNING,
      warmup: WARMUP,
      metric: "dense",
      targetAccept: 0.9,
      seed: seed + i,
    } as const;
    const inputs = { y };
    const started = await fromPrior({ executor, problem, y, given: inputs, ...own });
    const settings: Settings = { ...readOptions("nuts", nutsTable, own), ...own };
    groups.push(groupOf({ ...started, D, sampler, inputs, origin: "prior", spent: 0 }, settings, 1, `row ${i + 1}`));
  }
  await lockstep(groups, { budget: Number.POSITIVE_INFINITY });
  const kept: Float64Array[] = [];
  for (const { given, chains } of groups) {
    const z = Float64Array.from(
      { length: DRAWS * D },
      (_, i) => chains[0].positions[Math.floor(i / D) * THINNING * D + (i % D)],
    );
    const { theta } = await executor.run("toTheta", { rows: DRAWS, repeat: DRAWS, inputs: { ...given, z } });
    kept.push(Float64Array.from(theta));
  }
  return kept;
}

/** Ranks of the true parameters and of the log-likelihood in N cases. */
async function ranksOf({ name, problem: make }: FamilyRow, N: number, seed: number): Promise<RankList[]> {
  const problem = make();
  const { theta, noisy, count } = await simulate(problem, N, { seed });
  if (count !== N) throw new Error(`${name}: expected ${N} simulations, got ${count}`);
  const { M: size } = problem;
  const rows = Array.from({ length: N }, (_, i) => Float64Array.from(noisy.subarray(i * size, (i + 1) * size)));
  const chains = await chainsOf(problem, rows, 1_000_000 * seed);
  const mean = new Float64Array(problem.D);
  const thinned = chains.map((kept, i) => ({
    y: rows[i],
    mean,
    sample: async () => kept,
    logProb: async () => new Float64Array(DRAWS + 1), // the density itself is not ranked
  }));
  const quantities = [logLikelihoodQuantity(problem)];
  const ranks = await rankTruths(thinned, theta, { draws: DRAWS, seed: seed + 2, quantities });
  return [...ranks.parameters, ...ranks.quantities].map((list) => ({ ...list, name: `${name}: ${list.name}` }));
}

/** Judges lists together, or as some of `curves` many. */
function judge(lists: readonly RankList[], N: number, curves = lists.length): readonly CalibratedQuantity[] {
  const none = new Int32Array(N);
  const ranks = { count: N, draws: DRAWS, parameters: lists, quantities: [], density: none, distance: none };
  return sbc(ranks, { alpha: (ALPHA * lists.length) / curves }).curves;
}

export interface FamilyOptions {
  readonly cases?: string;
  readonly only?: string;
  readonly seed?: string;
}

/** Runs the rows, prints the table, and sets the exit code where a row fails twice. */
export async function families(
  { cases = "1000", only, seed = "1" }: FamilyOptions,
  all: readonly FamilyRow[] = familyRows,
): Promise<void> {
  const N = Number(cases);
  const names = only?.split(",");
  const picked = all.filter(({ name }) => names === undefined || names.some((n) => name.startsWith(n)));
  if (picked.length === 0)
    throw new Error(`families: expected some of ${all.map((r) => r.name).join("; ")}, got "${only}"`);
  console.log(`${hardware()}\n${N} cases, ${DRAWS} draws each, one band of 99 % over all curves\n`);
  const found: RankList[][] = [];
  const seconds: number[] = [];
  for (const [i, own] of picked.entries()) {
    const begun = cpuSeconds();
    found.push(await ranksOf(own, N, Number(seed) + 100 * i));
    seconds.push(cpuSeconds() - begun);
    const told = judge(found[i], N).map(({ name, pValue }) => `${name} p ${pValue.toPrecision(2)}`);
    console.error(`${told.join(", ")} (${seconds[i].toFixed(0)} s)`);
  }
  const judged = judge(found.flat(), N);
  const lines = [["family", "curve", "shift, se", "spread, se", "p", "ranks", "CPU s"]];
  let failed = false;
  for (const [i, own] of picked.entries()) {
    const curves = judged.filter(({ name }) => name.startsWith(`${own.name}: `));
    const show = (curve: CalibratedQuantity, first: boolean, note = ""): void => {
      const { name, shift, spread, pValue, reading } = curve;
      const label = name.slice(own.name.length + 2);
      const time = first ? seconds[i].toFixed(0) : "";
      lines.push([
        first ? own.name : "",
        label,
        shift.toFixed(1),
        spread.toFixed(1),
        pValue.toPrecision(2),
        reading + note,
        time,
      ]);
    };
    for (const [k, curve] of curves.entries()) show(curve, k === 0);
    if (curves.every((c) => c.passed)) continue;
    const again = judge(await ranksOf(own, 4 * N, Number(seed) + 100 * i + 50), 4 * N, judged.length);
    for (const curve of again) show(curve, false, `, again with ${4 * N} cases`);
    if (again.some((c) => !c.passed)) failed = true;
  }
  console.log(table(lines));
  if (failed) process.exitCode = 1;
}
