/**
 * Real-time methods on the same problems: guides trained by NPE and by the ELBO, and Laplace's approximation, which is not
 * trained but solves for each observation. The ELBO uses the forward model's gradient, NPE only pairs; ELBO trainings have fewer
 * steps, because each evaluates `batch × particles` models.
 */
import {
  coupling,
  type Guide,
  gaussian,
  mixture,
  type Problem,
  simulate,
  spline,
  TrainingStopped,
  type TrainOptions,
} from "../../src/index.ts";
import { arm, eit, rod } from "../../src/problems.ts";
import { chart, hue, KS_SPAN, saveFigure } from "./figure.ts";
import { attempt, columns, judgeTruth, type Method, markdown, type Outcome, titles } from "./judge.ts";
import type { StudyOptions } from "./options.ts";
import { makeCases } from "./truth.ts";

const OBSERVATIONS = 40;
const GUIDES: Readonly<Record<string, () => Guide>> = {
  gaussian: () => gaussian({ hidden: [96, 96] }),
  mixture: () => mixture({ components: 8, hidden: [96, 96] }),
  coupling: () => coupling({ blocks: 6, hidden: [64, 64], activation: "silu", separate: false, base: "linear" }),
  spline: () => spline({ bins: 16, embedding: [96, 96], hidden: [48, 48] }),
};

interface Plan {
  readonly problem: Problem;
  readonly npe: TrainOptions;
  readonly elbo: TrainOptions;
  /** Guides that the ELBO trains here. */
  readonly byElbo: readonly string[];
}

async function plans(more: number): Promise<Plan[]> {
  const npe = { batch: 256, rate: 3e-3, steps: Math.ceil(6000 * more) };
  const elbo = { objective: "elbo", batch: 32, particles: 8, rate: 2e-3, steps: Math.ceil(3000 * more) } as const;
  // One bank serves all that train by NPE on the plate: solving takes longer than learning.
  const { theta, clean } = await simulate(eit, Math.max(200, Math.ceil(20_000 * Math.min(more, 3))), { seed: 4711 });
  return [
    { problem: arm, npe, elbo, byElbo: Object.keys(GUIDES) },
    { problem: rod, npe, elbo, byElbo: Object.keys(GUIDES) },
    {
      problem: eit,
      npe: { ...npe, bank: { theta, y: clean } },
      elbo: { ...elbo, batch: 16, particles: 4, steps: Math.ceil(600 * more) },
      byElbo: ["gaussian"],
    },
  ];
}

const methodsOf = ({ npe, elbo, byElbo }: Plan): Method[] => [
  { name: "Laplace", train: null },
  ...Object.entries(GUIDES).flatMap(([name, guide]) => [
    { name: `${name}, NPE`, train: { ...npe, guide: guide() } },
    ...(byElbo.includes(name) ? [{ name: `${name}, ELBO`, train: { ...elbo, guide: guide() } }] : []),
  ]),
];

const none = titles.slice(1).map(() => "");

export async function methods({ full, folder, cases: count = OBSERVATIONS, quick }: StudyOptions): Promise<void> {
  const rows: string[][] = [];
  const panels: { title: string; plot: Element }[] = [];
  const kinds = ["Laplace", ...Object.keys(GUIDES)];
  for (const plan of await plans(quick ? 0.01 : full ? 6 : 1)) {
    const { problem } = plan;
    const cases = await makeCases(problem, count);
    console.log(`${problem.name}: ${cases.how}`);
    const exact = judgeTruth(cases);
    if (exact) rows.push([problem.name, "exact, again", ...columns(exact)]);
    const outcomes: Outcome[] = [];
    for (const method of methodsOf(plan)) {
      const o = await attempt(cases, method);
      if (o instanceof TrainingStopped) rows.push([problem.name, method.name, `diverged at step ${o.step}`, ...none]);
      else {
        outcomes.push(o);
        rows.push([problem.name, method.name, ...columns(o)]);
      }
      console.error(rows[rows.length - 1].join("  "));
    }
    const points = outcomes.map((o) => ({
      name: o.method,
      hue: hue(kinds.indexOf(o.method.split(",")[0])),
      hollow: o.method.endsWith("ELBO"),
      points: [[Math.max(o.ms, 0.01), o.ks.mean] as const],
    }));
    panels.push({
      title: problem.name,
      plot: chart(points, {
        x: { label: "infer and 1000 draws (ms)", log: true },
        y: { label: "KS, mean", log: true, domain: KS_SPAN },
        rule: 0.039,
        scatter: true,
      }),
    });
  }
  console.log(markdown([["problem", "method", ...titles], ...rows]));
  saveFigure(
    {
      file: "methods.svg",
      description:
        "Kolmogorov-Smirnov statistic against milliseconds per observation for nine methods on three problems",
      rows: [panels],
      keys: kinds.map((name, i) => ({ name, hue: hue(i) })),
      caption: "filled: NPE, or no training · hollow: ELBO · dashed: two exact samples of 1000",
    },
    folder,
  );
}
