// Every executor runs programs: runs, draws, banks, training. One list of properties holds for all backends.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CreateExecutor, Executor, OptimiserOptions } from "../../src/backends/backend.ts";
import { createReference } from "../../src/backends/reference/executor.ts";
import * as g from "../../src/graph/build.ts";
import { gradientsOf } from "../../src/graph/grad.ts";
import { compile, type Program } from "../../src/graph/program.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { normalAt, randomWord, uniformAt } from "../../src/numbers/random.ts";
import { backends } from "../helpers/backends.ts";
import { draw, generator } from "../helpers/random.ts";
import { fillSlab, runGraph } from "../helpers/run.ts";

const U32 = 2 ** -24;

function near(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, what: string): void {
  assert.is(got.length, want.length, `${what}: length`);
  for (let i = 0; i < want.length; i++) {
    const bound = tolerance * Math.max(1, Math.abs(want[i]));
    assert.ok(Math.abs(got[i] - want[i]) <= bound, `${what}[${i}]: expected ${want[i]} ± ${bound}, got ${got[i]}`);
  }
}

/** A test of every backend. */
const each = (name: string, body: (create: CreateExecutor) => Promise<void>): void => {
  for (const [backend, create] of Object.entries(backends)) test(`${name} (${backend})`, () => body(create));
};

// ---- runs

const x2 = g.input("x", 2);
const numbers = (count: number, seed = 1): Float64Array => draw(generator(seed), count, { low: -2, high: 2 });

each("batches are answered row by row, particle after particle, and params whole", async (create) => {
  const outputs = { twice: g.tile(x2, 2), sum: g.batchSum(x2), square: g.square(g.weight("w", 2, 3)) };
  const options = { create, rows: 3, inputs: { x: [1, 2, 3, 4, 5, 6] }, weights: { w: [1, 2, 3, 4, 5, 6] } };
  const { twice, sum, square } = await runGraph(outputs, options);
  assert.equal([...twice], [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]);
  assert.equal([...sum], [9, 12]);
  assert.equal([...square], [1, 4, 9, 16, 25, 36]);
});

each("a row of a repeated input serves consecutive rows of the run", async (create) => {
  const y = g.input("y", 1, { repeat: true });
  const inputs = { x: numbers(14), y: [10, 20, 30] };
  const out = await runGraph({ y: g.mul(y, 1), x: g.mul(x2, 2) }, { create, rows: 7, repeat: 3, inputs });
  assert.equal([...out.y], [10, 10, 10, 20, 20, 20, 30]);
  assert.equal(
    [...out.x],
    Array.from(inputs.x, (v) => 2 * v),
  );
});

each("long runs answer what short ones do", async (create) => {
  const rows = 9001; // no multiple of any block, shard or buffer
  const y = g.input("y", 1, { repeat: true });
  const outputs = {
    rows: g.add(x2, y),
    tiles: g.add(g.tile(x2, 2), g.random("uniform", 2, 1, 2)),
    sum: g.batchSum(g.cast(x2, "f64")),
    late: g.sqrt(g.batchSum(g.cast(g.square(x2), "f64"))),
    fixed: g.square(g.weight("w", 1, 2)),
  };
  const inputs = { x: numbers(2 * rows), y: numbers(Math.ceil(rows / 7), 2) };
  const options = { rows, repeat: 7, inputs, weights: { w: [1, 2] }, seed: 5, step: 6 };
  const [want, got] = [await runGraph(outputs, options), await runGraph(outputs, { ...options, create })];
  for (const name of Object.keys(outputs)) near(got[name], want[name], 4 * U32, name);
});

each("an input that is missing or too short is an error with its name", async (create) => {
  for (const inputs of [{}, { x: [1, 2, 3] }] as Record<string, number[]>[]) {
    let message = "";
    await runGraph({ y: g.mul(x2, 2) }, { create, rows: 2, inputs }).catch((e: Error) => (message = e.message));
    assert.match(message, /input "x".*expected 4 numbers/);
  }
});

