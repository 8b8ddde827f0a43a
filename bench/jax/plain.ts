// The work items in jax-js as its guides write them: parameters as a tree of { w, b }, a loss, and one jitted step of
// valueAndGrad and Adam by tree.map. index.ts is the same with weights packed and joined by hand.

import { jit, nn, numpy as np, type Array as Tensor, tree, valueAndGrad } from "@jax-js/jax";
import type { Peer, Prepared } from "../driver.ts";
import { ADAM, layersOf, type Net, W1, W2, W4 } from "../workloads.ts";
import { tensor } from "./flow.ts";
import { inference, noiseOf, products, read, start, training, version } from "./index.ts";

/** A dense layer: w (I, O) and b (O). */
type Layer = { w: Tensor; b: Tensor };
/** The layers of each net. */
type Params = Layer[][];
type Activation = (x: Tensor) => Tensor;

/** The tree of a slab of weights. */
function paramsFrom(nets: readonly Net[], slab: Float32Array): Params {
  return nets.map((net) =>
    layersOf(net).map(({ inputs, outputs, at }) => {
      const last = at + inputs * outputs;
      return {
        w: tensor(slab.slice(at, last), [inputs, outputs]),
        b: tensor(slab.slice(last, last + outputs), [outputs]),
      };
    }),
  );
}

