// slow (20 s): linear and Laplace fits of a field of 64 parameters, and trainings by its presets
// The permeability field: how its data are embedded, and that its presets train.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussian } from "../src/guides/gaussian.ts";
import { darcy } from "../src/problems.ts";
import { fullSettings, type TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";

const few: TrainOptions = { bank: 4000, heldOut: 1000, seed: 1, kernels: "plain" };
const untrained: TrainOptions = { ...few, guide: gaussian({ hidden: [4], base: "linear" }), steps: 1, rate: 1e-12 };

test("the best linear posterior, where searches start, gains ten nats by the logarithms of the potentials", async () => {
  const [without, withLogs] = await Promise.all(
    (["standardise", "log"] as const).map((embedding) => train(darcy, { ...untrained, embedding })),
  );
  const [a, b] = [without, withLogs].map((map) => map.spec.training.heldOut.best);
  // Of 90.8 nats of the prior. 1000 held-out losses of sd 8 or so have a mean that is sure to a quarter of a nat.
  assert.ok(a < 90.8 && b < a - 10, `${a}, ${b}`);
});

test("on Laplace's base a guide starts as good as Laplace; the presets of every guide are sound", async () => {
  const start = await train(darcy, untrained);
  const map = await train(darcy, { ...few, preset: "fast", bank: 600, heldOut: 200, steps: 30 });
  const [a, b] = [start, map].map((m) => m.spec.training.heldOut.best);
  // Laplace's mean is 44.7; 200 losses of sd 8 have a mean that is sure to half a nat.
  assert.ok(b < a - 10 && b < 48, `${a}, ${b}`);
  for (const preset of ["fast", "default"]) {
    for (const guide of ["coupling", "gaussian"] as const) {
      const settings = fullSettings(darcy, { preset, guide });
      assert.is(settings.guide.name, guide);
      assert.is(settings.guide.options.base, "laplace");
    }
  }
});

test.run();
