// slow (9 s): the pinned trainings in three hosts
// One seed gives one set of weights: in every run, however steps are cut, and on every host.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { OptimiserState } from "../src/backends/backend.ts";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import type { Guide } from "../src/guides/guide.ts";
import { type GuideName, guideNames } from "../src/guides/index.ts";
import { atOnce } from "../src/host/yielding.ts";
import * as retrodict from "../src/index.ts";
import { initialWeights } from "../src/nn/initial.ts";
import * as ops from "../src/ops.ts";
import { simulateAt } from "../src/simulate/simulate.ts";
import { fullSettings, type TrainOptions } from "../src/train/options.ts";
import { trainingProgram } from "../src/train/program.ts";
import { train } from "../src/train/train.ts";
import { bitsOf, small } from "./helpers/maps.ts";
import { PINNED, pinnedHash } from "./helpers/pinned.ts";
import { isInstalled, otherHosts, runOn } from "./helpers/processes.ts";
import { smallGuide } from "./helpers/small-guides.ts";

const base: TrainOptions = { steps: 60, batch: 48, rate: 5e-3, heldOut: 64, seed: 3, kernels: "plain" };
const guide = (name: GuideName): Guide => smallGuide(name, { width: 8, most: 4 });

for (const name of guideNames) {
  for (const objective of ["npe", "elbo"] as const) {
    test(`one seed trains a ${name} guide by ${objective} to the same bits, one after another and side by side`, async () => {
      const options: TrainOptions = { ...base, objective, particles: 2 };
      const first = await train(small, { ...options, guide: guide(name) });
      const pair = await Promise.all([
        train(small, { ...options, guide: guide(name) }),
        train(small, { ...options, guide: guide(name) }),
      ]);
      for (const map of pair) assert.is(bitsOf(map), bitsOf(first));
      assert.equal(pair[0].spec.guide, first.spec.guide);
      const other = await train(small, { ...options, guide: guide(name), seed: 4 });
      assert.is.not(bitsOf(other), bitsOf(first));
    });
  }
}

test("one guide that serves several trainings gives each what a guide of its own would", async () => {
  const shared = guide("coupling");
  await train(small, { ...base, guide: shared, seed: 1 });
  const map = await train(small, { ...base, guide: shared });
  assert.is(bitsOf(map), bitsOf(await train(small, { ...base, guide: guide("coupling") })));
});

test("steps may be taken one by one or all at once, with or without a new executor in between", async () => {
  const settings = fullSettings(small, {
    ...base,
    guide: guide("spline"),
    optimiser: "amsgrad",
    clip: 0.7,
    embedding: "none",
  });
  const { program } = atOnce(trainingProgram(small, settings, 3));
  const optimiser = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: true, clip: 0.7 };
  const rates = Float32Array.from({ length: 40 }, (_, t) => 0.01 / (1 + t));
  const run = async (
    cuts: readonly number[],
    isFresh: boolean,
  ): Promise<{ weights: Float32Array; losses: number[]; state: OptimiserState }> => {
    let executor = await createWasm(program, { build: "plain", optimiser });
    await executor.writeWeights(atOnce(initialWeights(program.weights, 3)));
    const losses: number[] = [];
    let step = 0;
    for (const next of [...cuts, 40]) {
      const out = await executor.train("train", {
        rows: 48,
        seed: 3,
        firstStep: step,
        rates: rates.slice(step, next),
        loss: "loss",
      });
      assert.is(out.done, next - step);
      losses.push(...out.losses);
      step = next;
      if (!isFresh) continue;
      const [weights, state] = [await executor.readWeights(), await executor.readOptimiser()];
      executor = await createWasm(program, { build: "plain", optimiser });
      await executor.writeWeights(weights);
      await executor.writeOptimiser(state);
    }
    return { weights: await executor.readWeights(), losses, state: await executor.readOptimiser() };
  };
  const whole = await run([], false);
  assert.is(whole.losses.length, 40);
  assert.equal(await run([1, 2, 3, 17], false), whole);
  assert.equal(await run([7, 23], true), whole);
  assert.equal(
    await run(
      Array.from({ length: 39 }, (_, i) => i + 1),
      false,
    ),
    whole,
  );
});

test("simulations do not depend on how many there are, nor on the batches they are made in", async () => {
  const few = await simulateAt(small, 100, 9, 2, { kernels: "plain" });
  const many = await simulateAt(small, 9001, 9, 2, { kernels: "plain" }); // three calls of the backend
  for (const key of ["theta", "clean", "noisy"] as const) {
    assert.equal(many[key].slice(0, few[key].length), few[key]);
    assert.is(many[key].length, 9001 * (key === "theta" ? 2 : 3));
  }
  const rows = new Set(Array.from({ length: 9001 }, (_, i) => `${many.theta[2 * i]} ${many.theta[2 * i + 1]}`));
  assert.is(rows.size, 9001, "no pair of parameters comes twice");
  const [otherSeed, otherStep] = [await simulateAt(small, 100, 10, 2), await simulateAt(small, 100, 9, 3)];
  assert.ok(otherSeed.theta.every((x, i) => x !== few.theta[i]) && otherStep.theta.every((x, i) => x !== few.theta[i]));
});

test("initial weights fill U(−1/√I, 1/√I) entry by entry, from the seed alone", () => {
  const { program } = atOnce(
    trainingProgram(small, fullSettings(small, { ...base, guide: gaussian({ hidden: [200] }) }), 3),
  );
  const weights = atOnce(initialWeights(program.weights, 3));
  assert.equal(atOnce(initialWeights(program.weights, 3)), weights);
  assert.not.equal(atOnce(initialWeights(program.weights, 4)), weights);
  for (const { name, rows, cols, offset, init } of program.weights.entries) {
    const entry = weights.subarray(offset / 4, offset / 4 + rows * cols);
    assert.ok(
      entry.every((w) => Math.abs(w) < init),
      name,
    );
    const variance = entry.reduce((sum, w) => sum + w * w, 0) / entry.length;
    // The variance of U(−a, a) is a²/3; that of its square 4a⁴/45. 4.5 standard errors.
    assert.ok(Math.abs(variance / init ** 2 - 1 / 3) < 4.5 * Math.sqrt(4 / 45 / entry.length), name);
  }
});

// ---- the same bits on other hosts
test("500 steps through every guide end with the pinned bits in this Node", async () => {
  assert.is(await pinnedHash({ ...retrodict, ...ops }), PINNED);
});

for (const host of otherHosts) {
  test(`500 steps through every guide end with the pinned bits in ${host.name}`, () => {
    if (!isInstalled(host)) return;
    const { status, out, err } = runOn(host, "test/helpers/print-pinned.ts");
    assert.is(status, 0, err);
    assert.is(out.trim(), PINNED);
  });
}

test.run();
