// slow (40 s): trainings by up to eight threads, in three hosts
// Threads change when results are computed, never the results.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Executor } from "../src/backends/backend.ts";
import { createExecutor } from "../src/backends/select.ts";
import { cast, exp, input, mul } from "../src/graph/build.ts";
import { compile } from "../src/graph/program.ts";
import { coupling } from "../src/guides/coupling.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { spline } from "../src/guides/spline.ts";
import { MAX_THREADS } from "../src/host/workers.ts";
import { atOnce } from "../src/host/yielding.ts";
import { initialWeights } from "../src/nn/initial.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { load, toBytes } from "../src/store/store.ts";
import { fullSettings, type TrainOptions } from "../src/train/options.ts";
import { trainingProgram } from "../src/train/program.ts";
import { train } from "../src/train/train.ts";
import { bitsOf, rejection, small } from "./helpers/maps.ts";
import { type Host, isInstalled, otherHosts, runOn, thisNode } from "./helpers/processes.ts";

const base: TrainOptions = { steps: 12, rate: 5e-3, heldOut: 300, seed: 3, kernels: "plain" };
// 600 rows are 10 shards in 8 groups of 1 and 2; 160 by 2 particles are 2 shards, in fewer groups than threads.
const trainings: Readonly<Record<string, TrainOptions>> = {
  "a gaussian guide by the ELBO": {
    guide: gaussian({ hidden: [8] }),
    objective: "elbo",
    particles: 2,
    batch: 160,
    optimiser: "amsgrad",
    clip: 0.5,
  },
  "a coupling guide from a bank": { guide: coupling({ blocks: 3, hidden: [40, 40] }), bank: 900, batch: 600 },
  "a spline guide by SOAP": {
    guide: spline({ bins: 4, embedding: [9], hidden: [20, 20] }),
    batch: 600,
    optimiser: "soap",
    steps: 25,
  },
  "a spline guide": { guide: spline({ bins: 4, embedding: [8], hidden: [8] }), batch: 600 },
};

for (const [name, options] of Object.entries(trainings)) {
  test(`1, 2, 3, 4 and 8 threads, and none, train ${name} to the same bits`, async () => {
    const alone = await train(small, { ...base, ...options });
    for (const threads of [1, 2, 3, 4, 8]) {
      const map = await train(small, { ...base, ...options, threads });
      assert.is(map.spec.training.device, threads > 1 ? `wasm plain, ${threads} threads` : "wasm plain");
      assert.equal(map.spec.training.curve, alone.spec.training.curve);
      assert.equal(map.spec.distances, alone.spec.distances);
      assert.is(bitsOf(map), bitsOf(alone), `${threads} threads`);
      assert.is(bitsOf(await load(toBytes(map))), bitsOf(alone), `${threads} threads, saved and loaded`);
    }
  });
}

test("the build with fused multiply-add gives the same bits with 2 threads as without", async () => {
  const options: TrainOptions = { ...base, ...trainings["a spline guide"], kernels: "auto" };
  assert.is(bitsOf(await train(small, { ...options, threads: 2 })), bitsOf(await train(small, options)));
});

const settings = fullSettings(small, {
  ...base,
  guide: coupling({ blocks: 2, hidden: [120, 120] }),
  batch: 600,
  clip: 0.7,
  embedding: "none",
});
const { program } = atOnce(trainingProgram(small, settings, 3));
const optimiser = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: true, clip: 0.7 };

async function withExecutor<T>(threads: number, use: (executor: Executor) => Promise<T>, of = program): Promise<T> {
  const executor = await createExecutor(of, { kernels: "plain", threads, optimiser });
  try {
    return await use(executor);
  } finally {
    executor.dispose();
  }
}

test("losses, gradient and moments of a wide slab are the same bits for each number of threads, in one call or several", async () => {
  const fly = (threads: number, cuts: readonly number[]) =>
    withExecutor(threads, async (executor) => {
      await executor.writeWeights(atOnce(initialWeights(program.weights, 3)));
      const losses: number[] = [];
      let firstStep = 0;
      for (const end of [...cuts, 9]) {
        const rates = new Float32Array(end - firstStep).fill(0.01);
        const out = await executor.train("train", { rows: 600, seed: 3, firstStep, rates, loss: "loss" });
        losses.push(...out.losses);
        firstStep = end;
      }
      const [weights, state] = [await executor.readWeights(), await executor.readOptimiser()];
      return { losses, weights, state, gradient: await executor.readGradient("train") };
    });
  assert.ok(program.weights.bytes > 65_536, "the slab is one that threads share");
  const alone = await fly(1, []);
  assert.is(new Set(alone.losses).size, 9);
  for (const [threads, cuts] of [
    [2, []],
    [4, [1, 2, 6]],
    [MAX_THREADS, [5]],
  ] as const)
    assert.equal(await fly(threads, cuts), alone, `${threads} threads`);
});

