/** The type of a row in the table of vector-Jacobian products. */
import type { Tensor } from "./tensor.ts";

/** Gradients of an output with respect to tensors, from the cotangent `seed` of the output; null: no dependence. */
export type Grad = (output: Tensor, wrt: readonly Tensor[], seed?: Tensor) => (Tensor | null)[];

/**
 * Cotangents of the inputs of `node` (null: none) from the cotangent `g` of its output, as more graph. `grad` is the reverse
 * sweep, for a rule that differentiates its node written out in other ops; `wants` tells whether the cotangent of an input is
 * needed, for a rule that saves work, or refuses some of its inputs.
 */
export type Vjp = (g: Tensor, node: Tensor, grad: Grad, wants: (input: number) => boolean) => (Tensor | null)[];
