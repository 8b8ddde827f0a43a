/** Retrodict on WebGPU and on wasm. */
import type { CreateExecutor } from "../../src/backends/backend.ts";
import { createWasm } from "../../src/backends/wasm/executor.ts";
import type { KernelBuild } from "../../src/backends/wasm/kernels-url.ts";
import type { Gpu } from "../../src/backends/webgpu/device.ts";
import { createWebgpu } from "../../src/backends/webgpu/executor.ts";
import { scheduleOf } from "../../src/backends/webgpu/schedule.ts";
import * as g from "../../src/graph/build.ts";
import { compile } from "../../src/graph/program.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { readyKernels } from "../../test/helpers/kernel-runner.ts";
import { flowNetName, flowTraining, fromSlab, toSlab } from "../retrodict/models.ts";
import { ADAM } from "../workloads.ts";
import type { Candidate, FlowWork, Product, Trainer } from "./work.ts";

async function flow(work: FlowWork, create: CreateExecutor): Promise<Trainer> {
  const program = flowTraining(work.batch);
  const executor = await create(program, { optimiser: { ...ADAM, amsgrad: false, clip: 0 } });
  await executor.writeWeights(toSlab(program.weights, work.nets, flowNetName, work.weights()));
  const inputs = { theta: work.theta(), y: work.y() };
  let step = 0;
  const steps = async (count: number): Promise<Float64Array> => {
    const rates = new Float32Array(count).fill(work.learningRate);
    const of = { rows: work.batch, seed: 0, firstStep: step, rates, loss: "loss", inputs };
    const { losses } = await executor.train("train", of);
    step += count;
    return losses;
  };
  return {
    steps: async (count) => void (await steps(count)),
    outputs: async () => ({
      losses: await steps(work.checkSteps),
      weights: fromSlab(program.weights, work.nets, flowNetName, await executor.readWeights()),
    }),
    dispose: () => executor.dispose(),
  };
}

/** The three products of a layer of n units over n rows, without bias. */
const layer = (n: number) => {
  const [x, dz] = [g.input("x", n), g.input("dz", n)];
  const w = g.weight("w", n, n);
  return {
    dense: g.dense(x, w, { bias: false }),
    denseInputGrad: g.denseInputGrad(dz, w, n),
    denseWeightGrad: g.denseWeightGrad(x, dz, n, false),
  };
};
export type LayerOp = keyof ReturnType<typeof layer>;
export const LAYER_OPS: readonly LayerOp[] = ["dense", "denseInputGrad", "denseWeightGrad"];

/** b (k, n) as x feature by feature and a (m, k)ᵀ as weights make a·b of `dense`; the gradients get the same arrays. */
export async function ownProduct(
  { device }: Gpu,
  op: LayerOp,
  n: number,
  a: Float32Array,
  b: Float32Array,
): Promise<Product> {
  const { plans } = atOnce(compile({ graph: { outputs: { out: layer(n)[op] }, rows: n } }));
  const kernels = scheduleOf(plans.graph).shard.filter(({ name }) => name === op);
  const w = new Float32Array(n * n);
  for (let i = 0; i < n; i++) for (let k = 0; k < n; k++) w[k * n + i] = a[i * n + k];
  const right = Float32Array.from(b);
  const out = { dense: "y", denseInputGrad: "dx", denseWeightGrad: "dw" }[op];
  const ready = await readyKernels(device, kernels, { x: right, dz: right, w, [out]: n * n }, { rows: n, padded: n });
  return {
    async run(times) {
      ready.submit(times);
      await device.queue.onSubmittedWorkDone();
    },
    corner: (count) => ready.read(out, count),
    dispose: () => ready.dispose(),
  };
}

export const ownGpu = (gpu: Gpu): Candidate => ({
  name: "retrodict webgpu",
  flow: (work) => flow(work, createWebgpu),
  product: (n, a, b) => ownProduct(gpu, "dense", n, a, b),
});

export const ownWasm = (build: KernelBuild): Candidate => ({
  name: `retrodict wasm, ${build}`,
  flow: (work) => flow(work, (program, options) => createWasm(program, { build, ...options })),
});
