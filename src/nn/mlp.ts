/**
 * Multilayer perceptrons, h ← act(h W + b), with PyTorch's default initial weights and biases, U(−1/√I, 1/√I) for I inputs.
 * The weights are made once; the network may be applied many times.
 */
import { check, oneOf } from "../checks/options.ts";
import { add, dense, leakyRelu, relu, silu, softplus, tanh, weight } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Activations of hidden layers by name. `dense` computes those that are `fused`. */
export const activations = {
  relu: { apply: relu, fused: true },
  leakyRelu: { apply: leakyRelu, fused: true },
  tanh: { apply: tanh, fused: true },
  softplus: { apply: softplus, fused: true },
  silu: { apply: silu, fused: false },
} as const;
/** Names of activations. */
export type ActivationName = keyof typeof activations;

/** An activation, among options. */
export const activationName = oneOf(...(Object.keys(activations) as ActivationName[]));

const MOST_LAYERS = 100;
/** Widths of hidden layers, among options; none is a list without entries. */
export const widths = check<readonly number[]>(
  `a list of at most ${MOST_LAYERS} positive whole numbers`,
  (x) => Array.isArray(x) && x.length <= MOST_LAYERS && x.every((width) => Number.isInteger(width) && width > 0),
);

/** Makes the matrix (rows, cols) of a name, as `weight` does. */
export type MakeWeight = typeof weight;

/** Options of a network. */
export interface MlpOptions {
  readonly activation: ActivationName;
  /** Adds a linear map from the input to the output. */
  readonly skip?: boolean;
  /** Factor of the initial weights of the last layer; with a small one the network starts near 0. */
  readonly last?: number;
  /** Makes the weights: `weight` by default. */
  readonly weight?: MakeWeight | undefined;
}

/** A network (B, sizes[0]) → (B, sizes[last]). `name` opens the names of its weights. */
export function mlp(name: string, sizes: readonly number[], options: MlpOptions): (x: Tensor) => Tensor {
  const { activation, skip = false, last = 1, weight: make = weight } = options;
  const { apply, fused } = activations[activation];
  const layers = sizes.slice(1).map((outs, i) => {
    const ins = sizes[i];
    const scale = i === sizes.length - 2 ? last : 1;
    return make(`${name}.${i}`, ins + 1, outs, { init: scale / Math.sqrt(ins) });
  });
  const straight = skip
    ? make(`${name}.skip`, sizes[0], sizes[sizes.length - 1], { init: last / Math.sqrt(sizes[0]) })
    : null;
  return (x) => {
    let h = x;
    layers.forEach((w, i) => {
      if (i === layers.length - 1) h = dense(h, w);
      else h = fused ? dense(h, w, { activation: activation as "relu" }) : apply(dense(h, w));
    });
    return straight === null ? h : add(h, dense(x, straight, { bias: false }));
  };
}
