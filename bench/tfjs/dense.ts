// Training of one multilayer perceptron in TensorFlow.js, written for its WebAssembly backend. That backend runs the
// plain product A·B with fused bias and activation in XNNPACK, and any product with a transposed operand or a batch in a
// scalar loop about twenty times slower, so transposes are made explicit here and the gradient is written by hand;
// tf.grads takes the slow products. Concatenations and slices along columns run in JavaScript, so there are none.
// A net's weights are one flat tensor of layers (I+1, O): Adam is a dozen operations on it, not a dozen a variable. One
// tensor for all nets is no better: each slice copies the whole of what it is taken from (500 ms of a step of W2).

import * as tf from "@tensorflow/tfjs";
import { ADAM } from "../workloads.ts";

/** Layers of a net cut from the flat tensor: W (I, O) and b (O), alternating. */
export type Pieces = tf.Tensor[];

/** Weights (I, O) and bias (O) of every layer of a net. */
export function cut(flat: tf.Tensor1D, sizes: readonly number[]): Pieces {
  const lengths = sizes.slice(1).flatMap((outputs, l) => [sizes[l] * outputs, outputs]);
  return tf
    .split(flat, lengths)
    .map((part, k) => (k % 2 === 0 ? part.reshape([sizes[k / 2], sizes[k / 2 + 1]]) : part));
}

/**
 * Activations, the input first. Without `slopes` the units are ReLUs, with them leaky: `slopes` (H) holds the slope for
 * each. (As "leakyrelu" the fused activation is a scalar loop, 1.1 ms a layer of W2; as "prelu" it is XNNPACK's.)
 */
export function forward(pieces: Pieces, x: tf.Tensor2D, slopes?: tf.Tensor1D): tf.Tensor2D[] {
  const acts = [x];
  for (let k = 0; k < pieces.length; k += 2) {
    const hidden = slopes ? "prelu" : "relu";
    acts.push(
      tf.fused.matMul({
        a: acts[k / 2],
        b: pieces[k] as tf.Tensor2D,
        bias: pieces[k + 1],
        activation: k + 2 < pieces.length ? hidden : "linear",
        preluActivationWeights: slopes,
      }) as tf.Tensor2D,
    );
  }
  return acts;
}

/** The transpose of (B, F). Split in three axes where B is a power of two, it spares the cache: four times faster. */
export function transpose(x: tf.Tensor2D): tf.Tensor2D {
  const [rows, columns] = x.shape;
  if (rows % 1024 !== 0) return tf.transpose(x);
  return tf.transpose(x.reshape([rows / 64, 64, columns]), [2, 0, 1]).reshape([columns, rows]);
}

/**
 * Gradients (I+1, O) of each layer, flat, from the output's (B, O).
 * `inputT` is the transposed input with a row of ones below, which makes the bias one more weight.
 */
export function backward(
  pieces: Pieces,
  acts: tf.Tensor2D[],
  inputT: tf.Tensor2D,
  ones: tf.Tensor2D,
  dOut: tf.Tensor2D,
  slope: number,
  wantInput: boolean,
): { gradients: tf.Tensor1D[]; dIn?: tf.Tensor2D } {
  const gradients: tf.Tensor1D[] = [];
  let dz = dOut;
  for (let l = pieces.length / 2 - 1; l >= 0; l--) {
    const xT = l === 0 ? inputT : tf.concat([transpose(acts[l]), ones], 0);
    gradients.unshift(tf.matMul(xT, dz).reshape([-1]));
    if (l === 0 && !wantInput) return { gradients };
    dz = tf.matMul(dz, tf.transpose(pieces[2 * l]) as tf.Tensor2D);
    if (l > 0) dz = tf.mul(dz, tf.step(acts[l], slope));
  }
  return { gradients, dIn: dz };
}

/** One net's weights and Adam's moments, flat. */
type State = { weights: tf.Tensor1D; m: tf.Tensor1D; v: tf.Tensor1D };

/**
 * A training step as a function that returns the loss and moves the state.
 * @param start flat weights, the nets one after the other, all of one size
 * @param mask 1 where a weight is one, 0 where it is padding
 * @param gradient loss, and the gradients of each net's layers, at the nets' flat weights; it runs inside a tidy
 */
export function trainer(
  start: Float32Array,
  mask: Float32Array,
  nets: number,
  learningRate: number,
  gradient: (weights: tf.Tensor1D[]) => { loss: tf.Tensor; parts: tf.Tensor1D[][] },
) {
  const { beta1, beta2, epsilon } = ADAM;
  const size = start.length / nets;
  const each = (all: Float32Array): tf.Tensor1D[] =>
    Array.from({ length: nets }, (_, n) => tf.tensor1d(all.slice(n * size, (n + 1) * size)));
  const masks = each(mask);
  let states = each(start).map((weights): State => ({ weights, m: tf.zeros([size]), v: tf.zeros([size]) }));
  let t = 0;
  const adam = ({ weights, m, v }: State, parts: tf.Tensor1D[], n: number): State => {
    const g = tf.mul(tf.concat(parts), masks[n]);
    const newM: tf.Tensor1D = tf.add(tf.mul(m, beta1), tf.mul(g, 1 - beta1));
    const newV: tf.Tensor1D = tf.add(tf.mul(v, beta2), tf.mul(tf.square(g), 1 - beta2));
    const spread = tf.add(tf.sqrt(tf.mul(newV, 1 / (1 - beta2 ** t))), epsilon);
    const move = tf.div(tf.mul(newM, learningRate / (1 - beta1 ** t)), spread);
    return { weights: tf.sub(weights, move), m: newM, v: newV };
  };
  const dispose = (): void => tf.dispose(states.flatMap(({ weights, m, v }) => [weights, m, v]));
  return {
    step(): number {
      t += 1;
      let next: State[] = [];
      const loss = tf.tidy(() => {
        const { loss, parts } = gradient(states.map(({ weights }) => weights));
        next = states.map((state, n) => tf.tidy(() => adam(state, parts[n], n)));
        for (const { weights, m, v } of next) for (const tensor of [weights, m, v]) tf.keep(tensor);
        return loss;
      });
      dispose();
      states = next;
      const [value] = loss.dataSync();
      loss.dispose();
      return value;
    },
    weights: (): Float32Array => Float32Array.from(states.flatMap(({ weights }) => [...weights.dataSync()])),
    dispose() {
      dispose();
      tf.dispose(masks);
    },
  };
}
