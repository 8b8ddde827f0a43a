// Options of `train`: presets, and what is refused before anything is simulated.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussianNoise } from "../src/distributions/noise.ts";
import { normal } from "../src/distributions/normal.ts";
import { coupling } from "../src/guides/coupling.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { guideNames } from "../src/guides/index.ts";
import { defineProblem } from "../src/problem/problem.ts";
import type { TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";
import { rejection, small } from "./helpers/maps.ts";
import { guideList } from "./helpers/small-guides.ts";

const base: TrainOptions = { guide: gaussian({ hidden: [8] }), steps: 20, batch: 32, heldOut: 64, kernels: "plain" };

test("presets give settings by guide; what is asked for beside them wins", async () => {
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
  assert.is(message, 'preset: expected default, fast, got "slow"');
});

test("a preset with a misspelt setting is refused", async () => {
  const { name, prior, forward, noise } = small;
  const problem = defineProblem({ name, prior, forward, noise, presets: { default: { gaussian: { step: 30 } } } });
  const { message } = await rejection(train(problem, {}));
  assert.match(message, /^preset "default" of "small": expected settings guide, objective, steps, .*; got "step"$/);
});

const refusals: readonly [string, object, RegExp][] = [
  ["an unknown option", { epochs: 3 }, /^train: expected options guide, objective, steps, .*; got "epochs"$/],
  ["no steps", { steps: 0 }, /^steps: expected a whole number of at least 1, got 0$/],
  ["steps that are not whole", { steps: 2.5 }, /^steps: expected a whole number .*, got 2.5$/],
  ["no batch", { batch: 0 }, /^batch: expected a whole number of at least 1, got 0$/],
  ["no particles", { particles: 0 }, /^particles: expected .*, got 0$/],
  ["a negative bank", { bank: -1 }, /^bank: expected a whole number of at least 0, got -1$/],
  ["too few held-out simulations", { heldOut: 1 }, /^heldOut: expected a whole number of at least 2, got 1$/],
  ["no steps between evaluations", { evaluateEvery: 0 }, /^evaluateEvery: expected .*, got 0$/],
  ["negative patience", { patience: -1 }, /^patience: expected .*, got -1$/],
  ["a negative rate", { rate: -1e-3 }, /^rate: expected a positive number, got -0.001$/],
  ["a rate that is no number", { rate: Number.NaN }, /^rate: expected a positive number, got NaN$/],
  ["a negative clip", { clip: -1 }, /^clip: expected a norm of at least 0, got -1$/],
  ["an unknown optimiser", { optimiser: "sgd" }, /^optimiser: expected "adam" or "amsgrad", got "sgd"$/],
  ["an unknown guide", { guide: "flow" }, new RegExp(`^guide: expected name to be one of ${guideList}, got "flow"$`)],
  [
    "what is no guide",
    { guide: { name: "gaussian" } },
    new RegExp(`^guide: expected a guide or one of ${guideNames.join(", ")}, got \\{"name":"gaussian"\\}$`),
  ],
  [
    "a guide that no file could name",
    { guide: { ...gaussian(), name: "mine" } },
    new RegExp(`^guide: expected one of ${guideNames.join(", ")}, got "mine"$`),
  ],
  ["an unknown objective", { objective: "vi" }, /^objective: expected npe or elbo, got "vi"$/],
  ["an unknown preset", { preset: "paper" }, /^preset: expected none \(this problem has no presets\), got "paper"$/],
  [
    "an unknown schedule",
    { schedule: { kind: "linear" } },
    /^schedule: expected constant, .*, got \{"kind":"linear"\}$/,
  ],
  ["a seed that is not whole", { seed: 0.5 }, /^seed: expected a whole number, got 0.5$/],
  ["an unknown embedding", { embedding: "pca" }, /^embedding: expected "auto", .*, got "pca"$/],
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

test("train refuses what is no problem, and a simulator without a bank", async () => {
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