/** Returns the slab; the parameters are kept. */
async function slabFrom(params: Params): Promise<Float32Array> {
  const parts = await Promise.all(tree.leaves<Tensor>(params).map((p) => read(p.ref)));
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

/** A net's outputs (B, O) from its inputs (B, I); the last layer is linear. */
function apply(net: Layer[], x: Tensor, activation: Activation): Tensor {
  return net.reduce((h, { w, b }, l) => {
    const z = np.matmul(h, w).add(b);
    return l + 1 < net.length ? activation(z) : z;
  }, x);
}

/** What is trained, on any number of rows. */
type Training = Omit<typeof W1 | typeof W2, "batch"> & { readonly batch: number };

/** Training: `update` moves the state and returns the loss on the device, `step` here. */
export function trainer(w: Training, loss: (params: Params, theta: Tensor, y: Tensor) => Tensor) {
  const { beta1, beta2, epsilon } = ADAM;
  const update = jit((params: Params, m: Params, v: Params, rate1: Tensor, rate2: Tensor, theta: Tensor, y: Tensor) => {
    const [value, gradient] = valueAndGrad(loss)(tree.ref(params), theta, y);
    const newM: Params = tree.map((m: Tensor, g: Tensor) => m.mul(beta1).add(g.mul(1 - beta1)), m, tree.ref(gradient));
    const newV: Params = tree.map((v: Tensor, g: Tensor) => v.mul(beta2).add(np.square(g).mul(1 - beta2)), v, gradient);
    const newParams: Params = tree.map(
      (p: Tensor, m: Tensor, v: Tensor) => p.sub(m.mul(rate1.ref).div(np.sqrt(v.mul(rate2.ref)).add(epsilon))),
      params,
      tree.ref(newM),
      tree.ref(newV),
    );
    tree.dispose([rate1, rate2]);
    return [value, newParams, newM, newV] as [Tensor, Params, Params, Params];
  });
  const theta = tensor(w.theta(), [w.batch, w.dim]);
  const y = tensor(w.y(), [w.batch, w.data]);
  let params = paramsFrom(w.nets, w.weights());
  let m: Params = tree.map((p: Tensor) => np.zeros(p.shape), params);
  let v: Params = tree.map((p: Tensor) => np.zeros(p.shape), params);
  let t = 0;
  const advance = (): Tensor => {
    t += 1;
    let value: Tensor;
    const [rate1, rate2] = [w.learningRate / (1 - beta1 ** t), 1 / (1 - beta2 ** t)];
    [value, params, m, v] = update(params, m, v, rate1, rate2, theta.ref, y.ref);
    return value;
  };
  return {
    update: advance,
    step: async (): Promise<number> => (await read(advance()))[0],
    slab: () => slabFrom(params),
    dispose: () => tree.dispose([params, m, v, theta, y]),
  };
}

/** The Gaussian guide: mean (B, 2), and the columns d1, o, d2 (B, 1) of its factor. */
function gaussian(params: Params, y: Tensor): { mean: Tensor; d1: Tensor; off: Tensor; d2: Tensor } {
  const [mean, raw, off] = params.map((net) => apply(net, y.ref, nn.relu));
  y.dispose();
  const [d1, d2] = np.split(nn.softplus(raw), 2, 1);
  return { mean, d1, off, d2 };
}

/** W1's loss, the mean over theta (B, 2) given y (B, 600). */
function gaussianLoss(params: Params, theta: Tensor, y: Tensor): Tensor {
  const { mean, d1, off, d2 } = gaussian(params, y);
  const [e1, e2] = np.split(theta.sub(mean), 2, 1);
  const z1 = e1.div(d1.ref);
  const z2 = e2.sub(off.mul(z1.ref)).div(d2.ref);
  return np.square(z1).add(np.square(z2)).mul(0.5).add(np.log(d1)).add(np.log(d2)).mean();
}

/** Mean (1, 2), factor (1, 3), d1, o, d2, and draws (S, 2) for one observation (1, 600) and noise (S, 2). */
function gaussianPosterior(params: Params, y: Tensor, noise: Tensor): Tensor[] {
  const { mean, d1, off, d2 } = gaussian(params, y);
  const [e1, e2] = np.split(noise, 2, 1);
  const spread = [d1.ref.mul(e1.ref), off.ref.mul(e1).add(d2.ref.mul(e2))];
  const draws = np.concatenate(spread, 1).add(mean.ref);
  return [mean, np.concatenate([d1, off, d2], 1), draws];
}

/** Column i of the answer (B, 4) is column order[i] of x. */
const permuted = (x: Tensor, order: readonly number[]): Tensor =>
  np.take(x, np.array([...order], { dtype: np.int32 }), 1);

const leaky: Activation = (x) => nn.leakyRelu(x, W2.slope);

/** What coupling c, given the half it keeps (B, 2) and y (B, 2), does to the other: log-scale and shift (B, 2). */
function coupling(params: Params, c: number, kept: Tensor, y: Tensor): [scale: Tensor, shift: Tensor] {
  const input = np.concatenate([kept, y], 1);
  return [np.tanh(apply(params[2 * c], input.ref, leaky)), apply(params[2 * c + 1], input, leaky)];
}

/** W2's loss, the mean over theta (B, 4) given y (B, 2). */
export function flowLoss(params: Params, theta: Tensor, y: Tensor): Tensor {
  let x = theta;
  const scales: Tensor[] = [];
  for (let b = 0; b < W2.blocks; b++) {
    if (b > 0) x = permuted(x, W2.permutations[b - 1]);
    let [low, high] = np.split(x, 2, 1);
    const [s0, t0] = coupling(params, 2 * b, low.ref, y.ref);
    high = high.sub(t0).mul(np.exp(s0.ref.neg()));
    const [s1, t1] = coupling(params, 2 * b + 1, high.ref, y.ref);
    low = low.sub(t1).mul(np.exp(s1.ref.neg()));
    scales.push(s0, s1);
    x = np.concatenate([low, high], 1);
  }
  y.dispose();
  const logScale = scales.reduce((sum, s) => sum.add(s)).sum(1);
  return np.square(x).sum(1).mul(0.5).add(logScale).mean();
}

/** Draws (S, 4) from base noise (S, 4) and one observation (1, 2). */
function flowSample(params: Params, noise: Tensor, observation: Tensor): Tensor {
  const y = np.tile(observation, [noise.shape[0], 1]);
  let x = noise;
  for (let b = W2.blocks - 1; b >= 0; b--) {
    let [low, high] = np.split(x, 2, 1);
    const [s1, t1] = coupling(params, 2 * b + 1, high.ref, y.ref);
    low = low.mul(np.exp(s1)).add(t1);
    const [s0, t0] = coupling(params, 2 * b, low.ref, y.ref);
    high = high.mul(np.exp(s0)).add(t0);
    x = np.concatenate([low, high], 1);
    if (b > 0) {
      const forward = W2.permutations[b - 1];
      x = permuted(
        x,
        forward.map((_, i) => forward.indexOf(i)),
      );
    }
  }
  y.dispose();
  return x;
}

function flow(given?: () => Float32Array): Prepared {
  const params = paramsFrom(W2.nets, W2.weights());
  const noise = noiseOf(given, 4);
  const sample = jit(flowSample);
  return inference(async () => {
    const draws = sample(tree.ref(params), noise(), tensor(W4.flowObservation(), [1, 2]));
    return { draws: await read(draws) };
  }, params);
}

function gauss(given?: () => Float32Array): Prepared {
  const params = paramsFrom(W1.nets, W1.weights());
  const noise = noiseOf(given, 2);
  const posterior = jit(gaussianPosterior);
  return inference(async () => {
    const [mean, factor, draws] = posterior(tree.ref(params), tensor(W4.gaussObservation(), [1, 600]), noise());
    return { mean: await read(mean), factor: await read(factor), draws: await read(draws) };
  }, params);
}

function batch(): Prepared {
  const params = paramsFrom(W1.nets, W1.weights());
  const nets = jit((params: Params, y: Tensor) => {
    const outputs = params.map((net) => apply(net, y.ref, nn.relu));
    y.dispose();
    return outputs;
  });
  return inference(async () => {
    const [mean, diagonal, off] = nets(tree.ref(params), tensor(W4.batchData(), [W4.batchRows, W1.data]));
    return { mean: await read(mean), diagonal: await read(diagonal), offDiagonal: await read(off) };
  }, params);
}

/** Starts the library. */
export async function setupPlain(): Promise<Peer> {
  await start();
  return {
    name: "jax-js",
    version: version(),
    notes: "wasm backend, one thread, whole steps jitted",
    workloads: {
      ...products,
      W1Step: () => training(W1.checkSteps, trainer(W1, gaussianLoss)),
      W2Step: () => training(W2.checkSteps, trainer(W2, flowLoss)),
      W4Flow: () => flow(W4.flowNoise),
      W4FlowOwnNoise: () => flow(),
      W4Gauss: () => gauss(W4.gaussNoise),
      W4GaussOwnNoise: () => gauss(),
      W4Batch: batch,
    },
  };
}
