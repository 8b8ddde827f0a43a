// The flow W2 in jax-js. Last layers are stored transposed, (2, 100), so that their product runs along contiguous memory
// (89 ms against 105 for 1000 draws). Slower alternatives: both nets of a coupling as one batched product, with the
// permutations folded into the weights (141 ms), and the same with separate nets (92 ms). Each net is one array, rather
// than one for each layer: the library keeps a list of pending kernels for each output, and a step with 1081 outputs spends 400 ms
// on those lists.

import { nn, numpy as np, type Array as Tensor, tree } from "@jax-js/jax";
import { layersOf, W2 } from "../workloads.ts";

/** The weights of each of the 60 nets in one array: W1 (4, H), b1, W2 (H, H), b2, W3 transposed (2, H), b3. */
export type FlowParams = Tensor[];

export function tensor(values: Float32Array, shape: number[]): Tensor {
  return np.array(values).reshape(shape);
}

function transposed(values: ArrayLike<number>, rows: number, columns: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: rows * columns }, (_, k) => values[(k % rows) * columns + Math.floor(k / rows)]);
}

export function flowParams(slab: Float32Array): FlowParams {
  return W2.nets.map((net) => {
    const [, , { inputs, outputs, at }] = layersOf(net);
    const last = at + inputs * outputs;
    const values = slab.slice(net.offset, last + outputs);
    values.set(transposed(slab.subarray(at, last), inputs, outputs), at - net.offset);
    return np.array(values);
  });
}

/** Returns the slab; the parameters are kept. */
export async function flowSlab(params: FlowParams): Promise<Float32Array> {
  const slab = new Float32Array(W2.weights().length);
  for (const [n, net] of W2.nets.entries()) {
    const [, , { inputs, outputs, at }] = layersOf(net);
    slab.set((await params[n].ref.data()) as Float32Array, net.offset);
    slab.set(transposed(slab.slice(at, at + inputs * outputs), outputs, inputs), at);
  }
  return slab;
}

function netOf(params: Tensor, x: Tensor): Tensor {
  let at = 0;
  const next = (...shape: number[]): Tensor => {
    const from = at;
    at += shape.reduce((a, b) => a * b);
    return params.ref.slice([from, at]).reshape(shape);
  };
  const { hidden, slope } = W2;
  const h1 = nn.leakyRelu(np.matmul(x, next(4, hidden)).add(next(hidden)), slope);
  const h2 = nn.leakyRelu(np.matmul(h1, next(hidden, hidden)).add(next(hidden)), slope);
  const out = np.matmul(h2, next(2, hidden).transpose()).add(next(2));
  params.dispose();
  return out;
}

const halves = (x: Tensor): [Tensor, Tensor] => [x.ref.slice([], [0, 2]), x.slice([], [2, 4])];

/** Column i of the result is column from[i] of the halves [a, b]. */
function permuted(a: Tensor, b: Tensor, from: readonly number[]): [Tensor, Tensor] {
  const columns = from.map((j) => (j < 2 ? a : b).ref.slice([], [j % 2, (j % 2) + 1]));
  tree.dispose([a, b]);
  return [np.concatenate(columns.slice(0, 2), 1), np.concatenate(columns.slice(2), 1)];
}

/** Draws (S, 4) from base noise (S, 4) and one observation (2). */
export function flowSample(params: FlowParams, noise: Tensor, observation: Tensor): Tensor {
  const y = np.broadcastTo(observation.reshape([1, 2]), [noise.shape[0], 2]);
  let [a, b] = halves(noise);
  for (let c = 2 * W2.blocks - 1; c >= 0; c--) {
    const [keep, move] = c % 2 === 0 ? [a, b] : [b, a];
    const x = np.concatenate([keep.ref, y.ref], 1);
    const scale = np.tanh(netOf(params[2 * c], x.ref));
    const moved = move.mul(np.exp(scale)).add(netOf(params[2 * c + 1], x));
    [a, b] = c % 2 === 0 ? [keep, moved] : [moved, keep];
    if (c > 0 && c % 2 === 0) {
      const p = W2.permutations[c / 2 - 1];
      [a, b] = permuted(
        a,
        b,
        p.map((_, i) => p.indexOf(i)),
      );
    }
  }
  y.dispose();
  return np.concatenate([a, b], 1);
}

/** W2's loss, the mean over theta (B, 4) given y (B, 2). */
export function flowLoss(params: FlowParams, theta: Tensor, y: Tensor): Tensor {
  let [a, b] = halves(theta);
  let logScale: Tensor | undefined;
  for (let c = 0; c < 2 * W2.blocks; c++) {
    if (c > 0 && c % 2 === 0) [a, b] = permuted(a, b, W2.permutations[c / 2 - 1]);
    const [keep, move] = c % 2 === 0 ? [a, b] : [b, a];
    const x = np.concatenate([keep.ref, y.ref], 1);
    const scale = np.tanh(netOf(params[2 * c], x.ref));
    const moved = move.sub(netOf(params[2 * c + 1], x)).mul(np.exp(scale.ref.neg()));
    logScale = logScale ? logScale.add(scale) : scale;
    [a, b] = c % 2 === 0 ? [keep, moved] : [moved, keep];
  }
  y.dispose();
  const squares = np.square(a).add(np.square(b)).mul(0.5);
  return squares
    .add(logScale as Tensor)
    .sum()
    .mul(1 / W2.batch);
}
