/**
 * `npm run bench bad-guides [-- --only oscillator,arm,rod] [--cases 12]`: what a correction makes of a guide that is bad.
 *
 * The guides: an ELBO of 600 steps, a good guide whose draws are drawn to their mean by half, one that was never trained. The
 * measures: the pooled KS of 1000 corrected draws against 1000 exact ones, on fresh observations (bench/reference.ts), whose floor
 * for two exact samples is .039; and processor time against NUTS from Laplace's approximation alone, its search included, run
 * in turn on the same observation. What is compiled at a first use is left out of both.
 */
import { type InverseMap, infer, laplace, load, nuts, type Posterior, spline, train } from "../src/index.ts";
import { drawnSummary, makePosterior } from "../src/posterior/posterior.ts";
import type { Problem } from "../src/problem/problem.ts";
import { arm, rod } from "../src/problems.ts";
import { type CorrectedPosterior, correct } from "../src/sampling/correct.ts";
import { shippedModels } from "../src/store/shipped.ts";
import { oscillator } from "./oscillator.ts";
import { judge, ownReference, type Reference } from "./reference.ts";
import { cpuSeconds, hardware, table } from "./report.ts";

const kernels = "plain" as const;
const CASES = 12;
const LARGEST_R_HAT = 1.01;

/** q(θ) drawn to its mean by half: draws m + (θ − m)/2, density 2^D q(m + 2 (θ − m)). */
async function halved(posterior: Posterior, problem: Problem): Promise<Posterior> {
  const { mean } = posterior;
  const D = problem.D;
  const about = (theta: ArrayLike<number>, factor: number): Float64Array =>
    Float64Array.from(theta, (x, k) => mean[k % D] + factor * (x - mean[k % D]));
  const draw = async (count: number, seed: number): Promise<Float32Array> =>
    Float32Array.from(about(await posterior.sample(count, { seed }), 0.5));
  return makePosterior({
    prior: problem.prior,
    y: posterior.y,
    summary: drawnSummary(await draw(4096, 0), D),
    warning: undefined,
    draw,
    density: async (theta) => (await posterior.logProb(about(theta, 2))).map((l) => l + D * Math.LN2),
  });
}

type Guides = Readonly<Record<string, (y: ArrayLike<number>) => Promise<Posterior>>>;

async function guidesOf(problem: Problem): Promise<Guides> {
  const of = (map: InverseMap) => (y: ArrayLike<number>) => infer(map, y, { kernels });
  const common = {
    guide: spline({ bins: 8, embedding: [64, 64], hidden: [32, 32] }),
    seed: 1,
    kernels,
    onWarning: () => {},
  } as const;
  const good = of(
    shippedModels.includes(problem.name)
      ? await load(problem.name, { problem })
      : await train(problem, { ...common, steps: 4000 }),
  );
  return {
    "ELBO of 600 steps": of(await train(problem, { ...common, objective: "elbo", steps: 600 })),
    "sd halved": async (y) => halved(await good(y), problem),
    untrained: of(await train(problem, { ...common, steps: 1 })),
  };
}

/** One way to a posterior, with what it has cost. */
interface Run {
  readonly posterior: Posterior;
  readonly seconds: number;
  readonly evaluations: number;
  readonly rHat: number | null;
  readonly method: string;
}

async function timed(work: () => Promise<Omit<Run, "seconds">>): Promise<Run> {
  const before = cpuSeconds();
  const done = await work();
  return { ...done, seconds: cpuSeconds() - before };
}

async function runsOf(problem: Problem, reference: Reference): Promise<Record<string, Run[]>> {
  const guides = await guidesOf(problem);
  const runs: Record<string, Run[]> = {};
  for (const [i, row] of [reference.y[0], ...reference.y].entries()) {
    const y = Float64Array.from(row);
    const keep = (name: string, run: Run): void => {
      if (i > 0) (runs[name] ??= []).push(run); // the first compiles
    };
    keep(
      "NUTS from Laplace",
      await timed(async () => {
        const posterior = await nuts(problem, y, { kernels, seed: i, start: await laplace(problem, y, { kernels }) });
        const { evaluations, rHat } = posterior.diagnostics;
        return { posterior, evaluations, rHat, method: "nuts" };
      }),
    );
    for (const [name, guide] of Object.entries(guides)) {
      const posterior = await guide(y);
      await posterior.logProb(posterior.mean); // compiles, at the first
      const run = await timed(async () => {
        const source = { owner: problem.name, problem, D: problem.D, posterior, backend: { kernels } };
        const c: CorrectedPosterior = await correct(source, { seed: i, budget: 1000 });
        return {
          posterior: c,
          evaluations: c.evaluations,
          rHat: c.diagnostics?.rHat ?? null,
          method: c.warning === undefined ? c.method : `${c.method}, warned`,
        };
      });
      keep(name, run);
    }
    console.error(
      `${problem.name} ${i}: ${Object.entries(runs)
        .map(([n, r]) => `${n} ${r.at(-1)?.method} ${r.at(-1)?.seconds.toFixed(2)} s R̂ ${r.at(-1)?.rHat?.toFixed(3)}`)
        .join("; ")}`,
    );
  }
  return runs;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

async function rowsOf(problem: Problem, count: number): Promise<string[][]> {
  const reference = await ownReference(problem, count);
  const runs = await runsOf(problem, reference);
  const [alone] = Object.values(runs);
  const rows: string[][] = [];
  for (const [name, all] of Object.entries(runs)) {
    const { ks } = await judge(
      all.map(({ posterior }) => posterior),
      problem,
      reference,
    );
    const ratio = (of: (run: Run) => number): string => (sum(all.map(of)) / sum(alone.map(of))).toFixed(2);
    const methods = [...new Set(all.map(({ method }) => method))].map(
      (method) => `${all.filter((r) => r.method === method).length} ${method}`,
    );
    const apart = all.filter(({ rHat }) => rHat !== null && !(rHat <= LARGEST_R_HAT)).length;
    rows.push([
      `${problem.name}, ${name}`,
      `KS ${ks.mean.toFixed(4)}, largest ${ks.max.toFixed(3)}`,
      `time ${ratio((r) => r.seconds)}×, evaluations ${ratio((r) => r.evaluations)}× (${(sum(all.map((r) => r.seconds)) / count).toFixed(2)} s each)`,
      `${methods.join(", ")}; R̂ > 1.01: ${apart}`,
    ]);
  }
  return rows;
}

export async function badGuides(args: { only?: string; cases?: string }): Promise<void> {
  const problems: Readonly<Record<string, Problem>> = { oscillator, arm, rod };
  console.log(hardware());
  for (const name of args.only?.split(",") ?? Object.keys(problems)) {
    if (!Object.hasOwn(problems, name))
      throw new Error(`bench bad-guides: expected ${Object.keys(problems).join(", ")}, got "${name}"`);
    console.log(table(await rowsOf(problems[name], Number(args.cases ?? CASES))));
  }
}
