// slow (34 s): evaluations against exact draws and chains
// Evaluation: quadrature against closed forms; models that are right, too narrow or untrained; refusals.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ksBound, ksOneSample } from "../src/diagnostics/ks.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { studentNoise } from "../src/distributions/noise/student.ts";
import { normal } from "../src/distributions/normal.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { evaluate } from "../src/evaluate/evaluate.ts";
import type { Evaluation } from "../src/evaluate/evaluation.ts";
import { LARGEST_ERROR, makeTable } from "../src/evaluate/table.ts";
import { verdictOf } from "../src/evaluate/verdict.ts";
import { constant, matmul, square } from "../src/graph/build.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import { linearGaussian } from "../src/problems.ts";
import { load, toBytes } from "../src/store/store.ts";
import { train } from "../src/train/train.ts";
import { outside, rejection, small } from "./helpers/maps.ts";

const kernels = "plain";
const DRAWS = 4000;
/** Abramowitz & Stegun 7.1.26 is good to 1.5e-7. */
function normalCdf(x: number): number {
  const t = 1 / (1 + 0.3275911 * (Math.abs(x) / Math.SQRT2));
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = 0.5 * poly * Math.exp((-x * x) / 2);
  return x > 0 ? 1 - tail : tail;
}
const column = (draws: ArrayLike<number>, D: number, d: number): Float64Array =>
  Float64Array.from({ length: draws.length / D }, (_, s) => draws[s * D + d]);
/** Exceeded by a right sample once in a million. */
const bound = ksBound(DRAWS, 1e-6);

for (const [what, noise, M] of [
  ["narrow", 0.02, 2],
  ["wide", 3, 2],
  ["of long data", 0.5, 100],
] as const) {
  test(`quadrature over two parameters draws from the closed form, ${what}`, async () => {
    // y_j = θ_(j mod 2) + noise: each parameter has M/2 data.
    const problem = defineProblem({
      name: "plane",
      prior: normal([1, -2], [0.5, 2]),
      forward: (theta) => {
        const copies = Array.from({ length: 2 * M }, (_, k) => ((k % M) % 2 === Math.floor(k / M) ? 1 : 0));
        return matmul(theta, constant(Float64Array.from(copies), theta.dtype, 2));
      },
      noise: gaussianNoise(noise),
    });
    const table = await makeTable(problem, { kernels });
    assert.ok(table.error < 1e-6, `${table.error}`); // straight lines are cubics
    const y = Float64Array.from({ length: M }, (_, j) => (j % 2 === 0 ? 1.3 : -2.7));
    const draws = await table.draw(y, DRAWS, 3);
    [
      [1, 0.5, 1.3],
      [-2, 2, -2.7],
    ].forEach(([mean, sd, datum], d) => {
      const precision = 1 / sd ** 2 + M / 2 / noise ** 2;
      const centre = (mean / sd ** 2 + ((M / 2) * datum) / noise ** 2) / precision;
      const ks = ksOneSample(column(draws, 2, d), (x) => normalCdf((x - centre) * Math.sqrt(precision)));
      assert.ok(ks < bound, `parameter ${d}: KS ${ks}, ${bound}`);
    });
    // Differences of the joint density are those of the formula.
    const at = [1.1, -2.2, 1.4, -3];
    const joint = await table.joint(at, y);
    const formula = (a: number, b: number): number =>
      -(((a - 1) / 0.5) ** 2 + ((b + 2) / 2) ** 2) / 2 - ((M / 4) * ((a - 1.3) ** 2 + (b + 2.7) ** 2)) / noise ** 2;
    const want = formula(at[2], at[3]) - formula(at[0], at[1]);
    assert.ok(Math.abs(joint[1] - joint[0] - want) < 1e-6 * (1 + Math.abs(want)), `${joint[1] - joint[0]}, ${want}`);
    table.dispose();
  });
}

test("quadrature over one parameter keeps within bounds, with any noise, and both modes", async () => {
  const problem = defineProblem({
    name: "well",
    prior: uniform([-2], [2]),
    forward: (theta) => square(theta),
    noise: studentNoise({ scale: 0.05, degrees: 4 }),
  });
  const table = await makeTable(problem, { kernels });
  assert.ok(table.error < LARGEST_ERROR, `${table.error}`);
  const draws = await table.draw([1], DRAWS, 1);
  assert.ok(draws.every((x) => x > -2 && x < 2));
  const left = draws.filter((x) => x < 0).length;
  assert.ok(Math.abs(left - DRAWS / 2) < 5 * Math.sqrt(DRAWS / 4), `${left} of ${DRAWS} in the left mode`);
  assert.ok(draws.every((x) => Math.abs(Math.abs(x) - 1) < 0.9));
  table.dispose();
});

