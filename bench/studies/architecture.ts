/**
 * Depth, width, activation and kind of the guide: short trainings of one schedule on the arm, the rod and the plate, judged
 * by KS against true posteriors and by the loss on the parameters that data were made from, with the processor time of each.
 * The whole grid of depth and width is trained with SiLU; activations are compared at its middle.
 */
import {
  coupling,
  type Guide,
  gaussian,
  mixture,
  type Problem,
  simulate,
  spline,
  type TrainOptions,
} from "../../src/index.ts";
import type { ActivationName } from "../../src/nn/mlp.ts";
import { arm, eit, rod } from "../../src/problems.ts";
import { chart, hue, KS_SPAN, type Panel, saveFigure } from "./figure.ts";
import { evaluate, judgeTruth, markdown, number, type Outcome } from "./judge.ts";
import type { StudyOptions } from "./options.ts";
import { type Cases, makeCases } from "./truth.ts";

const OBSERVATIONS = 24;
const DEPTHS = [1, 2, 3];
const WIDTHS = [16, 64, 128];
const MIDDLE = { depth: 2, width: 64 };
const ACTIVATIONS: readonly ActivationName[] = ["silu", "relu", "tanh"];

/** A guide of so many hidden layers of a width. */
const KINDS: Readonly<Record<string, (hidden: number[], activation: ActivationName) => Guide>> = {
  gaussian: (hidden, activation) => gaussian({ hidden, activation }),
  mixture: (hidden, activation) => mixture({ components: 6, hidden, activation }),
  coupling: (hidden, activation) => coupling({ blocks: 4, hidden, activation, separate: false }),
  spline: (hidden, activation) => spline({ bins: 12, embedding: hidden, hidden, activation }),
};

interface Network {
  readonly kind: string;
  readonly depth: number;
  readonly width: number;
  readonly activation: ActivationName;
}
const networks: readonly Network[] = Object.keys(KINDS).flatMap((kind) => [
  ...DEPTHS.flatMap((depth) => WIDTHS.map((width) => ({ kind, depth, width, activation: "silu" as const }))),
  ...ACTIVATIONS.slice(1).map((activation) => ({ kind, ...MIDDLE, activation })),
]);

type Row = Outcome & Network & { readonly problem: string };

/** Trains all networks on the cases of one problem. */
async function train(cases: Cases, options: TrainOptions, some: readonly Network[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const network of some) {
    const { kind, depth, width, activation } = network;
    const guide = KINDS[kind](new Array<number>(depth).fill(width), activation);
    const name = `${kind} ${depth} × ${width} ${activation}`;
    const outcome = await evaluate(cases, { name, train: { ...options, guide } });
    rows.push({ ...outcome, ...network, problem: cases.problem.name });
    console.error(`${cases.problem.name}  ${name}  KS ${number(outcome.ks.mean)}  ${outcome.seconds.toFixed(1)} s`);
  }
  return rows;
}

const seconds = ({ seconds: s }: Row): string => s.toFixed(s < 9.95 ? 1 : 0);
const cell = (row: Row | undefined): string => (row ? `${number(row.ks.mean)} / ${seconds(row)} s` : "");

export async function architecture({ full, folder, cases: count = OBSERVATIONS, quick }: StudyOptions): Promise<void> {
  const more = quick ? 0.01 : full ? 5 : 1;
  const options = { batch: 128, rate: 4e-3, steps: Math.ceil(2500 * more) };
  const plate = await simulate(eit, Math.max(200, Math.ceil(20_000 * Math.min(more, 3))), { seed: 4711 });
  const plans: readonly (readonly [Problem, TrainOptions])[] = [
    [arm, options],
    [rod, options],
    [eit, { ...options, bank: { theta: plate.theta, y: plate.clean } }],
  ];
  const some = quick ? networks.filter(({ width, depth }) => width === 16 && depth === 1) : networks;
  const rows: Row[] = [];
  for (const [problem, own] of plans) {
    const cases = await makeCases(problem, count);
    const exact = judgeTruth(cases);
    console.log(`${problem.name}: ${cases.how}${exact ? `; KS of exact draws ${number(exact.ks.mean)}` : ""}`);
    rows.push(...(await train(cases, own, some)));
  }
  const find = (problem: string, kind: string, depth: number, width: number, activation = "silu"): Row | undefined =>
    rows.find(
      (r) =>
        r.problem === problem &&
        r.kind === kind &&
        r.depth === depth &&
        r.width === width &&
        r.activation === activation,
    );
  const names = plans.map(([{ name }]) => name);
  console.log("Mean KS / processor seconds of training, with SiLU:\n");
  const grid = names.flatMap((problem) =>
    Object.keys(KINDS).flatMap((kind) =>
      DEPTHS.map((depth) => [
        problem,
        kind,
        `${depth}`,
        ...WIDTHS.map((width) => cell(find(problem, kind, depth, width))),
      ]),
    ),
  );
  console.log(markdown([["problem", "guide", "hidden layers", ...WIDTHS.map((w) => `${w} wide`)], ...grid]));
  console.log(`\nActivations, ${MIDDLE.depth} hidden layers of ${MIDDLE.width}:\n`);
  const acts = names.flatMap((problem) =>
    Object.keys(KINDS).map((kind) => [
      problem,
      kind,
      ...ACTIVATIONS.map((a) => cell(find(problem, kind, MIDDLE.depth, MIDDLE.width, a))),
    ]),
  );
  console.log(markdown([["problem", "guide", ...ACTIVATIONS], ...acts]));
  const panels = names.map(
    (problem): Panel => ({
      title: problem,
      plot: chart(
        Object.keys(KINDS).map((kind, i) => ({
          name: kind,
          hue: hue(i + 1),
          points: rows
            .filter((r) => r.problem === problem && r.kind === kind && r.activation === "silu")
            .map((r) => [r.seconds, r.ks.mean] as const),
        })),
        {
          x: { label: "training (s)", log: true },
          y: { label: "KS, mean", log: true, domain: KS_SPAN },
          rule: 0.039,
          scatter: true,
        },
      ),
    }),
  );
  saveFigure(
    {
      file: "architecture.svg",
      description:
        "Kolmogorov-Smirnov statistic against seconds of training for networks of many sizes, four guides, three problems",
      rows: [panels],
      keys: Object.keys(KINDS).map((name, i) => ({ name, hue: hue(i + 1) })),
      caption: `one point per network: 1 to 3 hidden layers of 16 to 128, SiLU, ${options.steps} steps · dashed: two exact samples`,
    },
    folder,
  );
}