each("draws are those of their row, column, step, stream and seed, in every tile", async (create) => {
  const outputs = { u: g.random("uniform", 5, 7, 2), n: g.random("normal", 3, 8) };
  const rows = 70;
  const { u, n } = await runGraph(outputs, { create, rows, seed: 11, step: 12 });
  const grid = (count: number, cols: number, at: (row: number, column: number) => number): number[] =>
    Array.from({ length: count * cols }, (_, i) => at(Math.floor(i / cols), i % cols));
  near(
    u,
    grid(2 * rows, 5, (r, c) => uniformAt(11, 7, 12, r, c)),
    U32,
    "uniform",
  );
  // r cos 2πu: 2.5 ulp each for the logarithm's root, the sine and the angle, for r up to 6.
  near(
    n,
    grid(rows, 3, (r, c) => normalAt(11, 8, 12, r, c)),
    60 * U32,
    "normal",
  );
});

each("rows of a bank are chosen by stream: two banks of one stream stay together", async (create) => {
  const outputs = { a: g.bankRows("a", 2, 3), b: g.bankRows("b", 1, 3), other: g.bankRows("b", 1, 4) };
  const banks = { a: [0, 0.5, 1, 1.5, 2, 2.5], b: [10, 11, 12] };
  const { a, b, other } = await runGraph(outputs, { create, rows: 50, seed: 1, step: 2, banks });
  for (let r = 0; r < 50; r++) {
    const row = randomWord(1, 3, 2, r, 0) % 3;
    assert.equal([a[2 * r], a[2 * r + 1], b[r]], [row, row + 0.5, 10 + row]);
  }
  assert.not.equal([...other], [...b]);
});

// ---- training

const adam: OptimiserOptions = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, amsgrad: false, clip: 0 };

/** A small regression on random data whose gradient changes from step to step, with every way a gradient is formed. */
function regression(): { program: Program; values: Record<string, Float64Array> } {
  const x = g.random("normal", 3, 1);
  const [w0, w1] = [g.weight("w0", 4, 5), g.weight("w1", 6, 5)];
  const logScale = g.weight("logScale", 1, 1); // its gradient is no plain sum
  const hidden = g.dense(g.dense(x, w0, { activation: "tanh" }), w1, { activation: "softplus" });
  const again = g.dense(hidden, w1); // a weight of two layers
  const error = g.sub(g.sumFeatures(again), g.sin(g.sumFeatures(x)));
  const rowLoss = g.add(g.mul(g.square(error), g.exp(logScale)), g.neg(logScale));
  const decay = g.mul(g.sumFeatures(g.square(w0)), 0.1); // of the weights alone
  const loss = g.cast(g.add(g.mul(g.batchSum(rowLoss), 1 / 40), decay), "f64");
  const program = atOnce(compile({ train: { outputs: { loss }, gradients: () => gradientsOf(loss), rows: 40 } }));
  const sizes = { w0: 20, w1: 30, logScale: 1 };
  const values = Object.fromEntries(
    Object.entries(sizes).map(([name, n], i) => [name, draw(generator(i), n, { low: -0.5, high: 0.5 })]),
  );
  return { program, values };
}

async function started(create: CreateExecutor, optimiser: OptimiserOptions): Promise<Executor> {
  const { program, values } = regression();
  const executor = await create(program, { optimiser });
  await executor.writeWeights(fillSlab(program.weights, values));
  return executor;
}

const rate = 0.01;
const train = (executor: Executor, firstStep: number, steps: number) =>
  executor.train("train", { rows: 40, seed: 9, firstStep, rates: new Float32Array(steps).fill(rate), loss: "loss" });

