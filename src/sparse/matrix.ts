/**
 * Fixed sparse matrices: what assembly, loads and sensors of finite elements are. A matrix maps F inputs to G outputs,
 *
 *   out_g = Σ_k value_k · x_{index_k},   k = start_g … start_{g+1} − 1   (compressed rows),
 *
 * and is plain data: a plan holds it, a Worker can be sent it. Its identity stands for its contents: make one once.
 */

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

/** @throws on an index that is out of range, or a value that is not finite. */
export function sparseMatrix(inputs: number, outputs: number, entries: readonly Triplet[]): SparseMatrix {
  const rows: Map<number, number>[] = Array.from({ length: outputs }, () => new Map());
  for (const [g, f, value] of entries) {
    if (!(Number.isInteger(g) && g >= 0 && g < outputs && Number.isInteger(f) && f >= 0 && f < inputs))
      throw new Error(`sparseMatrix: expected an entry within (${outputs}, ${inputs}), got (${g}, ${f})`);
    if (!Number.isFinite(value)) throw new Error(`sparseMatrix: expected finite entries, got ${value} at (${g}, ${f})`);
    rows[g].set(f, (rows[g].get(f) ?? 0) + value);
  }
  const start = new Int32Array(outputs + 1);
  rows.forEach((row, g) => {
    start[g + 1] = start[g] + row.size;
  });
  const index = new Int32Array(start[outputs]);
  const value = new Float64Array(start[outputs]);
  let at = 0;
  for (const row of rows) {
    for (const f of [...row.keys()].sort((a, b) => a - b)) {
      index[at] = f;
      value[at++] = row.get(f) as number;
    }
  }
  return { inputs, outputs, start, index, value };
}

const transposes = new WeakMap<SparseMatrix, SparseMatrix>();

/** The transpose: made once, and that of the transpose is the matrix itself. */
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