/** A guide that is the posterior of the problem it is trained on, from its first step. */
const trained = (problem: Problem) =>
  train(problem, {
    guide: gaussian({ hidden: [], base: "laplace" }),
    ...{ bank: 400, steps: 1, rate: 1e-12, batch: 8, heldOut: 512, seed: 1, kernels },
  });
const few = { cases: 20, calibration: 400, draws: 500, seed: 3, kernels } as const;

test("a correct model is found sound with every reference; the evaluation is plain data", async () => {
  const map = await trained(linearGaussian);
  const stages = new Set<string>();
  for (const against of ["exact", "nuts"] as const) {
    const e = await evaluate(map, { ...few, against, onStage: (stage) => stages.add(stage) });
    assert.is(e.verdict.level, "sound", JSON.stringify(e.verdict));
    assert.is(e.against.name, against);
    assert.ok(e.ks !== null && e.ks.guide.mean < 1.15 * e.ks.guide.floor, `${e.ks?.guide.mean}`);
    assert.is(e.ks?.guide.statistics.length, few.cases);
    assert.is(e.weights?.above, 0);
    assert.ok(e.calibration.sbc.passed && e.calibration.coverage.passed && e.calibration.tarp.passed);
    assert.ok(e.resimulation !== null && Math.abs(e.resimulation.guide / e.resimulation.truth - 1) < 0.1);
    assert.is(e.examples.length >= 2, true);
    assert.is(e.examples[0].guide.length, 1000 * linearGaussian.D);
    assert.equal(e.losses, map.spec.training.curve);
  }
  assert.ok(
    ["ranks", "exact draws", "chains", "comparisons"].every((stage) => stages.has(stage)),
    [...stages].join(),
  );
});

test("a model that is too narrow, and one that knows the prior only, are not found sound", async () => {
  const { name, prior, forward } = linearGaussian;
  const sure = defineProblem({ name, prior, forward, noise: gaussianNoise(0.25) }); // half of what it is
  const map = await load(toBytes(await trained(sure)), { kernels, problem: sure });
  const narrow = await evaluate({ ...map, problem: sure }, { ...few, problem: linearGaussian });
  assert.is.not(narrow.verdict.level, "sound");
  assert.not.ok(narrow.calibration.sbc.passed);
  assert.ok(narrow.calibration.coverage.curves[0].reading.startsWith("overconfident"));
  assert.ok(narrow.ks !== null && narrow.ks.guide.mean > 1.5 * narrow.ks.guide.floor);

  const blind = await train(linearGaussian, {
    guide: gaussian({ hidden: [] }),
    ...{ steps: 1, rate: 1e-12, batch: 8, heldOut: 512, seed: 1, kernels },
  });
  const e = await evaluate(blind, few);
  assert.is(e.verdict.level, "doubtful");
  assert.ok(e.weights !== null && e.weights.above > 0.5, `${e.weights?.above}`);
});

test("two parameters are compared with quadrature; a simulator alone is calibrated without a reference posterior", async () => {
  const map = await trained(small);
  const e = await evaluate(map, few);
  assert.is(e.against.name, "quadrature");
  assert.match(e.against.text, /a table of \d+ solves/);
  const blackBox = outside(async (theta) => theta.map(([a, b]) => [a, b, a + b]));
  const guide = gaussian({ hidden: [], base: "linear" });
  const bank = { bank: 2000, heldOut: 500, steps: 1, rate: 1e-12, batch: 8, seed: 1, kernels } as const;
  const alone = await evaluate(await train(blackBox, { guide, ...bank }), few);
  assert.equal([alone.ks, alone.weights, alone.resimulation, alone.against.name], [null, null, null, "none"]);
  assert.is(alone.verdict.level, "sound");
  assert.match(alone.verdict.headline, /as far as simulations alone can tell\. Without a reference posterior, /);
  assert.is(JSON.stringify(alone).match(/reference/g)?.length, 1, "said once");
  assert.equal(
    alone.examples.map(({ title }) => title),
    ["first case"],
  );
});

test("it refuses what it cannot do, and says what it needs", async () => {
  const map = await trained(small);
  const file = await load(toBytes(map), { kernels });
  const cases: readonly [() => Promise<unknown>, RegExp][] = [
    [
      () => evaluate(file, few),
      /^evaluate: expected the problem that "small" was trained on, .*load\(file, \{ problem \}\), or evaluate with \{ problem \}$/,
    ],
    [() => evaluate(map, { ...few, against: "exact" }), /^evaluate: expected a problem with an exact sampler/],
    [
      () => evaluate(map, { ...few, against: "truth" as never }),
      /^evaluate: expected against to be one of "auto", "exact", .*got "truth"$/,
    ],
    [() => evaluate(map, { ...few, cases: 0 }), /cases/],
    [() => evaluate(map, { ...few, problem: linearGaussian }), /expected a problem of 2 parameters and 3 data/],
    [() => evaluate(map, { ...few, csaes: 3 } as never), /csaes/],
  ];
  for (const [promise, message] of cases) assert.match((await rejection(promise())).message, message);
});

