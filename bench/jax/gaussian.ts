// The Gaussian guide W1 in jax-js. The three nets are joined: one first layer (600, 60), then batched products of
// (3, 10, 20) and (3, 2, 10), stored (out, in) so that they run along contiguous memory. The off-diagonal's net gets a
// second output that nothing reads, so its weights stay as they are.

import { nn, numpy as np, type Array as Tensor } from "@jax-js/jax";
import { layersOf, W1 } from "../workloads.ts";
import { tensor } from "./flow.ts";

/** W1 (600, 60), b1 (60), W2 (3, 10, 20), b2 (3, 1, 10), W3 (3, 2, 10), b3 (3, 1, 2). */
export type GaussianParams = Tensor[];

const SHAPES = [[600, 60], [60], [3, 10, 20], [3, 1, 10], [3, 2, 10], [3, 1, 2]];

/** Where weight (i, o) of layer l of net n stands in the joined arrays; i = inputs: the bias. */
function place(n: number, l: number, i: number, o: number, inputs: number): [array: number, index: number] {
  if (l === 0) return i < inputs ? [0, i * 60 + n * 20 + o] : [1, n * 20 + o];
  const width = l === 1 ? 10 : 2;
  return i < inputs ? [2 * l, (n * width + o) * inputs + i] : [2 * l + 1, n * width + o];
}

function forEachWeight(visit: (slabIndex: number, array: number, index: number) => void): void {
  for (const [n, net] of W1.nets.entries()) {
    for (const [l, { inputs, outputs, at }] of layersOf(net).entries()) {
      for (let k = 0; k < (inputs + 1) * outputs; k++) {
        visit(at + k, ...place(n, l, Math.floor(k / outputs), k % outputs, inputs));
      }
    }
  }
}

export function gaussianParams(slab: Float32Array): GaussianParams {
  const arrays = SHAPES.map((shape) => new Float32Array(shape.reduce((a, b) => a * b)));
  forEachWeight((s, array, index) => {
    arrays[array][index] = slab[s];
  });
  return arrays.map((values, k) => tensor(values, SHAPES[k]));
}

/** Returns the slab; the parameters are kept. */
export async function gaussianSlab(params: GaussianParams): Promise<Float32Array> {
  const arrays = await Promise.all(params.map((p) => p.ref.data()));
  const slab = new Float32Array(W1.weights().length);
  forEachWeight((s, array, index) => {
    slab[s] = arrays[array][index];
  });
  return slab;
}

/** Outputs (3, B, 2) of the nets: mean; diagonal before softplus; off-diagonal beside an unused column. */
export function gaussianNets([w1, b1, w2, b2, w3, b3]: GaussianParams, y: Tensor): Tensor {
  const rows = y.shape[0];
  const h1 = nn.relu(np.matmul(y, w1).add(b1)).reshape([rows, 3, 20]).transpose([1, 0, 2]);
  const h2 = nn.relu(np.matmul(h1, w2.transpose([0, 2, 1])).add(b2));
  return np.matmul(h2, w3.transpose([0, 2, 1])).add(b3);
}

interface Guide {
  mean: Tensor[];
  diagonal: Tensor[];
  off: Tensor;
}

/** The columns (B) of mean and factor. */
function split(out: Tensor): Guide {
  const column = (n: number, k: number): Tensor => out.ref.slice(n, [], k);
  const guide = {
    mean: [column(0, 0), column(0, 1)],
    diagonal: [nn.softplus(column(1, 0)), nn.softplus(column(1, 1))],
    off: column(2, 0),
  };
  out.dispose();
  return guide;
}

/** W1's loss, the mean over theta (B, 2) given y (B, 600). */
export function gaussianLoss(params: GaussianParams, theta: Tensor, y: Tensor): Tensor {
  const {
    mean: [m1, m2],
    diagonal: [d1, d2],
    off,
  } = split(gaussianNets(params, y));
  const z1 = theta.ref.slice([], 0).sub(m1).div(d1.ref);
  const z2 = theta.slice([], 1).sub(m2).sub(off.mul(z1.ref)).div(d2.ref);
  return np.square(z1).add(np.square(z2)).mul(0.5).add(np.log(d1)).add(np.log(d2)).mean();
}

/** Mean (2), factor (d1, o, d2) and draws (S, 2) for one observation (600) and noise (S, 2). */
export function gaussianPosterior(params: GaussianParams, y: Tensor, noise: Tensor): Tensor[] {
  const {
    mean: [m1, m2],
    diagonal: [d1, d2],
    off,
  } = split(gaussianNets(params, y.reshape([1, 600])));
  const e1 = noise.ref.slice([], 0);
  const e2 = noise.slice([], 1);
  const draws = np.stack([m1.ref.add(d1.ref.mul(e1.ref)), m2.ref.add(off.ref.mul(e1)).add(d2.ref.mul(e2))], 1);
  return [np.concatenate([m1, m2]), np.concatenate([d1, off, d2]), draws];
}