const settings: Readonly<Record<string, OptimiserOptions>> = {
  Adam: adam,
  AMSGrad: { ...adam, amsgrad: true },
  "clipped Adam": { ...adam, clip: 0.5 },
};
for (const [name, optimiser] of Object.entries(settings)) {
  each(`${name} takes the steps of its equations from the gradient that a run leaves`, async (create) => {
    const executor = await started(create, optimiser);
    const { beta1, beta2, epsilon, amsgrad, clip } = optimiser;
    let [m, v, largest] = [0, 1, 2].map(() => new Float64Array(0));
    for (let t = 1; t <= 12; t++) {
      const before = await executor.readWeights();
      await train(executor, t - 1, 1);
      const gradient = await executor.readGradient("train");
      if (t === 1) [m, v, largest] = [0, 1, 2].map(() => new Float64Array(before.length));
      const norm = Math.sqrt(gradient.reduce((s, x) => s + x * x, 0));
      if (clip > 0) assert.ok(norm > clip, "the gradient is long enough to be clipped");
      const want = Array.from(before, (w, i) => {
        const x = clip > 0 ? (gradient[i] * clip) / norm : gradient[i];
        m[i] = beta1 * m[i] + (1 - beta1) * x;
        v[i] = beta2 * v[i] + (1 - beta2) * x * x;
        largest[i] = amsgrad ? Math.max(largest[i], v[i]) : v[i];
        return w - ((rate / (1 - beta1 ** t)) * m[i]) / (Math.sqrt(largest[i] / (1 - beta2 ** t)) + epsilon);
      });
      // The step is at most a few rates; v is known to about 20 u, and 1 − β in f32 to u / (1 − β).
      near(await executor.readWeights(), want, 60 * U32, `weights after step ${t}`);
      const moments = await executor.readOptimiser();
      assert.is(moments.updates, t);
      near(moments.m, m, 60 * U32, "m");
      near(moments.v, v, 60 * U32, "v");
      near(moments.largest, amsgrad ? largest : [], 60 * U32, "largest v");
    }
    executor.dispose();
  });
}

each("gradients and losses of a training step are those of the reference", async (create) => {
  const executors = [await started(createReference, adam), await started(create, adam)];
  for (let step = 0; step < 3; step++) {
    const [want, got] = [await train(executors[0], step, 1), await train(executors[1], step, 1)];
    near(got.losses, want.losses, 100 * U32, "loss");
    const [a, b] = [await executors[0].readGradient("train"), await executors[1].readGradient("train")];
    // Means over 40 rows of products of four layers of order one.
    near(b, a, 400 * U32, `gradient of step ${step}`);
    await executors[1].writeWeights(await executors[0].readWeights());
  }
});

each("a training may be fed the same rows at every step", async (create) => {
  // Least squares with one weight a column: y = 3 x₀ − 2 x₁, at a rate that falls to 0.
  const x = g.input("x", 2);
  const error = g.sub(g.sumFeatures(g.mul(x, g.weight("w", 1, 2))), g.sumFeatures(g.mul(x, [3, -2])));
  const loss = g.cast(g.batchSum(g.square(error)), "f64");
  const executor = await create(atOnce(compile({ train: { outputs: { loss }, gradients: () => gradientsOf(loss) } })), {
    optimiser: adam,
  });
  const rates = Float32Array.from({ length: 400 }, (_, i) => 0.1 * (1 - i / 400));
  const options = { rows: 13, seed: 0, firstStep: 0, rates, loss: "loss", inputs: { x: numbers(26) } };
  const { done, losses } = await executor.train("train", options);
  assert.is(done, 400);
  assert.ok(losses[399] < 1e-6 * losses[0], `the loss falls, got ${losses[0]} and ${losses[399]}`);
  near((await executor.readWeights()).slice(0, 2), [3, -2], 1e-3, "weights");
  let message = "";
  await executor.train("train", { ...options, inputs: {} }).catch((e: Error) => (message = e.message));
  assert.match(message, /input "x"/);
});

each("nothing lies between the entries of the gradient, whatever kernels leave there", async (create) => {
  const executor = await started(create, adam);
  await train(executor, 0, 1);
  const { program } = regression();
  const gradient = await executor.readGradient("train");
  for (const { rows, cols, offset } of program.weights.entries) gradient.fill(0, offset / 4, offset / 4 + rows * cols);
  assert.ok(gradient.every((x) => x === 0));
});

each("a training that is read, written to another executor and carried on is the uninterrupted one", async (create) => {
  const whole = await started(create, { ...adam, amsgrad: true });
  const { losses } = await train(whole, 0, 20);
  const first = await started(create, { ...adam, amsgrad: true });
  await train(first, 0, 8);
  const second = await started(create, { ...adam, amsgrad: true });
  await second.writeWeights(await first.readWeights());
  await second.writeOptimiser(await first.readOptimiser());
  const rest = await train(second, 8, 12);
  // The reference keeps f64 between its steps, and hands f32 on.
  const tolerance = whole.backend === "reference" ? 100 * U32 : 0;
  near(rest.losses, losses.slice(8), tolerance, "losses");
  near(await second.readWeights(), await whole.readWeights(), tolerance, "weights");
});

