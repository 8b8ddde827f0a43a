// Options of `train`: presets, and what is refused before anything is simulated.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { coupling } from "../src/guides/coupling.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { spline } from "../src/guides/spline.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import { arm } from "../src/problems.ts";
import { fullSettings, presetNames, type TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";
import { rejection, small } from "./helpers/maps.ts";

const base: TrainOptions = { guide: gaussian({ hidden: [8] }), steps: 20, batch: 32, heldOut: 64, kernels: "plain" };

test("presets give settings by guide; options take precedence", async () => {
  const problem = defineProblem({
    name: "preset",
    prior: small.prior,
    forward: small.forward,
    noise: small.noise,
    presets: {
      default: {
        gaussian: { steps: 30, batch: 16 },
        coupling: { guide: coupling({ blocks: 2, hidden: [4] }), steps: 20 },
      },
      fast: { gaussian: { guide: gaussian({ hidden: [] }), steps: 10 } },
    },
  });
  const rest: TrainOptions = { heldOut: 32, kernels: "plain" };
  const specOf = async (options: TrainOptions) => (await train(problem, { ...rest, ...options })).spec;
  const first = await specOf({});
  assert.equal([first.guide.name, first.training.steps, first.training.batch], ["gaussian", 30, 16]);
  const named = await specOf({ guide: "coupling" });
  assert.equal([named.guide.name, named.guide.options.blocks, named.training.steps], ["coupling", 2, 20]);
  const fast = await specOf({ preset: "fast", steps: 7 });
  assert.equal([fast.guide.options.hidden, fast.training.steps], [[], 7]);
  const own = await specOf({ guide: gaussian({ hidden: [3] }), batch: 8 });
  assert.equal([own.guide.options.hidden, own.training.steps, own.training.batch], [[3], 30, 8]);
  const unknown = await specOf({ preset: "fast", guide: "spline", steps: 2, batch: 8 });
  assert.equal(unknown.guide.name, "spline");
  const { message } = await rejection(train(problem, { preset: "slow" }));
  assert.is(message, 'train: expected preset to be fast or default, got "slow"');
});

test("for many parameters the spline guide by name has one network for all conditionals", () => {
  const wide = (D: number) =>
    defineProblem({ name: "wide", prior: normal(new Float64Array(D), 1), forward: (t) => t, noise: gaussianNoise(1) });
  const conditioners = (D: number, options = {}) => fullSettings(wide(D), options).guide.options.conditioners;
  assert.equal(
    [12, 13].map((D) => conditioners(D)),
    [undefined, "shared"],
  );
  assert.equal(conditioners(13, { guide: "spline" }), "shared");
  assert.equal(conditioners(13, { guide: spline() }), undefined);
});

test("every problem has the presets fast and default: in ops, by a simulator, and with one preset of its own", () => {
  const spec = { name: "own", prior: small.prior, noise: small.noise };
  const inOps = defineProblem({ ...spec, forward: small.forward });
  const outside = defineProblem({ ...spec, data: 3, simulate: (t) => t.map(() => [0, 0, 0]) });
  const one = defineProblem({ ...spec, forward: small.forward, presets: { default: { coupling: { steps: 9 } } } });
  const of = (problem: Problem, preset?: string, guide?: "gaussian") => {
    const { steps, bank, heldOut, guide: made } = fullSettings(problem, { preset, guide });
    return [steps, bank, heldOut, made.name];
  };
  assert.equal(of(inOps, "fast"), [2000, 0, 1024, "spline"]);
  assert.equal(of(inOps, "fast", "gaussian"), [2000, 0, 1024, "gaussian"]);
  assert.equal(of(inOps, "default"), of(inOps));
  assert.equal(of(outside, "fast"), [2000, 5000, 1024, "spline"]);
  assert.equal(of(outside), [8000, 20_000, 2048, "spline"]);
  assert.equal(of(one, "fast"), [2000, 0, 1024, "spline"]);
  assert.equal(of(one), [9, 0, 2048, "coupling"]);
  assert.is(fullSettings(inOps, { preset: "fast", steps: 7 }).steps, 7, "options win");
  assert.equal(presetNames(arm), ["fast", "default", "paper"]);
  assert.equal(presetNames(one), ["fast", "default"]);
});

test("a preset with a misspelt setting is refused", async () => {
  const { name, prior, forward, noise } = small;
  const problem = defineProblem({ name, prior, forward, noise, presets: { default: { gaussian: { step: 30 } } } });
  const { message } = await rejection(train(problem, {}));
  assert.match(message, /^preset "default" of "small": expected options guide, objective, steps, .*; got "step"$/);
});

const refusals: readonly [string, object, RegExp][] = [
  ["an unknown option", { epochs: 3 }, /^train: expected options guide, objective, steps, .*; got "epochs"$/],
  ["no steps", { steps: 0 }, /^train: expected steps to be a whole number from 1 to 100000000, got 0$/],
  ["steps that are not whole", { steps: 2.5 }, /^train: expected steps to be a whole number .*, got 2.5$/],
  ["no batch", { batch: 0 }, /^train: expected batch to be a whole number from 1 to 1048576, got 0$/],
  ["no particles", { particles: 0 }, /^train: expected particles to be .*, got 0$/],
  [
    "a negative bank",
    { bank: -1 },
    /^train: expected bank to be a whole number from 0 to 16777216, or pairs .*, got -1$/,
  ],
  [
    "too few held-out simulations",
    { heldOut: 1 },
    /^train: expected heldOut to be a whole number from 2 to 16777216, got 1$/,
  ],
  [
    "no steps between evaluations",
    { evaluateEvery: 0 },
    /^train: expected evaluateEvery to be a whole number of at least 1, got 0$/,
  ],
  ["negative patience", { patience: -1 }, /^train: expected patience to be a whole number of at least 0, got -1$/],
  ["a negative rate", { rate: -1e-3 }, /^train: expected rate to be a finite number above 0, got -0.001$/],
  ["a rate that is no number", { rate: Number.NaN }, /^train: expected rate to be a finite number above 0, got NaN$/],
  ["a negative clip", { clip: -1 }, /^train: expected clip to be a number of at least 0, got -1$/],
  [
    "an unknown optimiser",
    { optimiser: "sgd" },
    /^train: expected optimiser to be one of "adam", "amsgrad", "soap", got "sgd"$/,
  ],
  [
    "an unknown guide",
    { guide: "flow" },
    /^train: expected guide to be a guide, or one of "coupling", "gaussian", "mixture", "spline", got "flow"$/,
  ],
  [
    "what is no guide",
    { guide: { name: "gaussian" } },
    /^train: expected guide to be a guide, or one of .*, "spline", got \{"name":"gaussian"\}$/,
  ],
  [
    "a guide that no file could name",
    { guide: { ...gaussian(), name: "mine" } },
    /^train: expected guide to be a guide, or one of .*, "spline", got \{"name":"mine"/,
  ],
  ["an unknown objective", { objective: "vi" }, /^train: expected objective to be one of "npe", "elbo", got "vi"$/],
  ["an unknown preset", { preset: "paper" }, /^train: expected preset to be fast or default, got "paper"$/],
  [
    "an unknown schedule",
    { schedule: { kind: "linear" } },
    /^schedule: expected constant, .*, got \{"kind":"linear"\}$/,
  ],
  ["a seed that is not whole", { seed: 0.5 }, /^train: expected seed to be a whole number, got 0.5$/],
  ["an unknown embedding", { embedding: "pca" }, /^train: expected embedding to be one of "auto", .*, got "pca"$/],
  [
    "more components than data",
    { embedding: { principal: 4 } },
    /^embedding.principal: expected 1 to 3 components .*, got 4$/,
  ],
  ["an unknown backend", { backend: "cuda" }, /expected backend to be one of "auto", "wasm", "webgpu", got "cuda"$/],
];
for (const [what, options, message] of refusals) {
  test(`train refuses ${what}`, async () => {
    const { message: got } = await rejection(train(small, { ...base, ...options } as TrainOptions));
    assert.match(got, message);
  });
}

test("train refuses arguments that are not problems, and a simulator without a bank", async () => {
  assert.match(
    (await rejection(train({ forward: 1 } as never))).message,
    /^train: expected a problem, as defineProblem\(\) returns it, got /,
  );
  const problem = defineProblem({
    name: "outside",
    prior: normal(0, 1),
    data: 1,
    noise: gaussianNoise(1),
    simulate: (t) => t.map(() => [0]),
  });
  assert.match(
    (await rejection(train(problem, { bank: 0 }))).message,
    /^bank: expected at least 1 simulation for a problem given by simulate\(\), got 0$/,
  );
});

test.run();
