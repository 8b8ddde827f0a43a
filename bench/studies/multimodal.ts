/**
 * Posteriors of several modes: a Gaussian guide, a mixture of Gaussians, couplings and splines on two moons, a peak on a broad
 * base, four quadrants, and an arm that turns to any side, against exact draws. A Gaussian cannot describe them; the study shows
 * which guides can.
 */
import * as Plot from "@observablehq/plot";
import { coupling, gaussian, mixture, type Problem, spline } from "../../src/index.ts";
import { columnOf } from "../../src/numbers/moments.ts";
import { twoMoons } from "../../src/problems.ts";
import { colour, document, dots } from "../../src/report/svg.ts";
import { saveFigure } from "./figure.ts";
import { astray, columns, evaluate, judgeTruth, type Method, markdown, type Outcome, titles } from "./judge.ts";
import type { StudyOptions } from "./options.ts";
import { armWide, quadrants, twoScales } from "./problems.ts";
import { type Cases, DRAWS, makeCases } from "./truth.ts";

const OBSERVATIONS = 40;
const NAMES = ["exact", "gaussian", "mixture", "coupling", "spline"];

/** Methods by name; `more` multiplies the steps. */
function methods(more: number): Method[] {
  const base = { batch: 256, rate: 3e-3 };
  return [
    { name: "gaussian", train: { ...base, guide: gaussian({ hidden: [64, 64, 64] }), steps: Math.ceil(4000 * more) } },
    {
      name: "mixture",
      train: { ...base, guide: mixture({ components: 16, hidden: [64, 64, 64] }), steps: Math.ceil(12_000 * more) },
    },
    {
      name: "coupling",
      train: {
        ...base,
        guide: coupling({ blocks: 8, hidden: [64, 64], activation: "silu", separate: false }),
        steps: Math.ceil(8000 * more),
      },
    },
    { name: "spline", train: { ...base, guide: spline(), steps: Math.ceil(12_000 * more) } },
  ];
}

interface Shown {
  readonly problem: Problem;
  /** The two parameters that the figure shows. */
  readonly axes: readonly [number, number];
}
const shown: readonly Shown[] = [
  { problem: twoMoons, axes: [0, 1] },
  { problem: twoScales, axes: [0, 1] },
  { problem: quadrants, axes: [0, 1] },
  { problem: armWide, axes: [1, 2] },
];

/** The span of a parameter in a panel: nearly all exact draws, with a margin. */
function spanOf(truth: Float32Array, d: number, D: number): [number, number] {
  const sorted = columnOf(truth, D, d).sort();
  const [low, high] = [sorted[Math.floor(0.01 * sorted.length)], sorted[Math.floor(0.99 * sorted.length)]];
  return [low - 0.3 * (high - low), high + 0.3 * (high - low)];
}

/** The observation with the widest exact posterior, whose modes are separate. */
function widest({ truth }: Cases, { problem: { D }, axes }: Shown): number {
  const areas = truth.map((draws) =>
    axes.reduce((area, d) => {
      const [low, high] = spanOf(draws, d, D);
      return area * (high - low);
    }, 1),
  );
  return areas.indexOf(Math.max(...areas));
}

function scatter(draws: Float32Array, truth: Float32Array, { problem: { D }, axes: [a, b] }: Shown): Element {
  return Plot.plot({
    document,
    width: 150,
    height: 150,
    margin: 0,
    x: { domain: spanOf(truth, a, D), axis: null },
    y: { domain: spanOf(truth, b, D), axis: null },
    marks: [
      dots(columnOf(draws, D, a), columnOf(draws, D, b), {
        fill: colour(draws === truth ? "exact" : "learned"),
        radius: 0.9,
        opacity: 0.6,
      }),
      Plot.frame({ stroke: colour("line") }),
    ],
  });
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export async function multimodal({ full, folder, cases: count = OBSERVATIONS, quick }: StudyOptions): Promise<void> {
  const list = methods(quick ? 0.01 : full ? 4 : 1);
  const rows: string[][] = [];
  const panels: { title: string; plot: Element }[][] = [];
  for (const one of shown) {
    const cases = await makeCases(one.problem, count);
    const truth = judgeTruth(cases);
    if (truth && cases.again) {
      const share = percent(await astray(cases, cases.again));
      rows.push([one.problem.name, "exact, again", ...columns(truth), share]);
    }
    const outcomes: Outcome[] = [];
    for (const method of list) {
      const outcome = await evaluate(cases, method);
      outcomes.push(outcome);
      rows.push([one.problem.name, method.name, ...columns(outcome), percent(await astray(cases, outcome.draws))]);
      console.error(rows[rows.length - 1].join("  "));
    }
    const at = widest(cases, one);
    panels.push(
      [cases.truth[at], ...outcomes.map(({ draws }) => draws[at])].map((draws, k) => ({
        title: panels.length === 0 ? NAMES[k] : "",
        plot: scatter(draws, cases.truth[at], one),
      })),
    );
  }
  console.log(markdown([["problem", "guide", ...titles, "astray"], ...rows]));
  saveFigure(
    {
      file: "multimodal.svg",
      description: "Draws of four posteriors with several modes: exact draws, and those of four guides",
      rows: panels,
      names: shown.map(({ problem }) => problem.name),
      caption: `${DRAWS} draws of one posterior per row; for the arm, the first two angles`,
    },
    folder,
  );
}
