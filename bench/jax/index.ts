// jax-js on its WebAssembly backend, one thread (Node has no Worker global, which its thread pool needs). Every work
// item is one jitted function, its noise another; training jits loss, gradients and Adam together. Arrays stay on the
// backend between steps; the loss is read after each step, because the library is lazy and runs only work that is read.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  defaultDevice,
  init,
  type JsTree,
  jit,
  numpy as np,
  random,
  type Array as Tensor,
  tree,
  valueAndGrad,
} from "@jax-js/jax";
import type { Outputs, Peer, Prepared } from "../driver.ts";
import { ADAM, operands, W1, W2, W3, W4 } from "../workloads.ts";
import { flowLoss, flowParams, flowSample, flowSlab, tensor } from "./flow.ts";
import {
  type GaussianParams,
  gaussianLoss,
  gaussianNets,
  gaussianParams,
  gaussianPosterior,
  gaussianSlab,
} from "./gaussian.ts";

type Params = Tensor[];
type Loss = (params: Params, theta: Tensor, y: Tensor) => Tensor;

/** The same arrays, with one more reference to each: jax-js functions consume what they are given. */
const keep = (params: Params): Params => params.map((p) => p.ref);
const zeros = (params: Params): Params => params.map((p) => np.zeros(p.shape));
export const read = async (x: Tensor): Promise<Float32Array> => (await x.data()) as Float32Array;

/** `step` returns the loss and moves the state; `slab` returns the weights. */
interface Trainer {
  step(): Promise<number>;
  slab(): Promise<Float32Array>;
  dispose(): void;
}

function trainer(
  w: typeof W1 | typeof W2,
  loss: Loss,
  start: (slab: Float32Array) => Params,
  slab: (params: Params) => Promise<Float32Array>,
): Trainer {
  const { beta1, beta2, epsilon } = ADAM;
  const update = jit((params: Params, m: Params, v: Params, rates: Tensor, theta: Tensor, y: Tensor) => {
    const [value, gradient] = valueAndGrad(loss)(keep(params), theta, y);
    const newM = gradient.map((g, k) => m[k].mul(beta1).add(g.ref.mul(1 - beta1)));
    const newV = gradient.map((g, k) => v[k].mul(beta2).add(np.square(g).mul(1 - beta2)));
    const newParams = params.map((p, k) => {
      const spread = np.sqrt(newV[k].ref.mul(rates.ref.slice(1))).add(epsilon);
      return p.sub(newM[k].ref.mul(rates.ref.slice(0)).div(spread));
    });
    rates.dispose();
    return [value, newParams, newM, newV] as [Tensor, Params, Params, Params];
  });
  const theta = tensor(w.theta(), [w.batch, w.dim]);
  const y = tensor(w.y(), [w.batch, w.data]);
  let params = start(w.weights());
  let [m, v] = [zeros(params), zeros(params)];
  let t = 0;
  return {
    async step(): Promise<number> {
      t += 1;
      // lr / (1 − β1ᵗ) and 1 / (1 − β2ᵗ), as an input, because otherwise every step would be traced again.
      const rates = np.array(new Float32Array([w.learningRate / (1 - beta1 ** t), 1 / (1 - beta2 ** t)]));
      let value: Tensor;
      [value, params, m, v] = update(params, m, v, rates, theta.ref, y.ref);
      return (await read(value))[0];
    },
    slab: () => slab(params),
    dispose: () => tree.dispose([params, m, v, [theta, y]]),
  };
}

/** Training: a run is a step. */
export function training(checkSteps: number, trainer: Trainer): Prepared {
  return {
    async run() {
      await trainer.step();
    },
    async outputs() {
      const losses: number[] = [];
      for (let k = 0; k < checkSteps; k++) losses.push(await trainer.step());
      return { losses, weights: await trainer.slab() };
    },
    dispose: trainer.dispose,
  };
}

function product(id: string): Prepared {
  const { m, n, k } = W3[id];
  const { a, b } = operands(W3[id]);
  const [ta, tb] = [tensor(a, [m, k]), tensor(b, [k, n])];
  const multiply = jit(np.matmul);
  return {
    async run() {
      const c = multiply(ta.ref, tb.ref);
      await c.blockUntilReady();
      c.dispose();
    },
    outputs: async () => ({ product: await read(multiply(ta.ref, tb.ref)) }),
    dispose: () => tree.dispose([ta, tb]),
  };
}

