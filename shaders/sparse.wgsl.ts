/**
 * Products with sparse matrices: fixed ones shared by all samples, and a symmetric matrix for each sample, with the entries (i, j), i ≥ j, of
 * its lower triangle as features.
 *
 *   linearMap    y_g = Σ_k value_k x_{index_k}       sparseMul  y = A x       sparseOuter  a bᵀ + b aᵀ on the pattern, on its diagonal a b
 *
 * Vectors of a sample are n unknowns × `width` right-hand sides, sides fastest. One thread for each sample and output gathers its
 * terms: wasm scatters the entries of A, here a table lists those of each unknown.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import type { SparseMatrix } from "../src/sparse/matrix.ts";
import type { SparsePattern } from "../src/sparse/pattern.ts";
import type { Binding, MakeKernels } from "./kernel.ts";
import { operands } from "./kernel.ts";
import { rowKernel } from "./rows.ts";

type Words = Uint32Array<ArrayBuffer>;

/** A matrix or pattern is made once, and so are the tables. */
function once<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, V>();
  return (key) => {
    const value = known.get(key) ?? make(key);
    known.set(key, value);
    return value;
  };
}

/** (G + 1) starts, then the indices; and the values, at least one. */
const rowsOf = once(({ start, index, value }: SparseMatrix): { links: Words; values: Float32Array<ArrayBuffer> } => ({
  links: Uint32Array.from([...start, ...index]),
  values: Float32Array.from(value.length > 0 ? value : [0]),
}));

/** The pattern as (row, column) by entry. */
const placesOf = once(
  ({ rows, cols }: SparsePattern): Words =>
    Uint32Array.from({ length: 2 * rows.length }, (_, k) => (k & 1 ? cols : rows)[k >> 1]),
);

/** By unknown: (n + 1) starts, then (entry, the unknown it is multiplied with) of every entry of its row of the whole matrix. */
const meetingsOf = once(({ n, rows, cols }: SparsePattern): Words => {
  const start = new Uint32Array(n + 1);
  const each = (meet: (unknown: number, entry: number, other: number) => void): void => {
    for (let e = 0; e < rows.length; e++) {
      meet(rows[e], e, cols[e]);
      if (rows[e] !== cols[e]) meet(cols[e], e, rows[e]);
    }
  };
  each((unknown) => start[unknown + 1]++);
  for (let i = 0; i < n; i++) start[i + 1] += start[i];
  const table = new Uint32Array(n + 1 + 2 * start[n]);
  table.set(start);
  const next = start.slice();
  each((unknown, entry, other) => table.set([entry, other], n + 1 + 2 * next[unknown]++));
  return table;
});

const table = (name: string, numbers: Words): Binding => ({ name, type: "array<u32>", table: numbers });

const mapCode = wgsl`
fn work(row: u32, rows: u32, item: u32) {
  var sum = 0.0;
  for (var k = links[item]; k < links[item + 1u]; k++) { sum += values[k] * x[links[ITEMS + 1u + k] * rows + row]; }
  out[item * rows + row] = sum;
}
`;

const mulCode = wgsl`
override N: u32;
override WIDTH: u32;

fn work(row: u32, rows: u32, item: u32) {
  let i = item / WIDTH;
  let side = item % WIDTH;
  var sum = 0.0;
  for (var k = meetings[i]; k < meetings[i + 1u]; k++) {
    let at = N + 1u + 2u * k;
    sum += a[meetings[at] * rows + row] * x[(meetings[at + 1u] * WIDTH + side) * rows + row];
  }
  out[item * rows + row] = sum;
}
`;

const outerCode = wgsl`
override WIDTH: u32;

fn work(row: u32, rows: u32, item: u32) {
  let i = places[2u * item] * WIDTH;
  let j = places[2u * item + 1u] * WIDTH;
  var sum = 0.0;
  for (var side = 0u; side < WIDTH; side++) {
    let u = (i + side) * rows + row;
    let v = (j + side) * rows + row;
    var term = a[u] * b[v];
    if (i != j) { term += a[v] * b[u]; }
    sum += term;
  }
  out[item * rows + row] = sum;
}
`;

export const sparseKernels: Readonly<Record<"linearMap" | "sparseMul" | "sparseOuter", MakeKernels>> = {
  linearMap: (record, plan) => {
    const { links, values } = rowsOf(record.attrs.matrix as SparseMatrix);
    const items = operands(record, plan)[0].cols;
    const more: Binding[] = [table("links", links), { name: "values", table: values }];
    return [rowKernel(record, plan, { inputs: ["x"], more, items, code: mapCode })];
  },
  sparseMul: (record, plan) => {
    const pattern = record.attrs.pattern as SparsePattern;
    const items = operands(record, plan)[0].cols;
    const constants = { N: pattern.n, WIDTH: items / pattern.n };
    const more = [table("meetings", meetingsOf(pattern))];
    return [rowKernel(record, plan, { inputs: ["a", "x"], more, constants, items, code: mulCode })];
  },
  sparseOuter: (record, plan) => {
    const pattern = record.attrs.pattern as SparsePattern;
    const constants = { WIDTH: operands(record, plan)[1].cols / pattern.n };
    const more = [table("places", placesOf(pattern))];
    return [
      rowKernel(record, plan, { inputs: ["a", "b"], more, constants, items: pattern.rows.length, code: outerCode }),
    ];
  },
};
