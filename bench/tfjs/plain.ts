// The work items in TensorFlow.js as its guides write them: lists of kernels and biases, matMul and add, gradients and
// Adam by the library's own optimizer, each step in a tidy. index.ts is the same, optimised
// by hand. A product with a constant matrix permutes columns, because gather has no gradient on this backend.

import * as tf from "@tensorflow/tfjs";
import { version_wasm as version } from "@tensorflow/tfjs-backend-wasm";
import type { Outputs, Peer, Prepared } from "../driver.ts";
import { ADAM, layersOf, type Net, W1, W2, W4 } from "../workloads.ts";
import { inference, products, start, training } from "./index.ts";

/** A dense layer: kernel (I, O) and bias (O). */
type Layer = { kernel: tf.Variable<tf.Rank.R2>; bias: tf.Variable<tf.Rank.R1> };

/** The layers of each net, filled from a slab of weights. */
function layersFrom(nets: readonly Net[], slab: Float32Array): Layer[][] {
  return nets.map((net) =>
    layersOf(net).map(({ inputs, outputs, at }) => {
      const last = at + inputs * outputs;
      return tf.tidy(() => ({
        kernel: tf.variable(tf.tensor2d(slab.slice(at, last), [inputs, outputs])),
        bias: tf.variable(tf.tensor1d(slab.slice(last, last + outputs))),
      }));
    }),
  );
}

/** Kernels and biases in the order of the slab. */
const variablesOf = (nets: Layer[][]): tf.Variable[] => nets.flat().flatMap(({ kernel, bias }) => [kernel, bias]);

/** A net's outputs (B, O) from its inputs (B, I); the last layer is linear. */
function apply(net: Layer[], x: tf.Tensor2D, activation: (x: tf.Tensor2D) => tf.Tensor2D): tf.Tensor2D {
  let h = x;
  for (const [l, { kernel, bias }] of net.entries()) {
    const z: tf.Tensor2D = tf.matMul(h, kernel).add(bias);
    h = l + 1 < net.length ? activation(z) : z;
  }
  return h;
}

/** A loss on any number of rows, to be trained. */
type Training = Omit<typeof W1 | typeof W2, "batch"> & { readonly batch: number };

/** Training by the library's Adam: `update` returns the loss on the device, `step` here. */
export function trainer(w: Training, lossOf: (nets: Layer[][], theta: tf.Tensor2D, y: tf.Tensor2D) => tf.Scalar) {
  const nets = layersFrom(w.nets, w.weights());
  const variables = variablesOf(nets);
  const theta = tf.tensor2d(w.theta(), [w.batch, w.dim]);
  const y = tf.tensor2d(w.y(), [w.batch, w.data]);
  const optimizer = tf.train.adam(w.learningRate, ADAM.beta1, ADAM.beta2, ADAM.epsilon);
  const update = (): tf.Scalar => tf.tidy(() => optimizer.minimize(() => lossOf(nets, theta, y), true, variables)!);
  return {
    update,
    variables,
    step: (): number => tf.tidy(() => update().dataSync()[0]),
    weights: (): Float32Array => Float32Array.from(variables.flatMap((v) => [...v.dataSync()])),
    dispose() {
      optimizer.dispose();
      tf.dispose([...variables, theta, y]);
    },
  };
}

const columns = (x: tf.Tensor2D): tf.Tensor2D[] => tf.split(x, x.shape[1], 1);

/** The Gaussian guide: mean (B, 2), and the columns d1, o, d2 (B, 1) of its factor. */
function gaussian(nets: Layer[][], y: tf.Tensor2D): { mean: tf.Tensor2D; factor: tf.Tensor2D[] } {
  const [mean, raw, off] = nets.map((net) => apply(net, y, tf.relu));
  const [d1, d2] = columns(tf.softplus(raw));
  return { mean, factor: [d1, off, d2] };
}

/** W1's loss over theta (B, 2) given y (B, 600). */
function gaussianLoss(nets: Layer[][], theta: tf.Tensor2D, y: tf.Tensor2D): tf.Scalar {
  const { mean, factor } = gaussian(nets, y);
  const [d1, off, d2] = factor;
  const [e1, e2] = columns(theta.sub(mean));
  const z1 = e1.div(d1);
  const z2 = e2.sub(off.mul(z1)).div(d2);
  return z1.square().add(z2.square()).mul(0.5).add(d1.log()).add(d2.log()).mean();
}

/** Mean (2), factor (d1, o, d2) and draws (S, 2) for one observation (1, 600) and noise (S, 2). */
function gaussianPosterior(nets: Layer[][], y: tf.Tensor2D, noise: tf.Tensor2D): Outputs {
  const { mean, factor } = gaussian(nets, y);
  const [d1, off, d2] = factor;
  const [e1, e2] = columns(noise);
  const draws = tf.concat([e1.mul(d1), e1.mul(off).add(e2.mul(d2))], 1).add(mean);
  return { mean: mean.dataSync(), factor: tf.concat(factor).dataSync(), draws: draws.dataSync() };
}

/** Matrices (4, 4): column i of x · matrix is column permutation[i] of x. */
export const permutationMatrices = (): tf.Tensor2D[] =>
  W2.permutations.map((p) => tf.tidy(() => tf.gather(tf.eye(4), [...p], 1)));

const leaky = (x: tf.Tensor2D): tf.Tensor2D => tf.leakyRelu(x, W2.slope);

