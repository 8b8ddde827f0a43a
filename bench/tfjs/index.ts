// TensorFlow.js on its WebAssembly backend with SIMD, one thread (its threads need a browser). Production mode skips
// checks; all work is in tf.tidy; tensors stay on the backend between steps, the loss is read each step.

import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths, version_wasm as version } from "@tensorflow/tfjs-backend-wasm";
import type { Outputs, Peer, Prepared } from "../driver.ts";
import { operands, W1, W2, W3, W4 } from "../workloads.ts";
import { forward } from "./dense.ts";
import { flowSampler, flowTrainer } from "./flow.ts";
import { gaussianNets, gaussianPosterior, gaussianTrainer } from "./gaussian.ts";

interface Trainer {
  step(): number;
  weights(): ArrayLike<number>;
  dispose(): void;
}

/** Training: a run is a step. */
export function training(checkSteps: number, trainer: Trainer): Prepared {
  return {
    run() {
      trainer.step();
    },
    outputs() {
      const losses = Array.from({ length: checkSteps }, () => trainer.step());
      return { losses, weights: trainer.weights() };
    },
    dispose: trainer.dispose,
  };
}

function product(id: string): Prepared {
  const { m, n, k } = W3[id];
  const { a, b } = operands(W3[id]);
  const [ta, tb] = [tf.tensor2d(a, [m, k]), tf.tensor2d(b, [k, n])];
  return {
    run() {
      tf.matMul(ta, tb).dispose();
    },
    outputs: () => ({ product: tf.tidy(() => tf.matMul(ta, tb).dataSync()) }),
    dispose: () => tf.dispose([ta, tb]),
  };
}

/** W3, which can be written in one way only. */
export const products: Peer["workloads"] = Object.fromEntries(Object.keys(W3).map((id) => [id, () => product(id)]));

/** An item whose outputs are the results of a run. */
export const inference = (answer: () => Outputs, dispose: () => void): Prepared => ({
  run() {
    answer();
  },
  outputs: answer,
  dispose,
});

function flow(noise: (() => Float32Array) | undefined): Prepared {
  const sampler = flowSampler(W2.weights());
  return inference(() => ({ draws: sampler.draw(W4.flowObservation(), noise?.() ?? W4.draws) }), sampler.dispose);
}

function gauss(noise: (() => Float32Array) | undefined): Prepared {
  const net = gaussianNets();
  const answer = (): Outputs => {
    let outputs: Outputs = {};
    tf.tidy(() => {
      const base = noise ? tf.tensor2d(noise(), [W4.draws, 2]) : tf.randomNormal<tf.Rank.R2>([W4.draws, 2]);
      outputs = gaussianPosterior(net, tf.tensor2d(W4.gaussObservation(), [1, 600]), base);
    });
    return outputs;
  };
  return inference(answer, () => tf.dispose(net));
}

function batch(): Prepared {
  const net = gaussianNets();
  const { batchRows: rows } = W4;
  const answer = (): Outputs => {
    let out: ArrayLike<number> = [];
    tf.tidy(() => {
      out = forward(net, tf.tensor2d(W4.batchData(), [rows, W1.data]))[3].dataSync();
    });
    // Cutting columns is a JavaScript loop in the library too, after a copy for each.
    const [mean, diagonal, offDiagonal] = [2, 2, 1].map((width) => new Float32Array(rows * width));
    for (let r = 0; r < rows; r++) {
      mean[2 * r] = out[5 * r];
      mean[2 * r + 1] = out[5 * r + 1];
      diagonal[2 * r] = out[5 * r + 2];
      diagonal[2 * r + 1] = out[5 * r + 3];
      offDiagonal[r] = out[5 * r + 4];
    }
    return { mean, diagonal, offDiagonal };
  };
  return inference(answer, () => tf.dispose(net));
}

/** Starts the backend. */
export async function start(): Promise<void> {
  tf.enableProdMode();
  setWasmPaths(`${dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"))}/`);
  if (!(await tf.setBackend("wasm"))) throw new Error("tfjs: no wasm backend here");
  await tf.ready();
}

/** Starts the library. The work items here are written to run fastest; plain.ts has them in their usual form. */
export async function setup(): Promise<Peer> {
  await start();
  return {
    name: "tfjs-wasm, tuned",
    version,
    notes: "wasm backend with SIMD, one thread, production mode, gradients by hand on XNNPACK products",
    cold: {
      script: fileURLToPath(new URL("cold.ts", import.meta.url)),
      model: () => new Uint8Array(W2.weights().buffer),
    },
    workloads: {
      ...products,
      W1Step: () => training(W1.checkSteps, gaussianTrainer()),
      W2Step: () => training(W2.checkSteps, flowTrainer()),
      W4Flow: () => flow(W4.flowNoise),
      W4FlowOwnNoise: () => flow(undefined),
      W4Gauss: () => gauss(W4.gaussNoise),
      W4GaussOwnNoise: () => gauss(undefined),
      W4Batch: batch,
    },
  };
}
