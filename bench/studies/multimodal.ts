/**
 * Posteriors of several modes: a Gaussian guide, a mixture of Gaussians, couplings and splines on two moons, a peak on a broad
 * foot, four quadrants, and an arm that turns to any side, against exact draws. A Gaussian cannot hold them, whatever it is
 * trained with; the question is who can.
 */
import * as Plot from "@observablehq/plot";
import { column } from "../../examples/plots/answer.ts";
import { colour, document, dots } from "../../examples/plots/svg.ts";
import { coupling, gaussian, mixture, type Problem, spline } from "../../src/index.ts";
import { twoMoons } from "../../src/problems/index.ts";
import { saveFigure } from "./figure.ts";
import { columns, evaluate, judgeTruth, type Method, markdown, type Outcome, titles } from "./judge.ts";
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
      train: { ...base, guide: mixture({ components: 16, hidden: [64, 64, 64] }), steps: Math.ceil(8000 * more) },
    },
    {
      name: "coupling",
      train: {
        ...base,
        guide: coupling({ blocks: 8, hidden: [64, 64], activation: "silu", separate: false }),
        steps: Math.ceil(5000 * more),
      },
    },
    { name: "spline", train: { ...base, guide: spline(), steps: Math.ceil(8000 * more) } },
  ];
}

interface Shown {
  readonly problem: Problem;
  /** The two parameters that the figure shows, and what of them it spans. */
  readonly axes: readonly [number, number];
  readonly span: (truth: Float32Array) => readonly [readonly [number, number], readonly [number, number]];
  /** Which observation is shown. */
  readonly at: number;
}
const fixedSpan =
  (reach: number): Shown["span"] =>
  () => [
    [-reach, reach],
    [-reach, reach],
  ];
/** About the exact draws. */
const around =
  (D: number, axes: readonly [number, number]): Shown["span"] =>
  (truth) =>
    axes.map((d) => {
      const sorted = column(truth, d, D).sort();
      const [low, high] = [sorted[Math.floor(0.01 * sorted.length)], sorted[Math.floor(0.99 * sorted.length)]];
      return [low - 0.25 * (high - low), high + 0.25 * (high - low)] as const;
    }) as unknown as ReturnType<Shown["span"]>;

const shown: readonly Shown[] = [
  { problem: twoMoons, axes: [0, 1], span: around(2, [0, 1]), at: 2 },
  { problem: twoScales, axes: [0, 1], span: around(2, [0, 1]), at: 0 },
  { problem: quadrants, axes: [0, 1], span: fixedSpan(2.4), at: 5 },
  { problem: armWide, axes: [1, 2], span: fixedSpan(5), at: 1 },
];

function scatter(
  draws: Float32Array,
  { problem: { D }, axes: [a, b] }: Shown,
  [x, y]: ReturnType<Shown["span"]>,
  exact: boolean,
) {
  return Plot.plot({
    document,
    width: 150,
    height: 150,
    margin: 0,
    x: { domain: x, axis: null },
    y: { domain: y, axis: null },
    marks: [
      dots(column(draws, a, D), column(draws, b, D), {
        fill: colour(exact ? "exact" : "learned"),
        radius: 0.9,
        opacity: 0.6,
      }),
      Plot.frame({ stroke: colour("line") }),
    ],
  });
}

/** Which observation of a study shows best is the first of its index that there is. */
const pick = (cases: Cases, at: number): number => Math.min(at, cases.y.length - 1);

export async function multimodal({ full, folder, cases: count = OBSERVATIONS, quick }: StudyOptions): Promise<void> {
  const list = methods(quick ? 0.01 : full ? 4 : 1);
  const rows: string[][] = [];
  const panels: { title: string; plot: Element }[][] = [];
  for (const one of shown) {
    const cases = await makeCases(one.problem, count);
    const truth = judgeTruth(cases);
    if (truth) rows.push([one.problem.name, "exact, again", ...columns(truth)]);
    const outcomes: Outcome[] = [];
    for (const method of list) {
      const outcome = await evaluate(cases, method);
      outcomes.push(outcome);
      rows.push([one.problem.name, method.name, ...columns(outcome)]);
      console.error(rows[rows.length - 1].join("  "));
    }
    const at = pick(cases, one.at);
    const span = one.span(cases.truth[at]);
    panels.push(
      [cases.truth[at], ...outcomes.map(({ draws }) => draws[at])].map((draws, k) => ({
        title: panels.length === 0 ? NAMES[k] : "",
        plot: scatter(draws, one, span, k === 0),
      })),
    );
  }
  console.log(markdown([["problem", "guide", ...titles], ...rows]));
  saveFigure(
    {
      file: "multimodal.svg",
      description: "Draws of four posteriors of several modes: exact ones, and those of four guides",
      rows: panels,
      names: shown.map(({ problem }) => problem.name),
      caption: `${DRAWS} draws of one posterior a row; of the arm, its first two angles`,
    },
    folder,
  );
}