/** Log-scale and shift (B, 2) of coupling c, from the half that it keeps (B, 2) and y (B, 2). */
function coupling(
  nets: Layer[][],
  c: number,
  kept: tf.Tensor2D,
  y: tf.Tensor2D,
): [scale: tf.Tensor2D, shift: tf.Tensor2D] {
  const input: tf.Tensor2D = tf.concat([kept, y], 1);
  return [tf.tanh(apply(nets[2 * c], input, leaky)), apply(nets[2 * c + 1], input, leaky)];
}

/** W2's loss over theta (B, 4) given y (B, 2). */
export function flowLoss(permute: tf.Tensor2D[], nets: Layer[][], theta: tf.Tensor2D, y: tf.Tensor2D): tf.Scalar {
  let x = theta;
  let energy: tf.Tensor = tf.scalar(0);
  for (let b = 0; b < W2.blocks; b++) {
    if (b > 0) x = tf.matMul(x, permute[b - 1]);
    let [low, high]: tf.Tensor2D[] = tf.split(x, 2, 1);
    const [s0, t0] = coupling(nets, 2 * b, low, y);
    high = high.sub(t0).mul(tf.exp(s0.neg()));
    const [s1, t1] = coupling(nets, 2 * b + 1, high, y);
    low = low.sub(t1).mul(tf.exp(s1.neg()));
    energy = energy.add(s0.add(s1).sum(1));
    x = tf.concat([low, high], 1);
  }
  return energy.add(x.square().sum(1).mul(0.5)).mean();
}

/** Draws (S, 4) from base noise (S, 4) and one observation (1, 2). */
function flowSample(
  permute: tf.Tensor2D[],
  nets: Layer[][],
  noise: tf.Tensor2D,
  observation: tf.Tensor2D,
): tf.Tensor2D {
  const y = tf.tile(observation, [noise.shape[0], 1]);
  let x = noise;
  for (let b = W2.blocks - 1; b >= 0; b--) {
    let [low, high]: tf.Tensor2D[] = tf.split(x, 2, 1);
    const [s1, t1] = coupling(nets, 2 * b + 1, high, y);
    low = low.mul(tf.exp(s1)).add(t1);
    const [s0, t0] = coupling(nets, 2 * b, low, y);
    high = high.mul(tf.exp(s0)).add(t0);
    x = tf.concat([low, high], 1);
    if (b > 0) x = tf.matMul(x, permute[b - 1], false, true);
  }
  return x;
}

function flowTraining(): Prepared {
  const permute = permutationMatrices();
  const state = trainer(W2, (nets, theta, y) => flowLoss(permute, nets, theta, y));
  const dispose = (): void => {
    state.dispose();
    tf.dispose(permute);
  };
  return training(W2.checkSteps, { ...state, dispose });
}

/** Base noise (W4's draws, dim): what is given, or the library's own. */
const noiseOf = (given: (() => Float32Array) | undefined, dim: number): tf.Tensor2D =>
  given ? tf.tensor2d(given(), [W4.draws, dim]) : tf.randomNormal<tf.Rank.R2>([W4.draws, dim]);

/** The outputs of `run`, which stays within a tidy. */
function tidied(run: () => Outputs): Outputs {
  let outputs: Outputs = {};
  tf.tidy(() => {
    outputs = run();
  });
  return outputs;
}

function flow(noise?: () => Float32Array): Prepared {
  const [nets, permute] = [layersFrom(W2.nets, W2.weights()), permutationMatrices()];
  const answer = (): Outputs =>
    tidied(() => {
      const observation = tf.tensor2d(W4.flowObservation(), [1, 2]);
      return { draws: flowSample(permute, nets, noiseOf(noise, 4), observation).dataSync() };
    });
  return inference(answer, () => tf.dispose([...variablesOf(nets), ...permute]));
}

function gauss(noise?: () => Float32Array): Prepared {
  const nets = layersFrom(W1.nets, W1.weights());
  const answer = (): Outputs =>
    tidied(() => gaussianPosterior(nets, tf.tensor2d(W4.gaussObservation(), [1, 600]), noiseOf(noise, 2)));
  return inference(answer, () => tf.dispose(variablesOf(nets)));
}

function batch(): Prepared {
  const nets = layersFrom(W1.nets, W1.weights());
  const answer = (): Outputs =>
    tidied(() => {
      const y = tf.tensor2d(W4.batchData(), [W4.batchRows, W1.data]);
      const [mean, diagonal, offDiagonal] = nets.map((net) => apply(net, y, tf.relu).dataSync());
      return { mean, diagonal, offDiagonal };
    });
  return inference(answer, () => tf.dispose(variablesOf(nets)));
}

/** Starts the library. */
export async function setupPlain(): Promise<Peer> {
  await start();
  return {
    name: "tfjs-wasm",
    version,
    notes: "wasm backend with SIMD, one thread, production mode, optimizer.minimize",
    workloads: {
      ...products,
      W1Step: () => training(W1.checkSteps, trainer(W1, gaussianLoss)),
      W2Step: flowTraining,
      W4Flow: () => flow(W4.flowNoise),
      W4FlowOwnNoise: () => flow(),
      W4Gauss: () => gauss(W4.gaussNoise),
      W4GaussOwnNoise: () => gauss(),
      W4Batch: batch,
    },
  };
}
