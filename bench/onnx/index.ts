// onnxruntime-web on its WebAssembly backend with SIMD, one thread: inference only. Every run takes JavaScript arrays and
// returns JavaScript arrays, copies included (the products of W3 therefore pay for copying their operands).

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import * as ort from "onnxruntime-web";
import type { Outputs, Peer, Prepared } from "../driver.ts";
import { operands, W1, W2, W3, W4 } from "../workloads.ts";
import { batchModel, flowModel, gaussianModel, productModel } from "./models.ts";

/** One thread; without the proxy worker. */
export function start(): void {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.proxy = false;
  ort.env.logLevel = "error";
}

/** A session of a model file. */
export async function load(model: Uint8Array): Promise<ort.InferenceSession> {
  const before = Object.getOwnPropertyDescriptor(globalThis, "Worker");
  const options = { executionProviders: ["wasm"], graphOptimizationLevel: "all" } as const;
  const session = await ort.InferenceSession.create(model, options);
  // Node's build sets a global Worker, from which jax-js would conclude that it runs on threads.
  if (before) Object.defineProperty(globalThis, "Worker", before);
  else Reflect.deleteProperty(globalThis, "Worker");
  return session;
}

/** A float32 tensor. */
export const tensor = (values: Float32Array, ...shape: number[]): ort.Tensor =>
  new ort.Tensor("float32", values, shape);

async function prepare(model: Uint8Array, feeds: () => Record<string, ort.Tensor>): Promise<Prepared> {
  const session = await load(model);
  return {
    async run() {
      await session.run(feeds());
    },
    async outputs(): Promise<Outputs> {
      const answer = await session.run(feeds());
      return Object.fromEntries(Object.entries(answer).map(([name, { data }]) => [name, data as Float32Array]));
    },
    dispose: () => session.release(),
  };
}

function product(id: string): Promise<Prepared> {
  const { m, n, k } = W3[id];
  const { a, b } = operands(W3[id]);
  return prepare(productModel(W3[id]), () => ({ a: tensor(a, m, k), b: tensor(b, k, n) }));
}

const flowObservation = (): ort.Tensor => tensor(W4.flowObservation(), 1, 2);
const gaussObservation = (): ort.Tensor => tensor(W4.gaussObservation(), 1, W1.data);

/** Starts the library. */
export async function setup(): Promise<Peer> {
  start();
  const manifest = `${dirname(createRequire(import.meta.url).resolve("onnxruntime-web"))}/../package.json`;
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return {
    name: "onnxruntime-web",
    version,
    notes: "wasm backend with SIMD, one thread, weights as constants, inference only",
    cold: { script: fileURLToPath(new URL("cold.ts", import.meta.url)), model: () => flowModel(W2.weights(), true) },
    workloads: {
      W3_512: () => product("W3_512"),
      W3_1024: () => product("W3_1024"),
      W3_160x60x60: () => product("W3_160x60x60"),
      W3_32x20x600: () => product("W3_32x20x600"),
      W3_2048x100x100: () => product("W3_2048x100x100"),
      W4Flow: () =>
        prepare(flowModel(W2.weights(), false), () => ({
          observation: flowObservation(),
          noise: tensor(W4.flowNoise(), W4.draws, 4),
        })),
      W4FlowOwnNoise: () => prepare(flowModel(W2.weights(), true), () => ({ observation: flowObservation() })),
      W4Gauss: () =>
        prepare(gaussianModel(false), () => ({ y: gaussObservation(), noise: tensor(W4.gaussNoise(), W4.draws, 2) })),
      W4GaussOwnNoise: () => prepare(gaussianModel(true), () => ({ y: gaussObservation() })),
      W4Batch: () => prepare(batchModel(), () => ({ y: tensor(W4.batchData(), W4.batchRows, W1.data) })),
    },
  };
}
