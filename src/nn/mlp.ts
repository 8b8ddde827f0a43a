/**
 * Multilayer perceptrons, h ← act(h W + b), with PyTorch's default start U(−1/√I, 1/√I) for weights and biases.
 * Weights are made once and may be applied many times.
 */
import { check, oneOf } from "../checks/options.ts";
import { add, dense, leakyRelu, relu, silu, softplus, tanh, weight } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Hidden activations: name → function. Those that `dense` fuses are marked by `fused`. */
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

/** Widths of hidden layers, among options; none is a list without entries. */
export const widths = check<readonly number[]>(
  "a list of positive whole numbers",
  (x) => Array.isArray(x) && x.every((width) => Number.isInteger(width) && width > 0),
);

export interface MlpOptions {
  readonly activation: ActivationName;
  /** Adds a linear map from the input to the output. */
  readonly skip?: boolean;
  /** Scales the start of the last layer: small values start the network near 0. */
  readonly last?: number;
}

/** A network x (B, sizes[0]) → (B, sizes[last]). */
export function mlp(name: string, sizes: readonly number[], options: MlpOptions): (x: Tensor) => Tensor {
  const { activation, skip = false, last = 1 } = options;
  const { apply, fused } = activations[activation];
  const layers = sizes.slice(1).map((outs, i) => {
    const ins = sizes[i];
    const scale = i === sizes.length - 2 ? last : 1;
    return weight(`${name}.${i}`, ins + 1, outs, { init: scale / Math.sqrt(ins) });
  });
  const straight = skip
    ? weight(`${name}.skip`, sizes[0], sizes[sizes.length - 1], { init: last / Math.sqrt(sizes[0]) })
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
