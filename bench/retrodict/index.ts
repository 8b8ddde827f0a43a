// Retrodict on its WebAssembly backend, one thread: the same work items over the same weights.

import { fileURLToPath } from "node:url";
import type { Executor, Rows } from "../../src/backends/backend.ts";
import { createWasm, type WasmOptions } from "../../src/backends/wasm/executor.ts";
import { compileKernels, instantiateKernels } from "../../src/backends/wasm/kernels.ts";
import type { KernelBuild } from "../../src/backends/wasm/kernels-url.ts";
import type { Program } from "../../src/graph/program.ts";
import { VERSION } from "../../src/version.ts";
import type { Peer, Prepared } from "../driver.ts";
import { ADAM, operands, W1, W2, W3, W4 } from "../workloads.ts";
import {
  flowModelFile,
  flowNetName,
  flowSampling,
  flowTraining,
  fromSlab,
  gaussianNetName,
  gaussianSampling,
  gaussianTraining,
  toSlab,
} from "./models.ts";

type Training = typeof W1 | typeof W2;

/** A training step of W1 or W2; `create` makes the executor, by default one on the calling thread. */
export async function training(
  work: Training,
  build: KernelBuild,
  create: (program: Program, options: WasmOptions) => Promise<Executor> = createWasm,
): Promise<Prepared> {
  const program = work === W2 ? flowTraining() : gaussianTraining();
  const name = work === W2 ? flowNetName : gaussianNetName;
  const executor = await create(program, { build, optimiser: { ...ADAM, amsgrad: false, clip: 0 } });
  await executor.writeWeights(toSlab(program.weights, work.nets, name, work.weights()));
  const inputs = { theta: work.theta(), y: work.y() };
  let step = 0;
  const steps = async (count: number): Promise<Float64Array> => {
    const rates = new Float32Array(count).fill(work.learningRate);
    const { losses } = await executor.train("train", {
      rows: work.batch,
      seed: 0,
      firstStep: step,
      rates,
      loss: "loss",
      inputs,
    });
    step += count;
    return losses;
  };
  return {
    run: async () => void (await steps(1)),
    outputs: async () => ({
      losses: await steps(work.checkSteps),
      weights: fromSlab(program.weights, work.nets, name, await executor.readWeights()),
    }),
    dispose: () => executor.dispose(),
  };
}

/** A single kernel on operands that lie in memory, in our layout [M/8][K][8]. */
async function product(id: string, build: KernelBuild): Promise<Prepared> {
  const { m, n, k } = W3[id];
  const { a, b } = operands(W3[id]);
  const kernels = instantiateKernels(await compileKernels(build));
  const blocks = Math.ceil(m / 8);
  const x = Math.ceil(kernels.heapBase() / 64) * 64;
  const w = x + blocks * 8 * k * 4;
  const y = w + n * k * 4 + 64;
  kernels.memory.grow(Math.ceil((y + blocks * 8 * n * 4 + 64) / 65536));
  const at = (pointer: number, count: number) => new Float32Array(kernels.memory.buffer, pointer, count);
  const rows = at(x, blocks * 8 * k);
  for (let r = 0; r < m; r++) for (let c = 0; c < k; c++) rows[((r >> 3) * k + c) * 8 + (r & 7)] = a[r * k + c];
  at(w, n * k).set(b);
  const run = () => void kernels.denseForward(x, w, y, blocks, k, n, 0, 0);
  return {
    run,
    outputs: () => {
      run();
      const out = at(y, blocks * 8 * n);
      return {
        product: Float32Array.from(
          { length: m * n },
          (_, i) => out[((Math.floor(i / n) >> 3) * n + (i % n)) * 8 + (Math.floor(i / n) & 7)],
        ),
      };
    },
  };
}

async function flow(build: KernelBuild, own: boolean): Promise<Prepared> {
  const program = flowSampling();
  const executor = await createWasm(program, { build });
  await executor.writeWeights(toSlab(program.weights, W2.nets, flowNetName, W2.weights()));
  const answer = () =>
    executor.run(own ? "own" : "given", {
      rows: W4.draws,
      repeat: W4.draws,
      seed: 7,
      inputs: { context: W4.flowObservation(), ...(!own && { noise: W4.flowNoise() }) },
    });
  return { run: async () => void (await answer()), outputs: answer, dispose: () => executor.dispose() };
}

/** Packed moments: mean (2), then the factor d1, o, d2. */
const moments = (context: Rows) => ({ mean: context.subarray(0, 2), factor: context.subarray(2, 5) });

async function gauss(build: KernelBuild, own: boolean): Promise<Prepared> {
  const program = gaussianSampling();
  const executor = await createWasm(program, { build });
  await executor.writeWeights(toSlab(program.weights, W1.nets, gaussianNetName, W1.weights()));
  const answer = async () => {
    const { context } = await executor.run("encode", { rows: 1, inputs: { y: W4.gaussObservation() } });
    const inputs = { context, ...(!own && { noise: W4.gaussNoise() }) };
    const { draws } = await executor.run(own ? "own" : "given", { rows: W4.draws, repeat: W4.draws, seed: 7, inputs });
    return { ...moments(context), draws };
  };
  return { run: async () => void (await answer()), outputs: answer, dispose: () => executor.dispose() };
}

/** The factor contains column `c` after softplus, which the check inverts. */
async function batch(build: KernelBuild): Promise<Prepared> {
  const program = gaussianSampling();
  const executor = await createWasm(program, { build });
  await executor.writeWeights(toSlab(program.weights, W1.nets, gaussianNetName, W1.weights()));
  const answer = () => executor.run("nets", { rows: W4.batchRows, inputs: { y: W4.batchData() } });
  const pick = (x: Rows, columns: readonly number[]) =>
    Float64Array.from(
      { length: W4.batchRows * columns.length },
      (_, i) => x[Math.floor(i / columns.length) * 5 + columns[i % columns.length]],
    );
  const inverseSoftplus = (d: number) => d + Math.log(-Math.expm1(-d));
  return {
    run: async () => void (await answer()),
    outputs: async () => {
      const { context } = await answer();
      return {
        mean: pick(context, [0, 1]),
        diagonal: pick(context, [2, 4]).map(inverseSoftplus),
        offDiagonal: pick(context, [3]),
      };
    },
    dispose: () => executor.dispose(),
  };
}

/** The cold start: the published bundle, W2's flow as a model file. */
export const coldPeer = (): Peer => ({
  name: "retrodict",
  version: VERSION,
  notes: "the build that the host runs",
  workloads: {},
  cold: { script: fileURLToPath(new URL("./cold.ts", import.meta.url)), model: flowModelFile },
});

/** One of the two builds as a candidate. */
export const retrodict = (build: KernelBuild): Peer => ({
  name: build === "plain" ? "retrodict" : "retrodict FMA",
  version: VERSION,
  notes: `wasm SIMD, ${build} build, one thread`,
  workloads: {
    W1Step: () => training(W1, build),
    W2Step: () => training(W2, build),
    ...Object.fromEntries(Object.keys(W3).map((id) => [id, () => product(id, build)])),
    W4Flow: () => flow(build, false),
    W4FlowOwnNoise: () => flow(build, true),
    W4Gauss: () => gauss(build, false),
    W4GaussOwnNoise: () => gauss(build, true),
    W4Batch: () => batch(build),
  },
});
