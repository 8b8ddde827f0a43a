/** TensorFlow.js on WebGPU, written as in its guides (bench/tfjs/plain.ts). */
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-webgpu";
import { flowLoss, permutationMatrices, trainer } from "../tfjs/plain.ts";
import type { Candidate, FlowWork, Trainer } from "./work.ts";

async function read(x: tf.Tensor): Promise<Float32Array> {
  const values = (await x.data()) as Float32Array;
  x.dispose();
  return values;
}

async function flow(work: FlowWork): Promise<Trainer> {
  const permute = permutationMatrices();
  const state = trainer(work, (nets, theta, y) => flowLoss(permute, nets, theta, y));
  return {
    async steps(count) {
      for (let i = 1; i < count; i++) state.update().dispose();
      await read(state.update());
    },
    async outputs() {
      const losses: number[] = [];
      for (let i = 0; i < work.checkSteps; i++) losses.push((await read(state.update()))[0]);
      const parts = await Promise.all(state.variables.map((v) => v.data()));
      return { losses, weights: Float32Array.from(parts.flatMap((part) => [...part])) };
    },
    dispose() {
      state.dispose();
      tf.dispose(permute);
    },
  };
}

/** @throws if the library finds no WebGPU. */
export async function tfjsGpu(): Promise<Candidate> {
  tf.enableProdMode();
  if (!(await tf.setBackend("webgpu"))) throw new Error("tf.setBackend answers false");
  await tf.ready();
  return {
    name: "tfjs-webgpu",
    flow,
    async product(n, a, b) {
      const [x, y] = [tf.tensor2d(a, [n, n]), tf.tensor2d(b, [n, n])];
      const corner = (count: number) =>
        read(tf.tidy(() => tf.slice(tf.matMul(x, y), [0, 0], [1, count]) as unknown as tf.Tensor));
      return {
        async run(times) {
          for (let i = 1; i < times; i++) tf.matMul(x, y).dispose();
          await corner(1);
        },
        corner,
        dispose: () => tf.dispose([x, y]),
      };
    },
  };
}
