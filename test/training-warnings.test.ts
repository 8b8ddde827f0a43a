// slow (8 s): trainings that must warn, and some that must not
// A training that came to its end, and whose map is bad, says so: one sentence, in the record and to onWarning.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { cast, constant, matmul, mul, square, sumFeatures } from "../src/graph/build.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { normalAt } from "../src/numbers/random.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import { arm, linearGaussian } from "../src/problems.ts";
import type { Pairs } from "../src/simulate/pairs.ts";
import { load, toBytes } from "../src/store/store.ts";
import type { Progress, TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";
import { small } from "./helpers/maps.ts";

const guide = gaussian({ hidden: [16] });
const base: TrainOptions = { guide, steps: 400, rate: 1e-2, batch: 64, heldOut: 512, seed: 1, kernels: "plain" };

/** Trains; what the record says is what onWarning was told, and what is kept in a file. */
async function warningsOf(problem: Problem, options: TrainOptions): Promise<readonly string[]> {
  const told: string[] = [];
  const map = await train(problem, { ...base, onWarning: (message) => void told.push(message), ...options });
  const { warnings = [] } = map.spec.training;
  assert.equal(told, [...warnings]);
  assert.equal(
    (await load(toBytes(map), { problem, kernels: "plain" })).spec.training.warnings,
    map.spec.training.warnings,
  );
  return warnings;
}

/** One sentence, which matches. */
async function tells(sentence: RegExp, problem: Problem, options: TrainOptions): Promise<void> {
  const warnings = await warningsOf(problem, options);
  assert.is(warnings.length, 1, `${sentence}: ${warnings.join("; ")}`);
  assert.match(warnings[0], sentence);
}

/** θ ~ N(0, 1) twice; the data are known from pairs alone. */
const alone = defineProblem({ name: "alone", prior: normal([0, 0], 1), data: 2, noise: null });
/** Pairs of standard normal numbers: y is θ and noise of sd ½, or has nothing to do with it. */
const pairs = (count: number, related: boolean): Pairs & { theta: Float32Array; y: Float32Array } => {
  const draw = (stream: number) => Float32Array.from({ length: 2 * count }, (_, k) => normalAt(3, stream, 0, k, 0));
  const [theta, other] = [draw(90), draw(91)];
  return { theta, y: related ? theta.map((x, k) => x + 0.5 * other[k]) : other };
};

for (const bank of [1, 2, 30])
  test(`a bank of ${bank} causes a warning`, () =>
    tells(new RegExp(`^the bank has ${bank} simulations?, below 100`), small, { bank }));

for (const steps of [1, 3, 12])
  test(`${steps} steps cause a warning`, () =>
    tells(new RegExp(`^${steps} steps? at these rates move no weight by more than`), small, { steps, rate: 3e-3 }));

for (const [name, problem, options] of [
  [
    "a forward model",
    defineProblem({ name: "flat", prior: small.prior, noise: gaussianNoise(1), forward: (t) => mul(square(t), 0) }),
    {},
  ],
  [
    "a simulator",
    defineProblem({
      name: "flat",
      prior: normal(0, 1),
      data: 1,
      noise: gaussianNoise(1),
      simulate: (t) => t.map(() => [7]),
    }),
    { bank: 500 },
  ],
  ["pairs", alone, { bank: { ...pairs(600, true), y: new Float32Array(1200).fill(3.5) } }],
] as const)
  test(`data that are the same for all parameters cause a warning: ${name}`, () =>
    tells(/^the data are the same for all parameters/, problem, options));

for (const [distinct, times] of [
  [30, 10],
  [200, 2],
  [120, 3],
])
  test(`${distinct} pairs given ${times} times cause a warning`, async () => {
    const { theta, y } = pairs(distinct, true);
    const repeat = (rows: Float32Array) =>
      Float32Array.from({ length: rows.length * times }, (_, k) => rows[k % rows.length]);
    const share = Math.round(100 * (1 - 1 / times));
    const bank = { theta: repeat(theta), y: repeat(y) };
    await tells(new RegExp(`^${share} % of the simulations are copies of others`), alone, { bank });
  });

const shuffled = pairs(2000, true);
for (const [name, problem, bank] of [
  ["pairs", alone, pairs(2000, false)],
  ["a column of θ and rows in another order", alone, { ...shuffled, y: shuffled.y.slice().reverse() }],
  [
    "a simulator that ignores its parameters",
    defineProblem({
      name: "deaf",
      prior: normal([0, 0], 1),
      data: 2,
      noise: gaussianNoise(0.1),
      simulate: (t) => t.map((_, i) => [normalAt(5, 92, i, t.length, 0), normalAt(5, 92, i, t.length, 1)]),
    }),
    2000,
  ],
] as const)
  test(`parameters and data without a relation cause a warning: ${name}`, () =>
    tells(/^the map has learned nothing about the parameters from the data/, problem, { bank }));

const large = gaussian({ hidden: [64, 64] });
for (const count of [150, 250, 400])
  test(`held-out losses that rise for most of the training cause a warning: ${count} pairs`, () =>
    tells(/^the held-out loss rose for most of the training: it was best at step \d+ of 2000, whose weights/, alone, {
      bank: pairs(count, true),
      guide: large,
      steps: 2000,
      rate: 3e-3,
    }));

for (const [name, problem, options] of [
  ["fresh simulations", small, {}],
  ["a bank", small, { bank: 5000 }],
  ["pairs", alone, { bank: pairs(4000, true) }],
  ["a linear model", linearGaussian, { guide: gaussian({ hidden: [16], base: "linear" }) }],
] as const)
  test(`a training that goes well says nothing: ${name}`, async () => {
    assert.equal(await warningsOf(problem, options), []);
  });

const elbo = { objective: "elbo", steps: 60, rate: 5e-3 } as const;
for (const [name, problem, options] of [
  ["an ELBO of 60 steps", linearGaussian, elbo],
  ["an ELBO of 100 steps on the arm", arm, { ...elbo, steps: 100 }],
  ["NPE of 60 steps", linearGaussian, { steps: 60, rate: 5e-3 }],
] as const)
  test(`an inaccurate map causes a warning by its weights, in the record and the progress: ${name}`, async () => {
    let last: Progress | undefined;
    const onProgress = (p: Progress): void => void (last = p);
    await tells(/^the map is inaccurate on held-out observations: over 32, the median k̂ is /, problem, {
      ...options,
      onProgress,
    });
    assert.ok(last?.weights && last.weights.cases === 32 && last.weights.efficiency < 0.3, JSON.stringify(last));
  });

test("a map that is near has weights near 1; none are computed without a likelihood, or where they would cost much", async () => {
  const weightsOf = async (problem: Problem, options: TrainOptions) =>
    (await train(problem, { ...base, ...options })).spec.training.weights;
  const near = await weightsOf(linearGaussian, {
    guide: gaussian({ hidden: [], base: "linear" }),
    steps: 1000,
    rate: 2e-3,
  });
  assert.ok(near && near.kHat < 0.5 && near.efficiency > 0.8 && near.kHatAbove < 0.2, JSON.stringify(near));
  assert.is(await weightsOf(alone, { bank: pairs(4000, true) }), undefined);
  const ones = (rows: number) => constant(new Float64Array(700 * rows).fill(1 / 700), "f64", rows); // (rows, 700)
  const dear = defineProblem({
    name: "dear",
    prior: normal(0, 1),
    noise: gaussianNoise(1),
    forward: (t) => cast(sumFeatures(matmul(matmul(cast(t, "f64"), ones(1)), ones(700))), t.dtype),
  });
  assert.is(await weightsOf(dear, { steps: 60, batch: 8 }), undefined);
});

test.run();
