/**
 * `npm run bench nuts [-- --reference DIR] [--only arm,rod,eit,eit-paper]`: chains and corrections on the reference observations.
 *
 * NUTS, 8 chains of 500 draws, starts at draws of a guide of the fast preset for the arm, whose posterior has parts that nothing else
 * finds, and of Laplace's approximation, which needs no training, for the others. Its pooled KS is that of 1000
 * of the 4000 draws against 1000 exact ones. Seconds are wall time of one thread, with starts and warm-up, for all
 * observations sampled together. The corrections are PSIS of the same posteriors, one after another.
 */
import { existsSync } from "node:fs";
import { ksPerParameter, pool } from "../src/diagnostics/ks.ts";
import {
  type AmortisedPosterior,
  type CorrectedPosterior,
  infer,
  type LaplacePosterior,
  laplace,
  nuts,
  type Posterior,
  type SampledPosterior,
} from "../src/index.ts";
import type { PooledKs } from "../src/model/calibration-record.ts";
import type { Problem } from "../src/problem/problem.ts";
import { arm, eit, rod } from "../src/problems.ts";
import { paperEit } from "./paper.ts";
import { type Reference, readReference, referenceFolder, timedTrain } from "./reference.ts";
import { hardware, table } from "./report.ts";

type Correctable = AmortisedPosterior | LaplacePosterior;
type Rows = Reference["y"];

interface Case {
  readonly problem: (folder: string) => Problem;
  readonly start: (problem: Problem, y: Rows) => Promise<readonly Correctable[]>;
  readonly from: string;
  /** Corrections only: chains with finite elements would take half a minute per observation. */
  readonly weightsAlone?: true;
}

const fromLaplace: Pick<Case, "start" | "from"> = { start: (problem, y) => laplace(problem, y), from: "Laplace" };

const cases: Readonly<Record<string, Case>> = {
  arm: {
    problem: () => arm,
    start: async (problem, y) => infer((await timedTrain(problem, { preset: "fast" })).map, y),
    from: "guide, fast preset",
  },
  rod: { problem: () => rod, ...fromLaplace },
  eit: { problem: () => eit, ...fromLaplace, weightsAlone: true },
  "eit-paper": { problem: paperEit, ...fromLaplace },
};

const DRAWS = 1000;
const SEEDS = [11, 12, 13];
const LARGEST_R_HAT = 1.01;
const LARGEST_K = 0.7;

async function ksOf(posteriors: readonly Posterior[], { exact }: Reference, D: number): Promise<PooledKs> {
  const statistics: number[] = [];
  for (const [i, posterior] of posteriors.entries())
    for (const seed of SEEDS) statistics.push(...ksPerParameter(await posterior.sample(DRAWS, { seed }), exact[i], D));
  return pool(statistics);
}

const f = (x: number, digits = 3): string => x.toFixed(digits);
const ksText = ({ mean, median, p90, max }: PooledKs): string => `${f(mean, 4)} / ${f(median)} / ${f(p90)} / ${f(max)}`;

async function chainsRow(
  name: string,
  problem: Problem,
  from: string,
  starts: readonly Correctable[],
  reference: Reference,
) {
  const N = reference.y.length;
  const began = performance.now();
  const posteriors = await nuts(problem, reference.y, { start: starts });
  const seconds = (performance.now() - began) / 1000;
  const agreed = posteriors.filter(({ diagnostics }) => diagnostics.rHat <= LARGEST_R_HAT);
  const flagged = posteriors.filter((p) => !(p.diagnostics.rHat <= LARGEST_R_HAT) && p.warning !== undefined);
  const warned = posteriors.filter((p) => p.warning !== undefined);
  const sum = (of: (p: SampledPosterior) => number): number => posteriors.reduce((total, p) => total + of(p), 0);
  const ess = sum((p) => p.diagnostics.essBulk);
  const worst = Math.max(...posteriors.map(({ diagnostics }) => diagnostics.rHat));
  return [
    `${name}, NUTS from ${from}`,
    ksText(await ksOf(posteriors, reference, problem.D)),
    `R̂ ≤ 1.01 for ${agreed.length} of ${N} (largest ${f(worst)}), ${flagged.length} of the others flagged; ${warned.length} warnings`,
    `${f(seconds / N, 2)} s each, ${f(sum((p) => p.diagnostics.evaluations) / N / 1000, 1)}k evaluations, bulk ESS ${f(ess / N, 0)}: ${f((1000 * seconds) / ess)} s per 1000`,
  ];
}

async function weightsRow(
  name: string,
  { D }: Problem,
  from: string,
  starts: readonly Correctable[],
  reference: Reference,
) {
  const N = starts.length;
  const corrected: CorrectedPosterior[] = [];
  for (const posterior of starts) corrected.push(await posterior.correct({ method: "psis" }));
  const high = corrected.filter(({ kHat }) => !((kHat as number) <= LARGEST_K)).length;
  const spent = corrected.slice(1).reduce((sum, { seconds }) => sum + seconds, 0);
  return [
    `${name}, PSIS from ${from}`,
    ksText(await ksOf(corrected, reference, D)),
    `k̂ > 0.7: ${high} of ${N}; uncorrected ${ksText(await ksOf(starts, reference, D))}`,
    `${f((1000 * spent) / (N - 1), 1)} ms each (${f(1000 * corrected[0].seconds, 0)} for the first, with compilation), ${corrected[0].evaluations} draws`,
  ];
}

async function rowsOf(name: string, one: Case, folder: string): Promise<string[][]> {
  const problem = one.problem(folder);
  const reference = readReference(`${folder}/${name}`, problem.D);
  const starts = await one.start(problem, reference.y);
  const weights = await weightsRow(name, problem, one.from, starts, reference);
  return one.weightsAlone ? [weights] : [await chainsRow(name, problem, one.from, starts, reference), weights];
}

export async function nutsBench(args: { reference?: string; only?: string }): Promise<void> {
  const folder = referenceFolder(args.reference);
  console.log(hardware());
  for (const name of args.only?.split(",") ?? Object.keys(cases)) {
    if (!Object.hasOwn(cases, name))
      throw new Error(`bench nuts: expected ${Object.keys(cases).join(", ")}, got "${name}"`);
    if (folder === null || !existsSync(`${folder}/${name}`))
      console.log(`${name}: not run: its exact draws are in the reference folder`);
    else console.log(table(await rowsOf(name, cases[name], folder)));
  }
}