/** W3, which can be written in one way only. */
export const products: Peer["workloads"] = Object.fromEntries(Object.keys(W3).map((id) => [id, () => product(id)]));

/** An item whose outputs are the results of a run. */
export function inference(answer: () => Promise<Outputs>, params: JsTree<Tensor>): Prepared {
  return {
    async run() {
      await answer();
    },
    outputs: answer,
    dispose: () => tree.dispose(params),
  };
}

/**
 * Base noise (W4's draws, dim) for each run: what is given, or the library's own normals. Keys are split, not made
 * from a new seed each time: the library compiles a kernel for every seed.
 */
export function noiseOf(given: (() => Float32Array) | undefined, dim: number): () => Tensor {
  const shape = [W4.draws, dim];
  if (given) return () => tensor(given(), shape);
  const next = jit((key: Tensor) => {
    const [carried, used] = random.split(key);
    return [carried, random.normal(used, shape)];
  });
  let key = random.key(0);
  return () => {
    let noise: Tensor;
    [key, noise] = next(key);
    return noise;
  };
}

/** Draws of the flow from a slab of weights, each time with the noise given or the library's own. */
export function flowSampler(slab: Float32Array, given?: () => Float32Array) {
  const params = flowParams(slab);
  const noise = noiseOf(given, 4);
  const sample = jit(flowSample);
  return {
    params,
    draw: (observation: Float32Array): Promise<Float32Array> =>
      read(sample(keep(params), noise(), tensor(observation, [2]))),
  };
}

function flow(given?: () => Float32Array): Prepared {
  const { params, draw } = flowSampler(W2.weights(), given);
  return inference(async () => ({ draws: await draw(W4.flowObservation()) }), params);
}

function gauss(given?: () => Float32Array): Prepared {
  const params = gaussianParams(W1.weights());
  const noise = noiseOf(given, 2);
  const posterior = jit(gaussianPosterior);
  return inference(async () => {
    const [mean, factor, draws] = posterior(keep(params), tensor(W4.gaussObservation(), [600]), noise());
    return { mean: await read(mean), factor: await read(factor), draws: await read(draws) };
  }, params);
}

function batch(): Prepared {
  const params = gaussianParams(W1.weights());
  const nets = jit((p: GaussianParams, y: Tensor) => {
    const out = gaussianNets(p, y);
    return [out.ref.slice(0), out.ref.slice(1), out.slice(2, [], [0, 1])];
  });
  return inference(async () => {
    const [mean, diagonal, off] = nets(keep(params), tensor(W4.batchData(), [W4.batchRows, W1.data]));
    return { mean: await read(mean), diagonal: await read(diagonal), offDiagonal: await read(off) };
  }, params);
}

/** Starts the backend. */
export async function start(): Promise<void> {
  await init("wasm");
  defaultDevice("wasm");
}

/** The library's version, which it does not export. */
export function version(): string {
  const manifest = new URL("../package.json", import.meta.resolve("@jax-js/jax"));
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}

/** Starts the library. The work items here are written to run fastest; plain.ts has them in their usual form. */
export async function setup(): Promise<Peer> {
  await start();
  return {
    name: "jax-js, tuned",
    version: version(),
    notes: "wasm backend, one thread, whole steps jitted, weights packed by hand",
    cold: {
      script: fileURLToPath(new URL("cold.ts", import.meta.url)),
      model: () => new Uint8Array(W2.weights().buffer),
    },
    workloads: {
      ...products,
      W1Step: () => training(W1.checkSteps, trainer(W1, gaussianLoss, gaussianParams, gaussianSlab)),
      W2Step: () => training(W2.checkSteps, trainer(W2, flowLoss, flowParams, flowSlab)),
      W4Flow: () => flow(W4.flowNoise),
      W4FlowOwnNoise: () => flow(),
      W4Gauss: () => gauss(W4.gaussNoise),
      W4GaussOwnNoise: () => gauss(),
      W4Batch: batch,
    },
  };
}