test("an aborted evaluation ends with the signal's reason, whatever it is at", async () => {
  const map = await trained(linearGaussian);
  const slow = outside(async (theta) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return theta.map(([a, b]) => [a, b, a + b]);
  });
  for (const [stage, own, options] of [
    ["simulations", await trained(small), { problem: slow }],
    ["ranks", map, {}],
    ["exact draws", map, { against: "exact" }],
    ["chains", map, { against: "nuts" }],
    ["comparisons", map, {}],
  ] as const) {
    const controller = new AbortController();
    const stages: string[] = [];
    const onStage = (now: string): void => {
      stages.push(now);
      if (now === stage) controller.abort(new Error("enough"));
    };
    const error = await rejection(evaluate(own, { ...few, ...options, onStage, signal: controller.signal }));
    assert.is(error, controller.signal.reason, `${stage}: ${error.message}`);
    assert.is(stages[stages.length - 1], stage);
  }
});

test("all of an evaluation runs where it was asked to", async () => {
  const map = await trained(small);
  const asked: unknown[] = [];
  const executor: typeof map.executor = (name, options) => {
    asked.push(options?.threads);
    return map.executor(name, options);
  };
  const e = await evaluate({ ...map, executor }, { ...few, against: "none", threads: 2 });
  assert.ok(asked.length > 5 && asked.every((threads) => threads === 2), [...new Set(asked)].join());
  assert.is(e.device, "wasm plain, 2 threads");
  assert.is((await evaluate(map, { ...few, against: "none", kernels: undefined })).device, "wasm plain");
});

test("dropped simulations are no cases, and their number is reported", async () => {
  const partial = outside({
    run: (theta) => theta.map(([a, b]) => [a > 1 ? Number.NaN : a, b, a + b]), // a share of .16
    failures: "drop",
  });
  const guide = gaussian({ hidden: [], base: "linear" });
  const onWarning = (): void => {};
  const map = await train(partial, {
    ...{ guide, bank: 2000, heldOut: 500, steps: 1, rate: 1e-12, batch: 8, seed: 1, kernels, onWarning },
  });
  const e = await evaluate(map, { ...few, cases: 400 });
  assert.ok(e.dropped > 30 && e.dropped < 100, `${e.dropped}`);
  assert.is(e.calibration.cases, 400 - e.dropped);
  assert.is(e.cases, 400 - e.dropped);
  assert.is((await evaluate(map, few)).cases, few.cases);
});

/** Numbers as an evaluation has them, for the verdict alone. */
function numbers(change: { guide?: number; corrected?: number | null; above?: number; passed?: boolean }) {
  const { guide = 0.04, corrected = 0.039, above = 0, passed = true } = change;
  const ks = (mean: number) => ({ mean, median: mean, p90: mean, max: mean, statistics: [[mean]], floor: 0.0388 });
  const curve = { name: "θ", expected: [], observed: [], low: [], high: [], pValue: 1, passed, reading: "a reading" };
  return {
    ks: { guide: ks(guide), corrected: corrected === null ? null : ks(corrected) },
    weights: { kHat: [0], ess: [1], above },
    warned: 0,
    calibration: {
      ...{ cases: 1000, draws: 199, alpha: 0.01 },
      sbc: { passed, curves: [curve], ranks: [] },
      coverage: { passed, curves: [curve] },
      tarp: { passed, curve },
      foreign: { beyondMost: 0.005, beyondAll: 0 },
    },
  } satisfies Partial<Evaluation>;
}

test("verdicts follow the numbers", () => {
  const level = (change: Parameters<typeof numbers>[0], caveat: string | null = null): string =>
    verdictOf(numbers(change), caveat).level;
  assert.is(level({}), "sound");
  assert.is(level({ guide: 0.06 }), "correct");
  assert.is(level({ guide: 0.3 }), "correct");
  assert.is(level({ passed: false }), "correct");
  assert.is(level({ guide: 0.06, above: 0.2 }), "doubtful");
  assert.is(level({ guide: 0.3, corrected: 0.2 }), "doubtful");
  assert.is(level({ guide: 0.3, corrected: null }), "doubtful");
  const { findings } = verdictOf(numbers({ guide: 0.06 }), "chains of 3 of 100 cases have not mixed");
  assert.ok(findings.some(({ good, text }) => !good && text.includes("have not mixed")));
  assert.equal(
    findings.map(({ good }) => good),
    findings.map(({ good }) => good).sort((a, b) => Number(b) - Number(a)),
  );
});

test.run();
