// The nets of W1 and W2 with zeros between their weights, in a form that libraries with a cost for each operation run
// faster: the three nets of W1 as one of block-diagonal layers; W2's nets on coordinates that stay in their places, the
// permutations moved into the weights, so that nothing is sliced, joined or permuted between the products.

import { layersOf, type Net, W1, W2 } from "../workloads.ts";

/** A map from our slab of weights into a flat tensor that may have further weights between them, which stay zero. */
export interface Padding {
  readonly size: number;
  readonly index: Int32Array;
}

/** Weights in the slab of these nets; asking for the weights themselves would cost a cold start a tenth of a second. */
function count(nets: readonly Net[]): number {
  const { inputs, outputs, at } = layersOf(nets[nets.length - 1]).at(-1)!;
  return at + (inputs + 1) * outputs;
}

/** The flat tensor of a slab, zero between the weights. */
export const padded = (slab: ArrayLike<number>, { size, index }: Padding): Float32Array => {
  const flat = new Float32Array(size);
  index.forEach((at, k) => {
    flat[at] = slab[k];
  });
  return flat;
};

/** The slab of a flat tensor. */
export const unpadded = (flat: ArrayLike<number>, { index }: Padding): Float32Array =>
  Float32Array.from(index, (at) => flat[at]);

/** Layer widths of the joined net of W1; its outputs are mean (2), diagonal (2), off-diagonal (1). */
export const GAUSSIAN_SIZES = [600, 60, 30, 5];

export const gaussianPadding: Padding = {
  size: 601 * 60 + 61 * 30 + 31 * 5,
  index: new Int32Array(count(W1.nets)),
};
W1.nets.forEach((net, n) => {
  let at = 0;
  layersOf(net).forEach(({ inputs, outputs, at: from }, l) => {
    const columns = GAUSSIAN_SIZES[l + 1];
    for (let k = 0; k < (inputs + 1) * outputs; k++) {
      const i = Math.floor(k / outputs);
      const row = i === inputs ? GAUSSIAN_SIZES[l] : l === 0 ? i : n * inputs + i;
      gaussianPadding.index[from + k] = at + row * columns + n * (l === 2 ? 2 : outputs) + (k % outputs);
    }
    at += (GAUSSIAN_SIZES[l] + 1) * columns;
  });
});

/** frames[b][i]: the place of coordinate i of block b. */
export const frames: number[][] = [[0, 1, 2, 3]];
for (const p of W2.permutations) frames.push(p.map((j) => frames[frames.length - 1][j]));

/** Layer widths of a padded net: x (4) and y (2) in, six columns out; zero out of what it keeps and of y. */
export const FLOW_SIZES = [6, W2.hidden, W2.hidden, 6];
/** Weights of a padded net. */
export const FLOW_NET = 7 * W2.hidden + (W2.hidden + 1) * W2.hidden + (W2.hidden + 1) * 6;

/** Places of a coupling's kept and moved coordinates. */
function places(n: number): { keep: number[]; move: number[] } {
  const frame = frames[n >> 2];
  const [low, high] = [frame.slice(0, 2), frame.slice(2)];
  return (n >> 1) % 2 === 0 ? { keep: low, move: high } : { keep: high, move: low };
}

export const flowPadding: Padding = { size: W2.nets.length * FLOW_NET, index: new Int32Array(count(W2.nets)) };
W2.nets.forEach((net, n) => {
  const { keep, move } = places(n);
  let at = n * FLOW_NET;
  layersOf(net).forEach(({ inputs, outputs, at: from }, l) => {
    const [rows, columns] = [FLOW_SIZES[l], FLOW_SIZES[l + 1]];
    for (let i = 0; i <= inputs; i++) {
      // Inputs of the first layer: two kept coordinates, y at 4 and 5, then the bias below all rows.
      const row = i === inputs ? rows : l === 0 ? [...keep, 4, 5][i] : i;
      for (let o = 0; o < outputs; o++) {
        flowPadding.index[from + i * outputs + o] = at + row * columns + (l === 2 ? move[o] : o);
      }
    }
    at += (rows + 1) * columns;
  });
});
