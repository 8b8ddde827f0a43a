// jax-js on its WebAssembly backend, one thread (Node has no Worker global, which its thread pool needs). Every work
// item is one jitted function; training jits loss, gradients and Adam together. Arrays stay on the backend between
// steps; the loss is read after each step, which is what makes the lazy library run it.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defaultDevice, init, jit, numpy as np, random, type Array as Tensor, tree, valueAndGrad } from "@jax-js/jax";
import type { Outputs, Peer, Prepared } from "../driver.ts";
import { ADAM, operands, W1, W2, W3, W4 } from "../workloads.ts";
import { type FlowParams, flowLoss, flowParams, flowSample, flowSlab, tensor } from "./flow.ts";
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
const read = async (x: Tensor): Promise<Float32Array> => (await x.data()) as Float32Array;

/** Training: `step` answers the loss and moves the state. */
function trainer(w: typeof W1 | typeof W2, loss: Loss, start: Params) {
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
  let [params, m, v] = [start, zeros(start), zeros(start)];
  let t = 0;
  return {
    async step(): Promise<number> {
      t += 1;
      // lr / (1 − β1ᵗ) and 1 / (1 − β2ᵗ), as an input, or every step would be traced again.
      const rates = np.array(new Float32Array([w.learningRate / (1 - beta1 ** t), 1 / (1 - beta2 ** t)]));
      let value: Tensor;
      [value, params, m, v] = update(params, m, v, rates, theta.ref, y.ref);
      return (await read(value))[0];
    },
    params: () => params,
    dispose: () => tree.dispose([params, m, v, [theta, y]]),
  };
}

function training(
  w: typeof W1 | typeof W2,
  loss: Loss,
  start: (slab: Float32Array) => Params,
  slab: (params: Params) => Promise<Float32Array>,
): Prepared {
  const state = trainer(w, loss, start(w.weights()));
  return {
    async run() {
      await state.step();
    },
    async outputs() {
      const losses: number[] = [];
      for (let k = 0; k < w.checkSteps; k++) losses.push(await state.step());
      return { losses, weights: await slab(state.params()) };
    },
    dispose: state.dispose,
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

/** An item whose outputs are what a run answers. */
function inference(answer: () => Promise<Outputs>, params: Params): Prepared {
  return {
    async run() {
      await answer();
    },
    outputs: answer,
    dispose: () => tree.dispose(params),
  };
}

/** Draws of the flow from a slab of weights; without noise, the key's own. */
export function flowSampler(slab: Float32Array) {
  const params = flowParams(slab);
  const given = jit(flowSample);
  const own = jit((p: FlowParams, key: Tensor, datum: Tensor) =>
    flowSample(p, random.normal(key, [W4.draws, 4]), datum),
  );
  let seed = 0;
  return {
    params,
    draw: (datum: Float32Array, noise?: Float32Array): Promise<Float32Array> =>
      read(
        noise
          ? given(keep(params), tensor(noise, [W4.draws, 4]), tensor(datum, [2]))
          : own(keep(params), random.key(seed++), tensor(datum, [2])),
      ),
  };
}

function flow(noise: (() => Float32Array) | undefined): Prepared {
  const { params, draw } = flowSampler(W2.weights());
  return inference(async () => ({ draws: await draw(W4.flowDatum(), noise?.()) }), params);
}

function gauss(noise: (() => Float32Array) | undefined): Prepared {
  const params = gaussianParams(W1.weights());
  const given = jit(gaussianPosterior);
  const own = jit((p: GaussianParams, y: Tensor, key: Tensor) =>
    gaussianPosterior(p, y, random.normal(key, [W4.draws, 2])),
  );
  let seed = 0;
  return inference(async () => {
    const y = tensor(W4.gaussDatum(), [600]);
    const [mean, factor, draws] = noise
      ? given(keep(params), y, tensor(noise(), [W4.draws, 2]))
      : own(keep(params), y, random.key(seed++));
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

/** Starts the library. */
export async function setup(): Promise<Peer> {
  await start();
  const manifest = new URL("../package.json", import.meta.resolve("@jax-js/jax"));
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return {
    name: "jax-js",
    version,
    notes: "wasm backend, one thread, whole steps jitted",
    cold: {
      script: fileURLToPath(new URL("cold.ts", import.meta.url)),
      model: () => new Uint8Array(W2.weights().buffer),
    },
    workloads: {
      W1Step: () => training(W1, gaussianLoss, gaussianParams, gaussianSlab),
      W2Step: () => training(W2, flowLoss, flowParams, flowSlab),
      W3_512: () => product("W3_512"),
      W3_1024: () => product("W3_1024"),
      W3_160x60x60: () => product("W3_160x60x60"),
      W3_32x20x600: () => product("W3_32x20x600"),
      W3_2048x100x100: () => product("W3_2048x100x100"),
      W4Flow: () => flow(W4.flowNoise),
      W4FlowOwnNoise: () => flow(undefined),
      W4Gauss: () => gauss(W4.gaussNoise),
      W4GaussOwnNoise: () => gauss(undefined),
      W4Batch: batch,
    },
  };
}