test("a run of many parts gives the same rows and sums by threads", async () => {
  const { theta, noisy } = await simulate(small, 3001, { seed: 4, kernels: "plain" });
  const sum = (threads: number) =>
    withExecutor(threads, async (executor) => {
      await executor.writeWeights(atOnce(initialWeights(program.weights, 3)));
      return executor.run("heldOut", { rows: 3001, inputs: { theta, y: noisy }, seed: 1, step: -4 });
    });
  assert.equal(await sum(3), await sum(1));
  const one = await simulate(small, 3001, { seed: 4, kernels: "plain" });
  assert.equal(await simulate(small, 3001, { seed: 4, kernels: "plain", threads: 3 }), one);
});

test("a loss that is not finite stops at the same step by threads, with the same losses and weights", async () => {
  const stopped = (threads: number, rate: number) =>
    withExecutor(threads, async (executor) => {
      await executor.writeWeights(atOnce(initialWeights(program.weights, 3)));
      const rates = Float32Array.of(0.01, 0.01, rate, 0.01, 0.01);
      const out = await executor.train("train", { rows: 600, seed: 3, firstStep: 0, rates, loss: "loss" });
      return { done: out.done, losses: [...out.losses].join(), updates: (await executor.readOptimiser()).updates };
    });
  const alone = await stopped(1, Number.NaN);
  assert.is(alone.done, 3);
  assert.equal(await stopped(2, Number.NaN), alone);
  assert.is((await stopped(4, 0.01)).done, 5);
});

test("threads answer more than one plan, and rows fewer than a shard", async () => {
  const plans = atOnce(
    compile({
      twice: { outputs: { y: mul(exp(input("x", 3)), 2) } },
      wide: { outputs: { y: cast(input("x", 3), "f64") } },
    }),
  );
  const x = Float32Array.from({ length: 3 * 500 }, (_, i) => (i % 7) / 7);
  const answers = (threads: number) =>
    withExecutor(
      threads,
      async (executor) => {
        const [a, b] = [
          await executor.run("twice", { rows: 500, inputs: { x } }),
          await executor.run("wide", { rows: 500, inputs: { x } }),
        ];
        return [a, b, await executor.run("twice", { rows: 5, inputs: { x: x.subarray(30, 45) } })];
      },
      plans,
    );
  assert.equal(await answers(4), await answers(1));
});

test("a number of threads that makes no sense is refused by name", async () => {
  for (const [threads, got] of [
    [0, "0"],
    [9, "9"],
    [1.5, "1.5"],
    [Number.NaN, "NaN"],
    ["many", '"many"'],
    [null, "null"],
  ] as const) {
    const error = await rejection(train(small, { ...base, threads: threads as never }));
    assert.match(
      error.message,
      new RegExp(`expected threads to be a whole number from 1 to 8, or "auto", got ${got}$`),
    );
  }
});

test('"auto" takes as many threads as there are processors', async () => {
  const map = await train(small, { ...base, ...trainings["a spline guide"], threads: "auto" });
  assert.match(map.spec.training.device, /^wasm plain(, [2-8] threads)?$/);
});

// ---- processes of their own
interface Answer {
  readonly hash: string;
  readonly device: string;
  readonly notice?: string;
  readonly warnings: readonly string[];
  readonly mean: readonly number[];
}
/** Runs the script to its end, which it must reach by itself. */
function answerOf(host: Host, ...args: string[]): Answer {
  const { status, out, err } = runOn(host, "test/helpers/threaded.ts", args);
  assert.is(status, 0, err || "the process did not end by itself");
  return JSON.parse(out) as Answer;
}

const alone = answerOf(thisNode, "1");
for (const host of [thisNode, ...otherHosts]) {
  test(`500 steps by 1, 2 and 4 threads end with the same bits in ${host.name}, and the process ends`, () => {
    if (!isInstalled(host)) return;
    for (const threads of [1, 2, 4]) {
      const answer = answerOf(host, String(threads));
      const device = threads > 1 ? `wasm plain, ${threads} threads` : "wasm plain";
      assert.equal(answer, { ...alone, device });
    }
  });
}

test("without shared memory one thread trains to the same bits, and says why once and in the record", () => {
  const reason = "threads: 1 thread computes instead of 4, because this host has no SharedArrayBuffer";
  const answer = answerOf(thisNode, "4", "bare");
  assert.equal(answer, { ...alone, notice: reason, warnings: [reason] });
});

test.run();
