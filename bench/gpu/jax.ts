/** jax-js on WebGPU, whole steps jitted (bench/jax/plain.ts). */
import { defaultDevice, init, jit, numpy as np, type Array as Tensor, tree } from "@jax-js/jax";
import { tensor } from "../jax/flow.ts";
import { read } from "../jax/index.ts";
import { flowLoss, trainer } from "../jax/plain.ts";
import type { Candidate, FlowWork, Trainer } from "./work.ts";

async function flow(work: FlowWork): Promise<Trainer> {
  const state = trainer(work, flowLoss);
  return {
    async steps(count) {
      for (let i = 1; i < count; i++) state.update().dispose();
      await read(state.update());
    },
    async outputs() {
      const losses: number[] = [];
      for (let i = 0; i < work.checkSteps; i++) losses.push((await read(state.update()))[0]);
      return { losses, weights: await state.slab() };
    },
    dispose: () => state.dispose(),
  };
}

/** @throws if the library finds no WebGPU. */
export async function jaxGpu(): Promise<Candidate> {
  if (!(await init("webgpu")).includes("webgpu")) throw new Error("init answers no device webgpu");
  defaultDevice("webgpu");
  return {
    name: "jax-js webgpu",
    flow,
    async product(n, a, b) {
      const [x, y] = [tensor(a, [n, n]), tensor(b, [n, n])];
      const multiply = jit(np.matmul);
      return {
        async run(times) {
          // The library runs only work that is awaited.
          const all: Tensor[] = Array.from({ length: times }, () => multiply(x.ref, y.ref));
          await Promise.all(all.map((c) => c.blockUntilReady()));
          tree.dispose(all);
        },
        corner: async (count) => (await read(multiply(x.ref, y.ref).slice(0, [0, count]))) as ArrayLike<number>,
        dispose: () => tree.dispose([x, y]),
      };
    },
  };
}
