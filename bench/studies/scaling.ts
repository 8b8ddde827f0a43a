/**
 * Cost and accuracy against the number of parameters: the rod's coefficient by 5 to 100 modes of its Karhunen–Loève expansion,
 * read by the same nine sensors, so that ever more of the posterior is the prior. Its posteriors are nearly Gaussian, so
 * Laplace's approximation, which solves for each observation, is the standard for guides.
 */
import { coupling, gaussian, spline, TrainingStopped } from "../../src/index.ts";
import { rodOf } from "../../src/problems/rod.ts";
import { chart, hue, type Series, saveFigure } from "./figure.ts";
import { attempt, judgeTruth, type Method, markdown, milliseconds, number, type Outcome, signed } from "./judge.ts";
import type { StudyOptions } from "./options.ts";
import { makeCases } from "./truth.ts";

const OBSERVATIONS = 100;
const MODES = [5, 10, 20, 40, 70, 100];
/** Splines have a network for each parameter; with more parameters they would take as long as all other guides together. */
const MOST_SPLINES = 20;

function methods(D: number, more: number): Method[] {
  const steps = Math.ceil(6000 * more);
  const base = { batch: 128, rate: 3e-3, steps };
  const hidden = [128, 128];
  const flow = { blocks: 4, hidden, activation: "silu", separate: false } as const;
  return [
    { name: "Laplace", train: null },
    { name: "gaussian", train: { ...base, guide: gaussian({ hidden }) } },
    { name: "gaussian, linear base", train: { ...base, guide: gaussian({ hidden, base: "linear" }), bank: 40_000 } },
    { name: "coupling, linear base", train: { ...base, guide: coupling({ ...flow, base: "linear" }), bank: 40_000 } },
    ...(D <= MOST_SPLINES
      ? [{ name: "spline", train: { ...base, guide: spline({ bins: 8, embedding: [96, 96], hidden: [32, 32] }) } }]
      : []),
  ];
}

export async function scaling({ full, folder, cases: count = OBSERVATIONS, quick }: StudyOptions): Promise<void> {
  const outcomes: (Outcome & { readonly D: number })[] = [];
  const rows: string[][] = [];
  for (const D of quick ? MODES.slice(0, 2) : MODES) {
    const problem = rodOf({ name: `rod of ${D} modes`, D });
    const cases = await makeCases(problem, count);
    console.log(`${problem.name}: ${cases.how}`);
    const exact = judgeTruth(cases);
    if (exact) rows.push([`${D}`, "exact, again", number(exact.ks.mean)]);
    for (const method of methods(D, quick ? 0.01 : full ? 5 : 1)) {
      const o = await attempt(cases, method);
      if (o instanceof TrainingStopped) {
        rows.push([`${D}`, method.name, `diverged at step ${o.step}`, "", "", "", ""]);
        continue;
      }
      outcomes.push({ ...o, D });
      rows.push([
        `${D}`,
        method.name,
        `${number(o.ks.mean)} ± ${number(o.error)}`,
        `${signed(o.kl)} ± ${o.klError.toFixed(2)}`,
        signed(o.loss),
        o.seconds.toFixed(0),
        milliseconds(o.ms),
      ]);
      console.error(rows[rows.length - 1].join("  "));
    }
  }
  const titles = ["D", "method", "KS mean", "KL, nats", "−log q", "training, s", "ms per observation"];
  console.log(markdown([titles, ...rows]));
  const names = [...new Set(outcomes.map(({ method }) => method))];
  const series = (of: (o: Outcome) => number): Series[] =>
    names.flatMap((name, i) => {
      const points = outcomes.filter((o) => o.method === name && of(o) > 0).map((o) => [o.D, of(o)] as const);
      return points.length > 0 ? [{ name, hue: hue(i), points }] : [];
    });
  const x = { label: "modes of the coefficient", log: true, ticks: MODES };
  const panel = (title: string, of: (o: Outcome) => number, label: string) => ({
    title,
    plot: chart(series(of), { x, y: { label, log: true } }),
  });
  saveFigure(
    {
      file: "scaling.svg",
      description:
        "Divergence from the posterior, seconds of training and milliseconds per observation against the number of parameters",
      rows: [
        [
          panel("divergence from the posterior", (o) => o.kl, "KL (nats)"),
          panel("training", (o) => o.seconds, "processor time (s)"),
          panel("one observation", (o) => o.ms, "infer and 1000 draws (ms)"),
        ],
      ],
      keys: names.map((name, i) => ({ name, hue: hue(i) })),
      caption: `means over ${count} observations`,
    },
    folder,
  );
}
