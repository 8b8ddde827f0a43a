// Trainings by a budget of time: the rule, with a clock that the test holds; and that the steps that were chosen repeat the training.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Executor, RunOptions, StepOptions } from "../src/backends/backend.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { stepsWithin, withinBudget } from "../src/train/budget.ts";
import { fullSettings, type TrainOptions } from "../src/train/options.ts";
import { train } from "../src/train/train.ts";
import { bitsOf, rejection, small } from "./helpers/maps.ts";

const base: TrainOptions = { guide: gaussian({ hidden: [8] }), batch: 32, heldOut: 64, seed: 3, kernels: "plain" };

test("as many steps fit as the rule says: three digits, at least 100", () => {
  // (0.95 · 60 − 40 · 0.1) / 0.01 = 5300
  assert.is(stepsWithin({ left: 60, step: 0.01, evaluation: 0.1 }), 5300);
  // 57 / (0.01 + 0.1 / 50) = 4750
  assert.is(stepsWithin({ left: 60, step: 0.01, evaluation: 0.1 }, 50), 4750);
  assert.is(stepsWithin({ left: 60, step: 0.0003, evaluation: 0.01 }), 188_000, "188,666 rounded down");
  for (const left of [1, 0, -5]) assert.is(stepsWithin({ left, step: 1, evaluation: 1 }), 100);
});

/** An executor whose steps and rows of held-out losses take so many ms, on a clock of its own. */
function slow(stepMs: number, rowMs: number) {
  let now = 0;
  const written: unknown[] = [];
  const fresh = { updates: 0 };
  const executor = {
    readOptimiser: async () => fresh,
    writeOptimiser: async (state: unknown) => void written.push(state),
    writeWeights: async () => {},
    run: async (_plan: string, { rows }: RunOptions) => {
      now += rows * rowMs;
      return {};
    },
    train: async (_plan: string, { rates }: StepOptions) => {
      assert.ok(rates.every((rate) => rate === 0));
      now += 5 + rates.length * stepMs; // and 5 ms a call
      return { done: rates.length, losses: new Float64Array(rates.length) };
    },
  } as unknown as Executor;
  return { executor, clock: () => now, written, fresh };
}

test("steps and held-out losses are timed, and the time before them counts", async () => {
  const heldOut = { count: 64, theta: new Float64Array(128), noisy: new Float32Array(192) };
  const weights = { entries: [], bytes: 0 };
  const rest = { weights, seed: 3, heldOut };
  const { executor, clock, written, fresh } = slow(2, 1);
  const settings = fullSettings(small, { ...base, seconds: 60 });
  const found = await withinBudget({ executor, clock, ...rest, settings, started: -10_000 });
  // 64 ms for the loss; calls of 1, 2, 4, …, 512 steps, of which the last is the first to take 0.6 s: 1029 ms, 2.0098 ms a step. They
  // take 2 · 1023 + 10 · 5 ms, so 60 − 10 − 0.064 − 2.096 = 47.84 s are left: (0.95 · 47.84 − 40 · 0.064) / 0.0020098 = 21,339.
  assert.is(found.steps, 21_300);
  assert.is(found.evaluateEvery, Math.ceil(21_300 / 40));
  assert.not("budget" in found && found.budget !== undefined);
  assert.equal(written, [fresh], "the timing leaves no trace in the optimiser");
  const own = fullSettings(small, { ...base, steps: 7 });
  assert.equal(await withinBudget({ executor, clock, ...rest, settings: own, started: 0 }), own);
});

for (const optimiser of ["adam", "soap"] as const)
  test(`the steps that were chosen repeat a training with ${optimiser} to the bit`, async () => {
    const options: TrainOptions = { ...base, optimiser, onWarning: () => {} };
    const map = await train(small, { ...options, seconds: 0.5 });
    const { steps, batch } = map.spec.training;
    assert.ok(steps >= 100);
    const again = await train(small, { ...options, steps, batch });
    assert.equal(bitsOf(again), bitsOf(map));
    assert.equal(again.spec.training.curve, map.spec.training.curve);
  });

test("steps and seconds together are refused, and so is no time", async () => {
  const both = await rejection(train(small, { ...base, steps: 5, seconds: 1 }));
  assert.is(both.message, "train: expected steps or seconds, got both");
  const none = await rejection(train(small, { ...base, seconds: 0 }));
  assert.is(none.message, "train: expected seconds to be a finite number above 0, got 0");
});

test.run();
