import { columns, concat, constant, mul, ones } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";

interface Seen {
  readonly constants: Tensor;
}
/** Stands in for scan. */
export function scan(spec: {
  state: Tensor;
  steps: number;
  step: (state: Tensor, seen: Seen) => Tensor;
  constants?: readonly (readonly number[])[];
  emit: {
    at: readonly number[];
    constants?: readonly (readonly number[])[];
    value?: (state: Tensor, seen: Seen) => Tensor;
  };
}): Tensor {
  const { state, steps, step, constants, emit } = spec;
  const row = (table: readonly (readonly number[])[] | undefined, k: number): Seen => ({
    constants:
      table === undefined
        ? (undefined as unknown as Tensor)
        : mul(ones(state.dtype, state.rows), constant(table[k], state.dtype)),
  });
  const out: Tensor[] = [];
  let [u, next] = [state, 0];
  for (let k = 0; k <= steps; k++) {
    for (; emit.at[next] === k; next++)
      out.push(emit.value ? emit.value(u, row(emit.constants, next)) : columns(u, [...Array(u.cols).keys()]));
    if (k < steps) u = step(u, row(constants, k));
  }
  return concat(...out);
}
