// slow (95 s): trainings on a software adapter, in three hosts
// Training on WebGPU: losses and gradients as on wasm, resuming on another backend, a lost device, hosts without an adapter.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Executor } from "../src/backends/backend.ts";
import { createExecutor } from "../src/backends/select.ts";
import { openGpu } from "../src/backends/webgpu/device.ts";
import { input, mul } from "../src/graph/build.ts";
import { compile } from "../src/graph/program.ts";
import { atOnce } from "../src/host/yielding.ts";
import {
  defineProblem,
  gaussian,
  gaussianNoise,
  infer,
  normal,
  type Progress,
  TrainingStopped,
  type TrainOptions,
  train,
} from "../src/index.ts";
import { initialWeights } from "../src/nn/initial.ts";
import { arm, eit } from "../src/problems.ts";
import { fullSettings } from "../src/train/options.ts";
import { trainingProgram } from "../src/train/program.ts";
import { noGpu } from "./helpers/gpu.ts";
import { rejection, small } from "./helpers/maps.ts";
import { isInstalled, otherHosts, runCode, runOn } from "./helpers/processes.ts";

const skip = (): boolean => {
  if (noGpu) console.log(`SKIP ${noGpu}`);
  return noGpu !== null;
};
const optimiser = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: false, clip: 5 };
const norm = (x: Float32Array): number => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0));

test("from the same weights, at steps 0, 100 and 500 of the arm, loss and gradient are those of wasm", async () => {
  if (skip()) return;
  for (const guide of ["gaussian", "spline"] as const) {
    const settings = fullSettings(arm, { guide, batch: 64 });
    const { program } = atOnce(trainingProgram(arm, settings, 0));
    const wasm = await createExecutor(program, { backend: "wasm", kernels: "plain", optimiser });
    const gpu = await createExecutor(program, { backend: "webgpu", optimiser });
    const frozen = new Float32Array(program.frozen.bytes / 4).fill(1);
    await wasm.writeWeights(atOnce(initialWeights(program.weights, 1)));
    let step = 0;
    for (const executor of [wasm, gpu]) await executor.writeWeights(frozen, "frozen");
    const ask = async (executor: Executor): Promise<{ loss: number; gradient: Float32Array }> => {
      const { loss } = await executor.run("train", { rows: settings.batch, seed: 2, step });
      return { loss: loss[0], gradient: await executor.readGradient("train") };
    };
    for (const next of [0, 100, 500]) {
      const rates = new Float32Array(next - step).fill(2e-3);
      await wasm.train("train", { rows: settings.batch, seed: 1, firstStep: step, rates, loss: "loss" });
      step = next;
      await gpu.writeWeights(await wasm.readWeights());
      const [want, got] = [await ask(wasm), await ask(gpu)];
      const loss = Math.abs(got.loss - want.loss) / Math.abs(want.loss);
      const gradient = norm(got.gradient.map((v, i) => v - want.gradient[i])) / norm(want.gradient);
      console.log(`${guide}, step ${step}: loss ${loss.toExponential(1)}, gradient ${gradient.toExponential(1)}`);
      assert.ok(loss <= 1e-5, `${guide}, step ${step}: loss ${want.loss}, ${got.loss}`);
      assert.ok(gradient <= 1e-4, `${guide}, step ${step}: gradient off by ${gradient}`);
    }
    for (const executor of [wasm, gpu]) executor.dispose();
  }
});

const base: TrainOptions = {
  guide: gaussian({ hidden: [8] }),
  steps: 60,
  batch: 32,
  rate: 5e-3,
  heldOut: 64,
  evaluateEvery: 10,
  seed: 3,
};