each("training stops before an update whose loss or gradient is not finite", async (create) => {
  const w = g.weight("w", 1, 1);
  const above = g.sub(w, 0.95);
  const bad: Readonly<Record<string, Tensor>> = {
    loss: g.log(above), // falls below 0.95 after a few steps of 0.01 from 1
    gradient: g.sqrt(g.mul(above, g.detach(g.where(above, 1, 0)))), // √0 there, whose derivative is 0/0
  };
  for (const [what, value] of Object.entries(bad)) {
    const loss = g.cast(g.mul(g.batchSum(g.mul(g.ones("f32"), value)), 1 / 8), "f64");
    const program = atOnce(compile({ train: { outputs: { loss }, gradients: () => gradientsOf(loss), rows: 8 } }));
    const executor = await create(program, { optimiser: adam });
    await executor.writeWeights(fillSlab(program.weights, { w: [1] }));
    const rates = new Float32Array(20).fill(rate);
    const { done, losses } = await executor.train("train", { rows: 8, seed: 0, firstStep: 0, rates, loss: "loss" });
    assert.ok(done >= 4 && done <= 6, `${what}: stopped after ${done} steps`);
    assert.is(losses.length, done + 1);
    assert.is(Number.isFinite(losses[done]), what === "gradient");
    const [left] = await executor.readWeights();
    assert.ok(Number.isFinite(left) && left > 0.93, `${what}: the weights are those before the bad step, got ${left}`);
    assert.is((await executor.readOptimiser()).updates, done);
  }
});

each("a plan or a bank that is not there is named", async (create) => {
  const program = atOnce(compile({ draw: { outputs: { y: g.bankRows("bank", 2, 1) } } }));
  const executor = await create(program);
  const failing: readonly [RegExp, () => Promise<unknown>][] = [
    [/expected a plan of draw, got "sample"/, () => executor.run("sample", { rows: 1 })],
    [/plan "draw" draws from bank "bank", which was not written/, () => executor.run("draw", { rows: 1 })],
    [/bank "bank"/, () => executor.writeBank("bank", new Float32Array(3))],
    [/bank "other"/, () => executor.writeBank("other", new Float32Array(2))],
  ];
  for (const [message, action] of failing) {
    let got = "";
    await action().catch((e: Error) => (got = e.message));
    assert.match(got, message);
  }
});

for (const [backend, create] of Object.entries(backends)) {
  if (backend === "reference") continue; // in f64 these moments are no subnormal numbers
  test(`moments that would become subnormal become 0, and others are kept (${backend})`, async () => {
    const w = g.weight("w", 1, 4);
    const loss = g.cast(g.mul(g.sumFeatures(w), 0), "f64"); // its gradient is 0, as that of a dead unit
    const executor = await create(
      atOnce(compile({ train: { outputs: { loss }, gradients: () => gradientsOf(loss), rows: 8 } })),
      {
        optimiser: adam,
      },
    );
    const { m, v, ...rest } = await executor.readOptimiser();
    const start = [1e-36, -1e-36, 1e-30, -1e-3];
    m.set(start);
    v.set(start.map(Math.abs));
    await executor.writeOptimiser({ ...rest, updates: 1, m, v });
    await executor.train("train", { rows: 8, seed: 0, firstStep: 1, rates: Float32Array.of(rate), loss: "loss" });
    const after = await executor.readOptimiser();
    assert.equal(Array.from(after.m.slice(0, 2), Math.abs), [0, 0]);
    assert.equal(Array.from(after.v.slice(0, 2)), [0, 0]);
    for (const i of [2, 3]) {
      assert.ok(Math.abs(after.m[i] / (adam.beta1 * start[i]) - 1) < 4 * U32);
      assert.ok(Math.abs(after.v[i] / (adam.beta2 * Math.abs(start[i])) - 1) < 4 * U32);
    }
  });
}

test.run();
