// slow (18 s): trainings in workers, and arrays of millions of numbers
// Work in a worker gives the same answers and leaves the calling thread free.
import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Executor } from "../src/backends/backend.ts";
import { createExecutor } from "../src/backends/select.ts";
import { input, mul } from "../src/graph/build.ts";
import { printPlan } from "../src/graph/plan.ts";
import { compile } from "../src/graph/program.ts";
import { coupling } from "../src/guides/coupling.ts";
import { spline } from "../src/guides/spline.ts";
import { MAX_THREADS } from "../src/host/workers.ts";
import { atOnce } from "../src/host/yielding.ts";
import { infer } from "../src/infer/infer.ts";
import { laplace } from "../src/infer/laplace.ts";
import { problems } from "../src/problems.ts";
import { nuts } from "../src/sampling/nuts.ts";
import { SimulationStopped } from "../src/simulate/options.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { load, toBytes } from "../src/store/store.ts";
import { type Checkpoint, TrainingStopped } from "../src/train/checkpoint.ts";
import { fullSettings, type TrainOptions } from "../src/train/options.ts";
import { trainingProgram } from "../src/train/program.ts";
import { train } from "../src/train/train.ts";
import { bitsOf, outside, rejection, small } from "./helpers/maps.ts";

type ThreadWorker = import("node:worker_threads").Worker;

const guide = () => spline({ bins: 4, embedding: [8], hidden: [8] });
const base: TrainOptions = { steps: 40, batch: 64, rate: 5e-3, heldOut: 64, seed: 3, kernels: "plain" };
const alone = await train(small, { ...base, guide: guide() });
const y = [0.5, -1, 0.2];

test("training in a worker gives the bits of training without", async () => {
  const seen: number[] = [];
  const map = await train(small, { ...base, guide: guide(), worker: true, onProgress: (p) => seen.push(p.step) });
  assert.is(bitsOf(map), bitsOf(alone));
  assert.equal(map.spec.training, { ...alone.spec.training, seconds: map.spec.training.seconds });
  assert.is(seen[seen.length - 1], 40);
  assert.is(bitsOf(await load(toBytes(map))), bitsOf(alone));
});

test("a posterior from a worker is that of the calling thread", async () => {
  const [here, there] = [await infer(alone, y), await infer(alone, y, { worker: true, kernels: "plain" })];
  assert.equal(there.mean, here.mean);
  assert.equal(there.covariance, here.covariance);
  assert.equal(there.draws, here.draws);
  assert.equal(await there.sample(50, { seed: 2 }), await here.sample(50, { seed: 2 }));
  assert.equal(await there.logProb([0, 0, 1, -1]), await here.logProb([0, 0, 1, -1]));
  const many = await infer(alone, [y, [1, 1, 1]], { worker: true, kernels: "plain" });
  assert.equal(many[0].mean, here.mean);
});

test("what a map was loaded for holds wherever a call says nothing else", async () => {
  const map = await load(toBytes(alone), { worker: true, kernels: "plain" });
  const executor = await map.executor("posterior");
  for (const less of [{}, { worker: true }, { kernels: "plain" }, { backend: "auto" }] as const)
    assert.is(await map.executor("posterior", less), executor);
  assert.is.not(await map.executor("posterior", { worker: false }), executor);
  assert.match(
    (await rejection(load(toBytes(alone), { backend: "gpu" as "wasm" }))).message,
    /expected backend to be one of "auto", /,
  );
  assert.match(
    (await rejection(load(toBytes(alone), { kernels: "fast" as "plain" }))).message,
    /expected kernels to be one of "auto", /,
  );
});

test("simulations, fits and chains of a worker are those of the calling thread", async () => {
  const worker = { worker: true, kernels: "plain" } as const;
  assert.equal(
    await simulate(small, 3000, { ...worker, seed: 2 }),
    await simulate(small, 3000, { kernels: "plain", seed: 2 }),
  );
  assert.equal((await laplace(small, y, worker)).mean, (await laplace(small, y, { kernels: "plain" })).mean);
  const chains = { chains: 2, draws: 20, warmup: 30, seed: 1 };
  assert.equal(
    (await nuts(small, y, { ...chains, ...worker })).draws,
    (await nuts(small, y, { ...chains, kernels: "plain" })).draws,
  );
});

test("the calling thread is free while a worker trains", async () => {
  const heavy: TrainOptions = { ...base, guide: coupling({ blocks: 6, hidden: [64, 64] }), batch: 512, steps: 150 };
  const share = async (worker: boolean): Promise<number> => {
    const before = performance.eventLoopUtilization();
    await train(small, { ...heavy, worker });
    return performance.eventLoopUtilization(before).utilization;
  };
  const [here, there] = [await share(false), await share(true)];
  assert.ok(there < here / 2, `busy for ${there.toFixed(2)} of the time, ${here.toFixed(2)} without a worker`);
});

