/** The weights that training starts from: each entry of a weight W is uniform on (−init, init), where init is what `weight` was given. */
import type { Slab } from "../graph/plan.ts";
import { STREAMS, uniformAt } from "../numbers/random.ts";

/** Initial weights of a slab, a function of the seed alone; it yields before each row. */
export function* initialWeights(slab: Slab, seed: number): Generator<void, Float32Array> {
  const values = new Float32Array(slab.bytes / 4);
  for (const [e, { rows, cols, offset, init }] of slab.entries.entries()) {
    for (let r = 0; r < rows && init !== 0; r++) {
      yield;
      for (let c = 0; c < cols; c++)
        values[offset / 4 + r * cols + c] = init * (2 * uniformAt(seed, STREAMS.weights + e, 0, r, c) - 1);
    }
  }
  return values;
}