test("a training begun on WebGPU ends near the one on wasm, and infers there", async () => {
  if (skip()) return;
  const [gpu, wasm] = [
    await train(small, { ...base, backend: "webgpu" }),
    await train(small, { ...base, kernels: "plain" }),
  ];
  assert.match(gpu.spec.training.device, /^webgpu /);
  gpu.spec.training.curve?.heldOut.forEach((loss, i) => {
    const want = wasm.spec.training.curve?.heldOut[i] as number;
    assert.ok(Math.abs(loss - want) < 1e-3 * (1 + Math.abs(want)), `${i}: ${loss}, ${want}`);
  });
  const y = new Float32Array(small.M).fill(0.3);
  const [there, here] = [await infer(gpu, y, { backend: "webgpu" }), await infer(gpu, y, { backend: "wasm" })];
  for (const [d, m] of here.mean.entries()) assert.ok(Math.abs(there.mean[d] - m) < 1e-4, `${there.mean[d]}, ${m}`);
  const draws = [await there.sample(500, { seed: 4 }), await here.sample(500, { seed: 4 })];
  draws[0].forEach((v, i) => {
    assert.ok(Math.abs(v - draws[1][i]) < 1e-4, `draw ${i}: ${v}, ${draws[1][i]}`);
  });
  const logs = [await there.logProb(draws[0]), await here.logProb(draws[0])];
  logs[0].forEach((v, i) => {
    assert.ok(Math.abs(v - logs[1][i]) < 1e-4 * (1 + Math.abs(v)), `${v}, ${logs[1][i]}`);
  });
});

test("steps in one call and in many end with the same weights, and a loss that is not finite stops before its update", async () => {
  if (skip()) return;
  const settings = fullSettings(small, { ...base, optimiser: "amsgrad" });
  const { program } = atOnce(trainingProgram(small, settings, 0));
  const options = { ...optimiser, amsgrad: true };
  const run = async (parts: readonly number[]): Promise<Float32Array> => {
    const executor = await createExecutor(program, { backend: "webgpu", optimiser: options });
    await executor.writeWeights(atOnce(initialWeights(program.weights, 1)));
    await executor.writeWeights(new Float32Array(program.frozen.bytes / 4).fill(1), "frozen");
    let firstStep = 0;
    for (const count of parts) {
      const rates = new Float32Array(count).fill(1e-3);
      const { done, losses } = await executor.train("train", { rows: 32, seed: 5, firstStep, rates, loss: "loss" });
      assert.equal([done, losses.length], [count, count]);
      firstStep += count;
    }
    const before = await executor.readWeights();
    assert.is((await executor.readOptimiser()).updates, firstStep);
    await executor.writeWeights(before.map(() => Number.NaN));
    const stopped = await executor.train("train", {
      rows: 32,
      seed: 5,
      firstStep,
      rates: new Float32Array(3),
      loss: "loss",
    });
    assert.is(stopped.done, 0);
    assert.ok(Number.isNaN(stopped.losses[0]) && stopped.losses.length === 1);
    executor.dispose();
    return before;
  };
  assert.equal(await run([40]), await run([1, 6, 33]));
});

test("a lost device leaves a checkpoint, from which training continues on wasm or on a new device", async () => {
  if (skip()) return;
  const onProgress = async ({ step }: Progress): Promise<void> => {
    if (step >= 30) (await openGpu()).device.destroy();
  };
  const error = (await rejection(
    train(small, { ...base, steps: 400, backend: "webgpu", onProgress: (p) => void onProgress(p) }),
  )) as TrainingStopped;
  assert.instance(error, TrainingStopped);
  assert.is(error.reason, "lost");
  assert.match(
    error.message,
    /^training: stopped, because webgpu: the device was lost .* the state after step \d+ is kept/,
  );
  assert.ok(error.checkpoint.step >= 10 && error.checkpoint.step % 10 === 0);
  for (const backend of ["wasm", "webgpu"] as const) {
    const map = await train(small, { ...base, steps: 400, backend, resume: error.checkpoint });
    assert.is(map.spec.training.steps, 400);
    assert.ok(map.spec.training.device.startsWith(backend));
  }
});

test("what WebGPU cannot do is refused with the reason, and with what to use instead", async () => {
  if (skip()) return;
  const solves = await rejection(
    train(eit, { objective: "elbo", backend: "webgpu", steps: 1, bank: 0 } as TrainOptions),
  );
  assert.match(
    solves.message,
    /^webgpu: expected ops that it has, got "sparse\w+" in plan "train": .*; use backend "wasm"/,
  );
  const wide = atOnce(compile({ p: { outputs: { y: mul(input("x", 3), 2) } } }));
  const executor = await createExecutor(wide, { backend: "webgpu" });
  assert.match((await rejection(executor.run("q", { rows: 1 }))).message, /^webgpu: expected a plan of p, got "q"$/);
  executor.dispose();
});

