/**
 * `npm run bench calibration [-- --cases 1000 --only noise,"prior gamma" --seed 1]`: simulation-based calibration (Talts et al., arXiv
 * 1804.06788) of chains under every noise model and every prior.
 *
 * Each row is a small problem, the noise's parameters unknown where it has some. N cases (1000) are simulated, one chain of NUTS each,
 * thinned to 63 of 630 draws, and the ranks of the true parameters and of the log-likelihood are held against bands
 * (src/diagnostics/sbc.ts) that all curves of all rows keep together with probability 99 %. A row out of its band is repeated with
 * another seed and 4 N cases; it fails if it is out again.
 */
import { readOptions } from "../src/checks/options.ts";
import { logLikelihoodQuantity } from "../src/diagnostics/likelihood.ts";
import { type RankList, rankTruths } from "../src/diagnostics/ranks.ts";
import { type CalibratedQuantity, sbc } from "../src/diagnostics/sbc.ts";
import { type Problem, simulate } from "../src/index.ts";
import { groupOf, type Settings } from "../src/sampling/group.ts";
import { type Group, lockstep } from "../src/sampling/lockstep.ts";
import { nutsTable } from "../src/sampling/nuts-options.ts";
import { samplerOf } from "../src/sampling/potential.ts";
import { fromPrior } from "../src/sampling/start.ts";
import { noises } from "./calibration/noises.ts";
import { priors } from "./calibration/priors.ts";
import { cpuSeconds, hardware, table } from "./report.ts";

/** A small problem of a noise or a prior. */
interface Row {
  readonly name: string;
  readonly problem: () => Problem;
}
const named = (kind: string, problems: Readonly<Record<string, () => Problem>>): Row[] =>
  Object.entries(problems).map(([name, problem]) => ({ name: `${kind} ${name}`, problem }));
const rows: readonly Row[] = [...named("noise", noises), ...named("prior", priors)];

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
  const sampler = await samplerOf("calibration", problem);
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
async function ranksOf({ name, problem: make }: Row, N: number, seed: number): Promise<RankList[]> {
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
  return [...ranks.parameters, ...ranks.quantities];
}

/** Judges lists together, or as some of `curves` many. */
function judge(lists: readonly RankList[], N: number, curves = lists.length): readonly CalibratedQuantity[] {
  const none = new Int32Array(N);
  const ranks = { count: N, draws: DRAWS, parameters: lists, quantities: [], density: none, distance: none };
  return sbc(ranks, { alpha: (ALPHA * lists.length) / curves }).curves;
}

export interface CalibrationOptions {
  readonly cases?: string;
  readonly only?: string;
  readonly seed?: string;
}

/** Runs the rows, prints the table, and sets the exit code where a row fails twice. */
export async function calibration({ cases = "1000", only, seed = "1" }: CalibrationOptions): Promise<void> {
  const N = Number(cases);
  const names = only?.split(",");
  const picked = rows.filter(({ name }) => names === undefined || names.some((n) => name.startsWith(n)));
  if (picked.length === 0)
    throw new Error(`calibration: expected some of ${rows.map((r) => r.name).join("; ")}, got "${only}"`);
  console.log(`${hardware()}\n${N} cases, ${DRAWS} draws each, one band of 99 % over all curves\n`);
  const seedOf = (own: Row): number => Number(seed) + 100 * rows.indexOf(own);
  const found: RankList[][] = [];
  const seconds: number[] = [];
  for (const [i, own] of picked.entries()) {
    const begun = cpuSeconds();
    found.push(await ranksOf(own, N, seedOf(own)));
    seconds.push(cpuSeconds() - begun);
    const told = judge(found[i], N).map(({ name, pValue }) => `${name} p ${pValue.toPrecision(2)}`);
    console.error(`${own.name}: ${told.join(", ")} (${seconds[i].toFixed(0)} s)`);
  }
  const judged = judge(found.flat(), N);
  const lines = [["row", "curve", "shift, se", "spread, se", "p", "ranks", "CPU s"]];
  let at = 0;
  for (const [i, own] of picked.entries()) {
    const curves = judged.slice(at, at + found[i].length);
    at += curves.length;
    lines.push(
      ...linesOf(curves).map((line, k) => [k === 0 ? own.name : "", ...line, k === 0 ? seconds[i].toFixed(0) : ""]),
    );
    if (curves.every((c) => c.passed)) continue;
    const again = judge(await ranksOf(own, 4 * N, seedOf(own) + 50), 4 * N, judged.length);
    lines.push(...linesOf(again, `, again with ${4 * N} cases`).map((line) => ["", ...line, ""]));
    if (again.some((c) => !c.passed)) process.exitCode = 1;
  }
  console.log(table(lines));
}

const linesOf = (curves: readonly CalibratedQuantity[], note = ""): string[][] =>
  curves.map(({ name, shift, spread, pValue, reading }) => [
    name,
    shift.toFixed(1),
    spread.toFixed(1),
    pValue.toPrecision(2),
    reading + note,
  ]);
