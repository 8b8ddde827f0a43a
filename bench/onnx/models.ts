// The inference items as ONNX graphs. Weights are constants, so that the runtime packs them when it loads, and dense
// layers are Gemm followed by their activation, which it fuses. W2 stands on fixed places (padding.ts), as for tfjs.

import { FLOW_NET, FLOW_SIZES, flowPadding, frames, GAUSSIAN_SIZES, gaussianPadding, padded } from "../tfjs/padding.ts";
import { W1, W2, W4 } from "../workloads.ts";
import { type Graph, graph } from "./proto.ts";

const { draws } = W4;

/** The part [from, from + rows) × [0, columns) of a layer (·, width) at an offset of the flat weights. */
function part(
  flat: Float32Array,
  at: number,
  width: number,
  from: number,
  rows: number,
  columns: number,
): Float32Array {
  return Float32Array.from(
    { length: rows * columns },
    (_, k) => flat[at + (from + Math.floor(k / columns)) * width + (k % columns)],
  );
}

/** A product M × K · K × N of two inputs. */
export function productModel({ m, n, k }: { m: number; n: number; k: number }): Uint8Array {
  const g = graph();
  g.output("product", g.node("MatMul", [g.input("a", [m, k]), g.input("b", [k, n])]), [m, n]);
  return g.finish();
}

const normalNoise = (g: Graph, shape: number[]): string => g.node("RandomNormal", [], { shape });

/** W2's flow from its slab: observation (1, 2) and noise (S, 4), or its own, → draws (S, 4). */
export function flowModel(slab: Float32Array, ownNoise: boolean): Uint8Array {
  const g = graph();
  const flat = padded(slab, flowPadding);
  const { hidden } = W2;
  const nets = W2.nets.length;
  const observation = g.input("observation", [1, 2]);
  const noise = ownNoise ? normalNoise(g, [draws, 4]) : g.input("noise", [draws, 4]);
  // What y adds to the first layers is the same for all draws: one product for all nets, then it is their bias.
  const fromY = new Float32Array(2 * nets * hidden);
  const bias = new Float32Array(nets * hidden);
  for (let n = 0; n < nets; n++) {
    const at = n * FLOW_NET;
    for (let i = 0; i < 2; i++) {
      fromY.set(flat.subarray(at + (4 + i) * hidden, at + (5 + i) * hidden), (i * nets + n) * hidden);
    }
    bias.set(flat.subarray(at + 6 * hidden, at + 7 * hidden), n * hidden);
  }
  const first = g.node("Gemm", [observation, g.constant(fromY, [2, nets * hidden]), g.constant(bias, [nets * hidden])]);
  const biases = g.nodes("Split", [first], nets, { axis: 1 });
  const place = Float32Array.from({ length: 16 }, (_, k) => (frames[W2.blocks - 1][k >> 2] === k % 4 ? 1 : 0));
  let x = g.node("MatMul", [noise, g.constant(place, [4, 4])]);
  const net = (n: number): string => {
    const at = n * FLOW_NET;
    const [second, third] = [at + 7 * hidden, at + 7 * hidden + (hidden + 1) * hidden];
    const width = FLOW_SIZES[3];
    const layer = (input: string, w: string, b: string): string =>
      g.node("LeakyRelu", [g.node("Gemm", [input, w, b])], { alpha: { float: W2.slope } });
    const h1 = layer(x, g.constant(part(flat, at, hidden, 0, 4, hidden), [4, hidden]), biases[n]);
    const h2 = layer(
      h1,
      g.constant(part(flat, second, hidden, 0, hidden, hidden), [hidden, hidden]),
      g.constant(part(flat, second, hidden, hidden, 1, hidden), [hidden]),
    );
    return g.node("Gemm", [
      h2,
      g.constant(part(flat, third, width, 0, hidden, 4), [hidden, 4]),
      g.constant(part(flat, third, width, hidden, 1, 4), [4]),
    ]);
  };
  for (let c = 2 * W2.blocks - 1; c >= 0; c--) {
    const stretched = g.node("Mul", [x, g.node("Exp", [g.node("Tanh", [net(2 * c)])])]);
    x = g.node("Add", [stretched, net(2 * c + 1)]);
  }
  g.output("draws", x, [draws, 4]);
  return g.finish();
}

/** The joined nets of W1: (rows, 600) → (rows, 5). */
function gaussianNet(g: Graph, y: string): string {
  const flat = padded(W1.weights(), gaussianPadding);
  let at = 0;
  let x = y;
  GAUSSIAN_SIZES.slice(1).forEach((columns, l) => {
    const rows = GAUSSIAN_SIZES[l];
    const w = g.constant(part(flat, at, columns, 0, rows, columns), [rows, columns]);
    x = g.node("Gemm", [x, w, g.constant(part(flat, at, columns, rows, 1, columns), [columns])]);
    if (l < 2) x = g.node("Relu", [x]);
    at += (rows + 1) * columns;
  });
  return x;
}

/** W1's nets on (10000, 600): mean, diagonal before softplus, off-diagonal. */
export function batchModel(): Uint8Array {
  const g = graph();
  const rows = W4.batchRows;
  const out = gaussianNet(g, g.input("y", [rows, W1.data]));
  const [mean, diagonal, off] = g.nodes("Split", [out, g.integers([2, 2, 1])], 3, { axis: 1 });
  g.output("mean", mean, [rows, 2]);
  g.output("diagonal", diagonal, [rows, 2]);
  g.output("offDiagonal", off, [rows, 1]);
  return g.finish();
}

/** W1's posterior: y (1, 600) and noise (S, 2), or its own, → mean (1, 2), factor (1, 3), draws (S, 2). */
export function gaussianModel(ownNoise: boolean): Uint8Array {
  const g = graph();
  const out = gaussianNet(g, g.input("y", [1, W1.data]));
  const noise = ownNoise ? normalNoise(g, [draws, 2]) : g.input("noise", [draws, 2]);
  const [mean, raw, off] = g.nodes("Split", [out, g.integers([2, 2, 1])], 3, { axis: 1 });
  const [d1, d2] = g.nodes("Split", [g.node("Softplus", [raw])], 2, { axis: 1 });
  const zero = g.constant(Float32Array.of(0), [1, 1]);
  // draws = noise · Lᵀ + mean, Lᵀ = [[d1, o], [0, d2]]
  const row = (values: string[]): string => g.node("Concat", values, { axis: 1 });
  const lT = g.node("Concat", [row([d1, off]), row([zero, d2])], { axis: 0 });
  g.output("mean", mean, [1, 2]);
  g.output("factor", row([d1, off, d2]), [1, 3]);
  g.output("draws", g.node("Gemm", [noise, lT, mean]), [draws, 2]);
  return g.finish();
}