test("a batch that does not fit is refused with the rows that would, and calls at the same time wait for each other", async () => {
  if (skip()) return;
  const batch = { ...base, objective: "elbo", batch: 65_536, particles: 128, backend: "webgpu" } as const;
  const { message } = await rejection(train(small, batch));
  const most = /^webgpu: expected plan "train" to fit .*, got 65536 rows; take (\d+) rows or fewer/.exec(message)?.[1];
  assert.ok(Number(most) >= 1024 && Number(most) < 65_536, message);

  const x = [10, 50_000].map((rows) => Float32Array.from({ length: rows }, (_, i) => i));
  const twice = atOnce(compile({ p: { outputs: { y: mul(input("x", 1), 2) } } }));
  const executor = await createExecutor(twice, { backend: "webgpu" });
  await executor.run("p", { rows: 10, inputs: { x: x[0] } }); // has buffers, which the second call outgrows
  const calls = [...x, ...x].map((own) => executor.run("p", { rows: own.length, inputs: { x: own } }));
  const wrong = rejection(executor.run("p", { rows: 2, inputs: { x: [1] } }));
  for (const [i, { y }] of (await Promise.all(calls)).entries())
    assert.equal(
      y,
      x[i % 2].map((v) => 2 * v),
    );
  assert.match((await wrong).message, /expected 2 numbers, got 1/);
  executor.dispose();
});

test("where there is no adapter, webgpu says why and auto trains on wasm", () => {
  const script = `
    import { train, gaussian } from "./src/index.ts";
    import { arm } from "./src/problems.ts";
    const options = { guide: gaussian({ hidden: [4] }), steps: 2, batch: 8, heldOut: 8, evaluateEvery: 1 };
    const told = await train(arm, { ...options, backend: "webgpu" }).catch((error) => error.message);
    const { device } = (await train(arm, options)).spec.training;
    const large = { ...options, guide: gaussian({ hidden: [512, 512] }), batch: 2048, steps: 1 };
    const { device: fallen } = (await train(arm, large)).spec.training;
    const { device: shared } = (await train(arm, { ...large, threads: 2 })).spec.training;
    console.log(JSON.stringify({ told, device, fallen, shared }));`;
  const env = { VK_ICD_FILENAMES: "/nowhere", VK_DRIVER_FILES: "/nowhere" };
  const { out, err } = runCode(script, { env });
  assert.ok(out.includes("{"), err);
  const { told, device, fallen, shared } = JSON.parse(out.slice(out.indexOf("{")));
  assert.match(told, /^webgpu: this host has no adapter: .*; use backend "wasm"$/);
  assert.match(device, /^wasm (plain|relaxed)$/);
  assert.match(shared, /^wasm (plain|relaxed), 2 threads \(webgpu: this host has no adapter/);
  assert.match(fallen, /^wasm (plain|relaxed) \(webgpu: this host has no adapter/);
});

for (const host of otherHosts)
  test(`${host.name} trains and infers on WebGPU, close to its results on wasm, and its process ends`, () => {
    if (skip() || !isInstalled(host)) return;
    const { status, out, err } = runOn(host, "test/helpers/on-webgpu.ts");
    assert.is(status, 0, err || "the process did not end by itself");
    const { gpu, wasm } = JSON.parse(out);
    assert.match(gpu.device, /^webgpu /);
    assert.ok(gpu.numbers.length > 5);
    assert.is(gpu.numbers.length, wasm.numbers.length);
    gpu.numbers.forEach((v: number, i: number) => {
      assert.ok(Math.abs(v - wasm.numbers[i]) < 1e-3 * (1 + Math.abs(v)), `${i}: ${v}, ${wasm.numbers[i]}`);
    });
  });

test("a bank trains at an offset that single precision cannot hold, and infers there", async () => {
  if (skip()) return;
  const offset = 1e9;
  const problem = defineProblem({
    name: "far",
    prior: normal(offset, 1),
    forward: (theta) => mul(theta, 1),
    noise: gaussianNoise(0.5),
  });
  const guide = gaussian({ hidden: [4], base: "linear" });
  const options: TrainOptions = { guide, backend: "webgpu", bank: 2000, steps: 1, rate: 1e-12, batch: 8, heldOut: 64 };
  const q = await infer(await train(problem, { ...options, onWarning: () => {} }), [offset + 1]);
  // Precision 1 + 4, mean 4/5; 2000 simulations estimate them to 2 % of an sd.
  assert.ok(Math.abs(q.mean[0] - offset - 0.8) < 0.05 && Math.abs(q.sd[0] - 5 ** -0.5) < 0.05, `${q.mean} ${q.sd}`);
  assert.instance(await q.sample(5), Float64Array);
});

test.run();
