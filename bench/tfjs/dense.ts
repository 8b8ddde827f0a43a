// Training of one multilayer perceptron in TensorFlow.js, written for its WebAssembly backend. That backend runs the
// plain product A·B with fused bias and activation in XNNPACK, and any product with a transposed operand or a batch in a
// scalar loop about twenty times slower, so transposes are made explicit here and the gradient is written by hand;
// tf.grads takes the slow products. Concatenations and slices along columns run in JavaScript, so there are none.
// All weights are one flat tensor of layers (I+1, O): Adam is a dozen operations on it, not a dozen a variable.

import * as tf from "@tensorflow/tfjs";
import { ADAM } from "../workloads.ts";

/** Layers of a net cut from the flat tensor: W (I, O) and b (O), alternating. */
export type Pieces = tf.Tensor[];

/** A map from our slab of weights into a flat tensor that may hold other, always zero, weights between them. */
export interface Padding { readonly size: number; readonly index: Int32Array }

export const padded = (slab: ArrayLike<number>, { size, index }: Padding): Float32Array => {
  const flat = new Float32Array(size);
  index.forEach((at, k) => { flat[at] = slab[k]; });
  return flat;
};

export const unpadded = (flat: ArrayLike<number>, { index }: Padding): Float32Array =>
  Float32Array.from(index, (at) => flat[at]);

/** Weights (I, O) and bias (O) of every layer of every net; the nets all have the same sizes. */
export function cut(flat: tf.Tensor1D, sizes: readonly number[], nets: number): Pieces[] {
  const one = sizes.slice(1).flatMap((outputs, l) => [sizes[l] * outputs, outputs]);
  const parts = tf.split(flat, Array.from({ length: nets }, () => one).flat());
  const layers = sizes.length - 1;
  return Array.from({ length: nets }, (_, n) => parts.slice(2 * layers * n, 2 * layers * (n + 1))
    .map((part, k) => (k % 2 === 0 ? part.reshape([sizes[k / 2], sizes[k / 2 + 1]]) : part)));
}

/** Activations, the input first. `slope` is the leaky unit's; 0 is ReLU. */
export function forward(pieces: Pieces, x: tf.Tensor2D, slope: number): tf.Tensor2D[] {
  const acts = [x];
  for (let k = 0; k < pieces.length; k += 2) {
    const hidden = slope === 0 ? "relu" : "leakyrelu";
    acts.push(tf.fused.matMul({
      a: acts[k / 2], b: pieces[k] as tf.Tensor2D, bias: pieces[k + 1],
      activation: k + 2 < pieces.length ? hidden : "linear", leakyreluAlpha: slope,
    }));
  }
  return acts;
}

/**
 * Gradients (I+1, O) of each layer, flat, from the output's (B, O).
 * `inputT` is the transposed input with a row of ones below, which makes the bias one more weight.
 */
export function backward(pieces: Pieces, acts: tf.Tensor2D[], inputT: tf.Tensor2D, ones: tf.Tensor2D,
  dOut: tf.Tensor2D, slope: number, wantInput: boolean): { gradients: tf.Tensor1D[]; dIn?: tf.Tensor2D } {
  const gradients: tf.Tensor1D[] = [];
  let dz = dOut;
  for (let l = pieces.length / 2 - 1; l >= 0; l--) {
    const xT = l === 0 ? inputT : tf.concat([tf.transpose(acts[l]), ones], 0);
    gradients.unshift(tf.matMul(xT, dz).reshape([-1]));
    if (l === 0 && !wantInput) return { gradients };
    dz = tf.matMul(dz, tf.transpose(pieces[2 * l]) as tf.Tensor2D);
    if (l > 0) dz = tf.mul(dz, tf.step(acts[l], slope));
  }
  return { gradients, dIn: dz };
}

/** Weights and Adam's moments, flat. */
export interface State { weights: tf.Tensor1D; m: tf.Tensor1D; v: tf.Tensor1D }

/**
 * A training step as a function that answers the loss and moves the state.
 * @param gradient loss and flat gradient at the weights; it runs inside a tidy
 */
export function trainer(start: Float32Array, mask: Float32Array, learningRate: number,
  gradient: (weights: tf.Tensor1D) => { loss: tf.Tensor; parts: tf.Tensor1D[] }) {
  const { beta1, beta2, epsilon } = ADAM;
  const keepWeights = tf.tensor1d(mask);
  const zeros = (): tf.Tensor1D => tf.zeros([start.length]);
  let state: State = { weights: tf.tensor1d(start), m: zeros(), v: zeros() };
  let t = 0;
  return {
    step(): number {
      t += 1;
      const next = tf.tidy(() => {
        const { loss, parts } = gradient(state.weights);
        const g = tf.mul(tf.concat(parts), keepWeights);
        const m: tf.Tensor1D = tf.add(tf.mul(state.m, beta1), tf.mul(g, 1 - beta1));
        const v: tf.Tensor1D = tf.add(tf.mul(state.v, beta2), tf.mul(tf.square(g), 1 - beta2));
        const spread = tf.add(tf.sqrt(tf.mul(v, 1 / (1 - beta2 ** t))), epsilon);
        const weights: tf.Tensor1D = tf.sub(state.weights, tf.div(tf.mul(m, learningRate / (1 - beta1 ** t)), spread));
        return { loss, weights, m, v };
      });
      const { loss, ...rest } = next;
      tf.dispose([state.weights, state.m, state.v]);
      state = rest;
      const [value] = loss.dataSync();
      loss.dispose();
      return value;
    },
    weights: (): ArrayLike<number> => state.weights.dataSync(),
    dispose: () => tf.dispose([state.weights, state.m, state.v, keepWeights]),
  };
}
