// slow (23 s): trainings through finite elements
// The evidence lower bound through finite elements: its gradient passes a factorisation and its substitutions. The
// ELBO trains on data alone, so they may come from a bank.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussian } from "../src/guides/gaussian.ts";
import { darcy, eit } from "../src/problems.ts";
import type { TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";

const options: TrainOptions = {
  guide: gaussian({ hidden: [8], base: "linear" }),
  objective: "elbo",
  particles: 2,
  heldOut: 32,
  seed: 1,
  kernels: "plain",
};

for (const [problem, { gain, ...own }] of [
  [darcy, { embedding: "log", bank: 2048, batch: 32, steps: 80, rate: 1e-3, gain: 10 }],
  [eit, { embedding: { principal: 6 }, bank: 256, batch: 8, steps: 40, rate: 1e-2, gain: 0.5 }],
] as const) {
  test(`a few steps by the ELBO through the elements of ${problem.name} find a better guide than the linear posterior`, async () => {
    const settings: TrainOptions = { ...options, ...own };
    const start = await train(problem, { ...settings, steps: 1, rate: 1e-12 });
    const losses: number[] = [];
    const map = await train(problem, {
      ...settings,
      evaluateEvery: own.steps / 2,
      onProgress: ({ step, heldOut }) => {
        if (step % (own.steps / 2) === 0 && step > 0) losses.push(heldOut);
      },
    });
    const first = start.spec.training.heldOut.best;
    assert.ok(losses.length >= 2 && losses.every(Number.isFinite), losses.join(", "));
    assert.ok(losses[losses.length - 1] < first - gain, `untrained ${first}, then ${losses.join(", ")}`);
    // A gradient that were not finite would have stopped the training; one that were 0 would have left the weights alone.
    for (const [name, { data }] of Object.entries(map.tensors)) {
      if (!name.startsWith("trunk")) continue;
      assert.ok(data.every(Number.isFinite), name);
      assert.not.equal(data, start.tensors[name].data, name);
    }
  });
}

test.run();
