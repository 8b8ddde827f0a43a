/**
 * `npm run bench paper [-- --reference DIR] [--only arm,rod-paper,…] [--methods guide,…] [--cases N] [--train]`: the figures of
 * arXiv 2305.20004 and ours side by side, as a table in Markdown.
 *
 * DIR has the paper's observations and networks with exact draws (its README describes the format); `rod-paper` and `eit-paper` use
 * these networks as forward model, as the paper's own figures do. Without DIR, observations are simulated, and their reference is
 * exact draws, quadrature or importance sampling; the paper's figures for its own observations stand beside them.
 *
 *   KS          draws against exact ones (reference.ts)
 *   re-simul.   mean distance of the draws' data from those of the true parameters
 *   KL          KL(q ‖ p) = E_q [log q(θ | y) − log p(y, θ)] + log p(y), mean (median), log p(y) from the correction's weights
 *   training    seconds: wall time from the file of a shipped model, or processor time of a training here
 *   time        processor milliseconds of one posterior and 1000 draws, warm, without training and compilation
 *
 * The guides are the models that the package ships; those of `rod-paper` and `eit-paper`, and all with --train, are trained first.
 */
import { existsSync } from "node:fs";
import { klDivergence } from "../src/diagnostics/kl.ts";
import {
  type AmortisedPosterior,
  type CorrectedPosterior,
  type InverseMap,
  infer,
  laplace,
  load,
  nuts,
  type Posterior,
  shippedModels,
} from "../src/index.ts";
import type { Problem } from "../src/problem/problem.ts";
import { arm, eit, rod } from "../src/problems.ts";
import { paperEit, paperRod } from "./paper.ts";
import { type Figures, figures } from "./paper-figures.ts";
import { DRAWS, judge, ownReference, type Reference, readReference, timedTrain } from "./reference.ts";
import { cpuSeconds, hardware } from "./report.ts";
import { markdown, number } from "./studies/judge.ts";

interface Subject {
  readonly problem: (folder: string) => Problem;
  /** Whether its forward model is in the reference folder. */
  readonly networks?: boolean;
  /** Observations with chains: all, or as many as do not take hours. */
  readonly chains?: number;
}

const subjects: Readonly<Record<string, Subject>> = {
  arm: { problem: () => arm },
  "rod-paper": { problem: paperRod, networks: true },
  "eit-paper": { problem: paperEit, networks: true },
  rod: { problem: () => rod },
  eit: { problem: () => eit, chains: 4 },
};

type Row = Partial<Figures> & {
  readonly method: string;
  /** Seconds of training. */
  readonly training?: number;
};

