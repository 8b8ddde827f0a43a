/**
 * Residual networks (He et al. 2016), for regression:
 *
 *   h = silu(x W₀),   h ← h + silu(h A_b) B_b  for blocks b = 1, 2, …,   y = h W + x S,
 *
 * where every matrix but S has a bias as its last row. The straight path x S leaves only the nonlinear part to the blocks.
 */
import { add, dense, matmul, silu } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";

/** Sizes of a residual network. */
export interface ResidualSizes {
  readonly ins: number;
  readonly hidden: number;
  readonly blocks: number;
  readonly outs: number;
}

/** Makes the matrix (rows, cols) of a name: weights to train, which start from U(−init, init), or constants. */
export type MakeLayer = (name: string, rows: number, cols: number, init: number) => Tensor;

/** Factor of the initial second half of every block, so that the network starts near its straight path. */
const BLOCK_START = 0.3;

/** The network (B, ins) → (B, outs). Its layers are made once; it may be applied many times. */
export function residual({ ins, hidden, blocks, outs }: ResidualSizes, make: MakeLayer): (x: Tensor) => Tensor {
  const [outer, inner] = [1 / Math.sqrt(ins), 1 / Math.sqrt(hidden)];
  const first = make("first", ins + 1, hidden, outer);
  const pairs = Array.from({ length: blocks }, (_, b) => [
    make(`block${b}.in`, hidden + 1, hidden, inner),
    make(`block${b}.out`, hidden + 1, hidden, BLOCK_START * inner),
  ]);
  const last = make("last", hidden + 1, outs, inner);
  const straight = make("straight", ins, outs, 0);
  return (x) => {
    let h = silu(dense(x, first));
    for (const [into, out] of pairs) h = add(h, dense(silu(dense(h, into)), out));
    return add(dense(h, last), matmul(x, straight));
  };
}