test("programs of all problems are plain data: a copy of them prints as they do, and none of it is lost", () => {
  for (const [name, problem] of Object.entries(problems)) {
    const { program } = atOnce(trainingProgram(problem, fullSettings(problem, { seed: 1 } as TrainOptions), 1));
    const copy = structuredClone(program);
    for (const plan of Object.keys(program.plans))
      assert.is(printPlan(copy.plans[plan]), printPlan(program.plans[plan]), `${name}: ${plan}`);
    assert.equal(copy.weights, program.weights, name);
    for (const [plan, { records }] of Object.entries(program.plans)) {
      const [was, is] = [records, copy.plans[plan].records].map((r) => r.shard.map(({ attrs }) => attrs));
      assert.equal(is, was, `${name}: attributes of ${plan}`);
    }
  }
});

test("a training in a worker that is aborted leaves a checkpoint, from which it ends with the same bits", async () => {
  const controller = new AbortController();
  const options: TrainOptions = { ...base, guide: guide(), worker: true, evaluateEvery: 5 };
  const error = await rejection(
    train(small, {
      ...options,
      signal: controller.signal,
      onProgress: (p) => p.step >= 10 && controller.abort(),
    }),
  );
  assert.instance(error, TrainingStopped);
  const { checkpoint } = error as TrainingStopped & { checkpoint: Checkpoint };
  assert.ok(checkpoint.step >= 10 && checkpoint.step < 40);
  const resumed = await train(small, { ...options, resume: checkpoint, threads: 2 });
  assert.is(bitsOf(resumed), bitsOf(await train(small, { ...options, worker: false })));
});

test("a simulation in a worker is aborted between its parts", async () => {
  const controller = new AbortController();
  const work = simulate(small, 2_000_000, { worker: true, signal: controller.signal });
  controller.abort();
  const error = await rejection(work);
  assert.instance(error, SimulationStopped);
  assert.is((error as SimulationStopped).count, 2_000_000);
});

test("a loss that is not finite is reported as without a worker", async () => {
  const bad = { ...base, guide: guide(), rate: 1e30, clip: 0 };
  const [here, there] = [await rejection(train(small, bad)), await rejection(train(small, { ...bad, worker: true }))];
  assert.instance(there, TrainingStopped);
  assert.is(there.message, here.message);
});

const double = atOnce(compile({ double: { outputs: { y: mul(input("x", 1), 2) } } }));
const x = Float32Array.of(1, 2, 3);

test("an error in a worker comes back with its message, and the worker continues", async () => {
  const executor = await createExecutor(double, { worker: true, kernels: "plain" });
  const there = await rejection(executor.run("treble", { rows: 3, inputs: { x } }));
  const here = await rejection(
    (await createExecutor(double, { kernels: "plain" })).run("treble", { rows: 3, inputs: { x } }),
  );
  assert.is(there.message, here.message);
  assert.match(there.message, /expected a plan of double, got "treble"/);
  assert.equal((await executor.run("double", { rows: 3, inputs: { x } })).y, Float32Array.of(2, 4, 6));
  executor.dispose();
});

test("an error between the parts of a run ends it, and the worker continues", async () => {
  const executor = await createExecutor(double, { worker: true, kernels: "plain" });
  const many = new Float32Array(5000).fill(1);
  const reason = new Error("enough");
  const onRows = async (done: number): Promise<void> => {
    if (done > 2000) throw reason;
  };
  assert.is(await rejection(executor.run("double", { rows: 5000, inputs: { x: many }, onRows })), reason);
  assert.equal((await executor.run("double", { rows: 3, inputs: { x } })).y, Float32Array.of(2, 4, 6));
  executor.dispose();
});

test("a view of a larger buffer is posted alone, and the caller's arrays stay theirs", async () => {
  const executor = await createExecutor(double, { worker: true, kernels: "plain" });
  const large = Float32Array.from({ length: 1000 }, (_, i) => i);
  const part = large.subarray(10, 12);
  assert.equal((await executor.run("double", { rows: 2, inputs: { x: part } })).y, Float32Array.of(20, 22));
  assert.is(large.length, 1000);
  executor.dispose();
});

