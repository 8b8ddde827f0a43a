/**
 * Fixed sparse matrices: the assembly, loads and sensors of finite elements. A matrix maps F inputs to G outputs,
 *
 *   out_g = Σ_k value_k · x_{index_k},   k = start_g … start_{g+1} − 1   (compressed rows),
 *
 * and is plain data: plans hold it, and it can be posted to a Worker. Two matrices count as equal only if they are one object, so
 * make each once.
 */
import { describe, expectNumber } from "../checks/arguments.ts";
import { countingSort, upTo } from "./counting-sort.ts";

/** A fixed matrix (G, F) in compressed rows. */
export interface SparseMatrix {
  /** Inputs F and outputs G. */
  readonly inputs: number;
  readonly outputs: number;
  /** (G + 1) */
  readonly start: Int32Array;
  /** (K), ascending within an output. */
  readonly index: Int32Array;
  readonly value: Float64Array;
}

/** An entry: output, input, value. Entries at one place add. */
export type Triplet = readonly [output: number, input: number, value: number];

/** Compressed rows for entries in any order, and the place of each; entries at one place share it. */
export interface Compressed extends Pick<SparseMatrix, "start" | "index"> {
  readonly places: Int32Array;
}

/** Sorts entries (output, input), two lists of whole numbers in range, by output, then by input. */
export function compress(
  inputs: number,
  outputs: number,
  at: { readonly outputs: ArrayLike<number>; readonly inputs: ArrayLike<number> },
): Compressed {
  const byInput = countingSort(upTo(at.inputs.length), inputs, (e) => at.inputs[e]);
  const order = countingSort(byInput, outputs, (e) => at.outputs[e]);
  const start = new Int32Array(outputs + 1);
  const index = new Int32Array(order.length);
  const places = new Int32Array(order.length);
  let [count, row] = [0, -1];
  for (const e of order) {
    if (at.outputs[e] !== row || index[count - 1] !== at.inputs[e]) {
      row = at.outputs[e];
      index[count++] = at.inputs[e];
      start[row + 1]++;
    }
    places[e] = count - 1;
  }
  for (let g = 0; g < outputs; g++) start[g + 1] += start[g];
  return { start, index: index.slice(0, count), places };
}

/** The matrix whose entries, listed as for `compress`, have these values; values at one place add. */
export function withValues(
  inputs: number,
  outputs: number,
  { start, index, places }: Compressed,
  values: ArrayLike<number>,
): SparseMatrix {
  const value = new Float64Array(index.length);
  for (let e = 0; e < places.length; e++) value[places[e]] += values[e];
  return { inputs, outputs, start, index, value };
}

/**
 * A matrix (outputs, inputs) from its entries.
 * @throws on a size that is none, what is no entry, an index out of range, or a value that is not finite.
 */
export function sparseMatrix(inputs: number, outputs: number, entries: readonly Triplet[]): SparseMatrix {
  const isSize = (n: number): boolean => Number.isInteger(n) && n >= 0;
  expectNumber("sparseMatrix", "inputs to be a whole number", inputs, isSize);
  expectNumber("sparseMatrix", "outputs to be a whole number", outputs, isSize);
  if (!Array.isArray(entries))
    throw new Error(`sparseMatrix: expected a list of entries [output, input, value], got ${describe(entries)}`);
  for (const [i, entry] of entries.entries()) {
    if (!Array.isArray(entry) || entry.length !== 3)
      throw new Error(`sparseMatrix: expected entries [output, input, value], got ${describe(entry)} at index ${i}`);
    const [g, f, value] = entry;
    if (!(Number.isInteger(g) && g >= 0 && g < outputs && Number.isInteger(f) && f >= 0 && f < inputs))
      throw new Error(`sparseMatrix: expected an entry within (${outputs}, ${inputs}), got (${g}, ${f})`);
    if (!Number.isFinite(value)) throw new Error(`sparseMatrix: expected finite entries, got ${value} at (${g}, ${f})`);
  }
  const at = { outputs: Int32Array.from(entries, ([g]) => g), inputs: Int32Array.from(entries, ([, f]) => f) };
  const values = Float64Array.from(entries, ([, , value]) => value);
  return withValues(inputs, outputs, compress(inputs, outputs, at), values);
}

const transposes = new WeakMap<SparseMatrix, SparseMatrix>();

/** The transpose. It is made once, and its own transpose is the matrix itself. */
export function transposed(m: SparseMatrix): SparseMatrix {
  const known = transposes.get(m);
  if (known) return known;
  const start = new Int32Array(m.inputs + 1);
  for (const f of m.index) start[f + 1]++;
  for (let f = 0; f < m.inputs; f++) start[f + 1] += start[f];
  const next = start.slice();
  const index = new Int32Array(m.index.length);
  const value = new Float64Array(m.index.length);
  for (let g = 0; g < m.outputs; g++) {
    for (let k = m.start[g]; k < m.start[g + 1]; k++) {
      const at = next[m.index[k]]++;
      index[at] = g;
      value[at] = m.value[k];
    }
  }
  const t: SparseMatrix = { inputs: m.outputs, outputs: m.inputs, start, index, value };
  transposes.set(m, t);
  transposes.set(t, m);
  return t;
}

/** The product with one vector (F) → (G). */
export function timesVector(m: SparseMatrix, x: ArrayLike<number>): Float64Array {
  const out = new Float64Array(m.outputs);
  for (let g = 0; g < m.outputs; g++) {
    let sum = 0;
    for (let k = m.start[g]; k < m.start[g + 1]; k++) sum += m.value[k] * x[m.index[k]];
    out[g] = sum;
  }
  return out;
}