/** Inputs for one problem. Corrections come after guides, because their weights give log p(y). */
interface Bench {
  readonly problem: Problem;
  readonly reference: Reference;
  readonly map: InverseMap;
  readonly seconds: number;
  readonly chains: number;
  readonly posteriors: readonly AmortisedPosterior[];
  /** Of all observations. */
  readonly corrected: readonly CorrectedPosterior[];
  /** Processor milliseconds of each correction. */
  readonly costs: readonly number[];
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

/** Processor milliseconds per observation: posteriors by `make`, and draws of each. The first is made twice, to compile. */
async function timed<P extends Posterior>(
  y: Reference["y"],
  make: (rows: Reference["y"]) => Promise<readonly P[]>,
): Promise<{ posteriors: readonly P[]; ms: number }> {
  for (const posterior of await make(y.slice(0, 1))) await posterior.sample(DRAWS, { seed: 1 });
  const before = cpuSeconds();
  const posteriors = await make(y);
  for (const posterior of posteriors) await posterior.sample(DRAWS, { seed: 1 });
  return { posteriors, ms: ((cpuSeconds() - before) * 1000) / y.length };
}

/** KL(q ‖ p) over the observations, in nats. */
async function divergences(posteriors: readonly Posterior[], { corrected }: Bench): Promise<Figures["kl"]> {
  const out: number[] = [];
  for (const [i, q] of posteriors.entries())
    out.push((await klDivergence(q, (theta) => corrected[i].logProb(theta), { draws: DRAWS, seed: 1000 + i })).value);
  return { mean: mean(out), median: median(out) };
}

/** Makers of the rows of a problem, in order. */
const methods: Readonly<Record<string, (bench: Bench) => Promise<Row>>> = {
  exact: async ({ problem, reference }) => {
    const { exact, again } = reference;
    // Re-simulation of the reference draws, and KS of an independent set against them.
    const posteriors = (again ?? exact).map((draws) => ({ sample: async () => draws }));
    const { ks, resimulation } = await judge(posteriors, problem, reference);
    return { method: "exact draws", ks: again ? ks : undefined, resimulation, note: reference.from };
  },
  guide: async (bench) => {
    const { problem, reference, map, seconds } = bench;
    const { ms } = await timed(reference.y, (y) => infer(map, y, { draws: 2 }));
    const { posteriors } = bench;
    return {
      method: `guide (${map.spec.guide.name}, default preset)`,
      ...(await judge(posteriors, problem, reference)),
      kl: await divergences(posteriors, bench),
      training: seconds,
      ms,
      note: warned(posteriors),
    };
  },
  corrected: async ({ problem, reference, corrected, costs }) => {
    const weighed = costs.filter((_, i) => corrected[i].method === "psis");
    const chained = costs.filter((_, i) => corrected[i].method === "nuts");
    const above = corrected.filter(({ kHat }) => !((kHat as number) <= 0.7)).length;
    const told = chained.length > 0 ? ` (${(mean(chained) / 1000).toFixed(1)} s each)` : "";
    return {
      method: "guide, then correct()",
      ...(await judge(corrected, problem, reference)),
      ms: mean(weighed),
      note: `weights for ${weighed.length}, chains for ${chained.length}${told}; k̂ > 0.7 for ${above}`,
    };
  },
  nuts: async ({ problem, reference, posteriors, chains }) => {
    const [y, start] = [reference.y.slice(0, chains), posteriors.slice(0, chains)];
    const before = cpuSeconds();
    const sampled = await nuts(problem, y, { start });
    const ms = ((cpuSeconds() - before) * 1000) / y.length;
    const agreed = sampled.filter(({ diagnostics }) => diagnostics.rHat <= 1.01).length;
    const ess = mean(sampled.map(({ diagnostics }) => diagnostics.essBulk));
    const few = y.length < reference.y.length ? `the first ${y.length}; ` : "";
    return {
      method: "NUTS from the guide, 8 × 500",
      ...(await judge(sampled, problem, reference)),
      ms,
      note: `${few}R̂ ≤ 1.01 for ${agreed} of ${y.length}, bulk ESS ${ess.toFixed(0)}`,
    };
  },
  laplace: async (bench) => {
    const { problem, reference } = bench;
    const { posteriors, ms } = await timed(reference.y, (y) => laplace(problem, y));
    const judged = await judge(posteriors, problem, reference);
    return { method: "Laplace", ...judged, kl: await divergences(posteriors, bench), ms };
  },
};

function warned(posteriors: readonly Posterior[]): string | undefined {
  const count = posteriors.filter(({ warning }) => warning !== undefined).length;
  return count > 0 ? `${count} flagged as far from the simulations` : undefined;
}

/** The guide of a problem: the shipped one, or one that is trained now. */
async function mapOf(problem: Problem, anew: boolean): Promise<{ map: InverseMap; seconds: number }> {
  if (anew || !shippedModels.includes(problem.name)) return timedTrain(problem, { preset: "default" });
  const map = await load(problem.name, { problem });
  return { map, seconds: map.spec.training.seconds };
}

async function prepare(problem: Problem, reference: Reference, anew: boolean, chains: number): Promise<Bench> {
  const { map, seconds } = await mapOf(problem, anew);
  // Each observation has its own draws, because corrections weight them.
  const posteriors: AmortisedPosterior[] = [];
  for (const [i, y] of reference.y.entries()) posteriors.push(await infer(map, y, { seed: i }));
  await posteriors[0].correct({ method: "psis" }); // compiles
  const [corrected, costs]: [CorrectedPosterior[], number[]] = [[], []];
  for (const [seed, posterior] of posteriors.entries()) {
    const before = cpuSeconds();
    corrected.push(await posterior.correct({ seed }));
    costs.push((cpuSeconds() - before) * 1000);
  }
  return { problem, reference, map, seconds, chains, posteriors, corrected, costs };
}

const four = (x: number): string => x.toFixed(4).replace(/^0(?=\.)/, "");
const time = (ms: number): string =>
  ms >= 2000 ? `${(ms / 1000).toPrecision(3)} s` : `${Number(ms.toPrecision(2))} ms`;

const TITLES = ["problem", "method", "KS mean / median / p90 / max", "re-simul.", "KL", "training", "time", ""];
const cellsOf = (problem: string, { method, ks, resimulation, kl, training, ms, note = "" }: Row): string[] => [
  problem,
  method,
  ks ? [ks.mean, ks.median, ks.p90, ks.max].map(number).join(" / ") : "",
  resimulation === undefined ? "" : four(resimulation),
  kl ? `${number(kl.mean)} (${number(kl.median)})` : "",
  training === undefined ? "" : `${training.toFixed(0)} s`,
  ms === undefined ? "" : time(ms),
  note,
];

export interface PaperArguments {
  readonly reference?: string;
  readonly only?: string;
  readonly methods?: string;
  readonly cases?: string;
  /** Trains all guides, also those that the package ships. */
  readonly train?: boolean;
}

/** The requested names, by default all. @throws on an unknown name. */
function pick(option: string, given: string | undefined, known: readonly string[]): readonly string[] {
  const names = given?.split(",") ?? known;
  const odd = names.find((name) => !known.includes(name));
  if (odd !== undefined) throw new Error(`--${option}: expected ${known.join(", ")}, got "${odd}"`);
  return names;
}

/** Prints the table. @throws on unknown names, and if the given folder does not exist. */
export async function paperTable(args: PaperArguments): Promise<void> {
  const { reference: folder, cases, train: anew = false } = args;
  const names = pick("only", args.only, Object.keys(subjects));
  const wanted = pick("methods", args.methods, Object.keys(methods));
  const count = cases === undefined ? undefined : Number(cases);
  if (count !== undefined && !(Number.isInteger(count) && count >= 1))
    throw new Error(`--cases: expected a whole number of at least 1, got "${cases}"`);
  if (folder !== undefined && !existsSync(folder)) throw new Error(`--reference: expected a folder, got "${folder}"`);
  console.log(hardware());
  const rows: string[][] = [];
  for (const name of names) {
    const { problem: problemOf, networks = false, chains = Number.POSITIVE_INFINITY } = subjects[name];
    if (networks && folder === undefined) {
      console.log(`${name}: not run: its networks are in the reference folder`);
      rows.push(...(figures[name] ?? []).map((row) => cellsOf(name, row)));
      continue;
    }
    const problem = problemOf(folder ?? "");
    const own = folder === undefined || !existsSync(`${folder}/${name}`);
    const reference = own ? await ownReference(problem, count) : readReference(`${folder}/${name}`, problem.D, count);
    console.log(`${name}: ${reference.y.length} observations, ${reference.from}`);
    const bench = await prepare(problem, reference, anew, chains);
    const made: Row[] = [...(figures[name] ?? [])];
    for (const method of wanted) {
      made.push(await methods[method](bench));
      console.error(cellsOf(name, made[made.length - 1]).join("  "));
    }
    rows.push(...made.map((row) => cellsOf(name, row)));
  }
  console.log(`\n${markdown([TITLES, ...rows])}`);
}