test("an executor that is disposed of while it works rejects pending promises", async () => {
  // When it is disposed of does not matter: a million steps take longer, on any machine.
  const { program } = atOnce(
    trainingProgram(small, fullSettings(small, { ...base, guide: guide(), embedding: "none" }), 3),
  );
  const optimiser = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: false, clip: 0 };
  for (const threads of [1, 2]) {
    const executor = await createExecutor(program, { worker: true, threads, kernels: "plain", optimiser });
    const rates = new Float32Array(1_000_000).fill(1e-6);
    const work = executor.train("train", { rows: 1024, seed: 0, firstStep: 0, rates, loss: "loss" });
    setTimeout(() => executor.dispose(), 50);
    assert.match((await rejection(work)).message, /disposed of while it worked/);
    assert.match((await rejection(executor.readWeights())).message, /disposed of/);
  }
});

/** The workers that are started from now on; `onStart` is told of each, before its script runs. */
function watchWorkers(onStart: (worker: ThreadWorker, index: number) => unknown = () => {}) {
  const module = process.getBuiltinModule("node:worker_threads") as { Worker: unknown };
  const { Worker } = module as typeof import("node:worker_threads");
  const made: ThreadWorker[] = [];
  module.Worker = class extends Worker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      onStart(this, made.push(this) - 1);
    }
  };
  return {
    made,
    restore: () => {
      module.Worker = Worker;
    },
  };
}

/** Does something while no worker of the tests before is idle, so that all that it needs are started. */
async function withNewWorkers(action: () => Promise<void>): Promise<void> {
  const others = await createExecutor(double, { threads: MAX_THREADS, kernels: "plain" });
  try {
    await action();
  } finally {
    others.dispose();
  }
}

/** A run that waits, after its first rows, for an answer that does not come. */
const endless = (executor: Executor, onFirstRows: () => void = () => {}): Promise<unknown> => {
  const onRows = (): Promise<void> => {
    onFirstRows();
    return new Promise(() => {});
  };
  return executor.run("double", { rows: 5000, inputs: { x: new Float32Array(5000) }, onRows });
};

for (const [which, index] of [
  ["leads", 0],
  ["follows", 1],
] as const)
  test(`a worker that ${which} and dies at work rejects pending promises`, () =>
    withNewWorkers(async () => {
      const { made, restore } = watchWorkers();
      try {
        const executor = await createExecutor(double, { threads: 2, kernels: "plain" });
        assert.is(made.length, 2);
        const { message } = await rejection(endless(executor, () => made[index].terminate()));
        assert.match(message, /^worker: expected it to continue, but a worker ended with status 1/);
      } finally {
        restore();
      }
    }));

test("a worker that dies before it is ready is reported as such, not as a script that was not found", () =>
  withNewWorkers(async () => {
    // The first worker shows that workers start here; the second dies.
    const { restore } = watchWorkers((worker, index) => index === 1 && worker.terminate());
    try {
      const { message } = await rejection(
        createExecutor(double, { threads: 2, kernels: "plain" }).then((executor) => endless(executor)),
      );
      assert.match(message, /^worker: expected it to continue, but a worker ended with status \d before it was ready$/);
    } finally {
      restore();
    }
  }));

test("workers of executors that are garbage serve others, not those whose answer is awaited", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const sweep = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) {
      collect();
      await new Promise((go) => setTimeout(go, 5)); // what is called when something was collected runs by itself
    }
  };
  const { made, restore } = watchWorkers();
  // Workers without work end after a second, which a busy machine may need for a sweep: here no second passes.
  const { setTimeout: later } = globalThis;
  globalThis.setTimeout = ((action: () => void, ms: number) =>
    later(ms < 1000 ? action : () => {}, ms)) as typeof later;
  try {
    for (let i = 0; i < 8; i++) {
      const answer = createExecutor(double, { worker: true, kernels: "plain" }).then((executor) =>
        executor.run("double", { rows: 4_000_000, inputs: { x: new Float32Array(4_000_000).fill(i) } }),
      );
      await sweep();
      assert.is((await answer).y[1], 2 * i);
      await sweep();
    }
    assert.ok(made.length <= 2, `${made.length} workers for 8 executors, one after another`);
  } finally {
    globalThis.setTimeout = later;
    restore();
  }
});

test("a value of worker other than true and false is refused by name", async () => {
  const error = await rejection(train(small, { ...base, worker: "yes" as never }));
  assert.match(error.message, /^\w+: expected worker to be true or false, got "yes"$/);
  const other = await rejection(infer(alone, y, { worker: 1 as never }));
  assert.is(other.message, "infer: expected worker to be true or false, got 1");
});

test("a problem given by a function trains in a worker: the function runs on the calling thread", async () => {
  let calls = 0;
  const given = outside((theta) => {
    calls++;
    return theta.map((row) => [row[0], row[1], (row[0] * row[0]) / 2]);
  });
  const options = { ...base, guide: guide(), bank: 200 };
  const map = await train(given, { ...options, worker: true });
  assert.ok(calls > 0);
  assert.is(bitsOf(map), bitsOf(await train(given, options)));
});

test.run();
