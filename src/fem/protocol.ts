/**
 * Protocols: which currents are driven through L electrodes, and which potentials are measured. Each row of a protocol has one
 * number an electrode: the current into the domain, or the weight of the electrode's potential in a reading.
 */
import { describe } from "../checks/arguments.ts";
import { cos, sin } from "../numbers/math.ts";
import { flatRows, type Rows } from "./arrays.ts";

/**
 * A protocol by its name, or a matrix (rows, L). Pairs have +1 at the first electrode (where current enters; the positive end of
 * the reading U_first − U_second) and −1 at the second.
 *
 * - `"adjacent"`: electrodes l and l + 1, for all l, around: L pairs
 * - `{ skip: k }`: l and l + 1 + k; `{ skip: 0 }` is adjacent
 * - `"opposite"`: l and l + L/2, for l < L/2
 * - `"trigonometric"`: cos 2πjl/L for j = 1 … L/2, then sin 2πjl/L for j below L/2: L − 1 rows
 * - `{ against: r }`: each other electrode and r: L − 1 pairs
 * - `{ pairs: [[first, second], …] }`
 * - `"each"`: each electrode alone, for readings: the potential against the reference
 */
export type Protocol =
  | "adjacent"
  | "opposite"
  | "trigonometric"
  | "each"
  | { readonly skip: number }
  | { readonly against: number }
  | { readonly pairs: Rows }
  | Rows;

const forms =
  '"adjacent", "opposite", "trigonometric", "each", { skip }, { against }, { pairs } or rows of one number an electrode';

/** Sum of a row, above which it does not count as 0, as a share of the sum of its absolute values. */
const BALANCE = 1e-9;

function pairsOf(name: string, L: number, pairs: readonly (readonly [number, number])[]): Float64Array {
  const out = new Float64Array(pairs.length * L);
  pairs.forEach(([first, second], k) => {
    const odd = [first, second].find((l) => !(Number.isInteger(l) && l >= 0 && l < L));
    if (odd !== undefined)
      throw new Error(`electrodes: expected electrodes 0 to ${L - 1} in ${name}, got ${odd} in pair ${k}`);
    if (first === second)
      throw new Error(`electrodes: expected pairs of two electrodes in ${name}, got ${first} twice in pair ${k}`);
    out[k * L + first] = 1;
    out[k * L + second] = -1;
  });
  return out;
}

/** A protocol as a matrix (rows, L). @throws on what is none, naming the option. */
export function protocolRows(name: "inject" | "measure", given: unknown, L: number): Float64Array {
  const all = Array.from({ length: L }, (_, l) => l);
  const refuse = (): never => {
    throw new Error(`electrodes: expected ${name} as ${forms}, got ${describe(given)}`);
  };
  const skip = (k: number, from = all): Float64Array =>
    pairsOf(
      name,
      L,
      from.map((l) => [l, (l + 1 + k) % L]),
    );
  if (typeof given === "string") {
    if (given === "adjacent") return skip(0);
    if (given === "each") return Float64Array.from({ length: L * L }, (_, i) => Number(i % (L + 1) === 0));
    if (given !== "opposite" && given !== "trigonometric") refuse();
    if (L % 2 !== 0) throw new Error(`electrodes: expected an even number of electrodes for "${given}", got ${L}`);
    if (given === "opposite") return skip(L / 2 - 1, all.slice(0, L / 2));
    const wave = (j: number, f: (x: number) => number): number[] =>
      all.map((l) => f((2 * Math.PI * ((j * l) % L)) / L));
    const orders = all.slice(1, L / 2 + 1);
    // Sums of cosines are 0 up to rounding: the rest is taken off, so that currents balance to the last bit or nearly.
    const rows = [...orders.map((j) => wave(j, cos)), ...orders.slice(0, -1).map((j) => wave(j, sin))];
    return Float64Array.from(rows.flatMap((row) => row.map((x) => x - row.reduce((a, b) => a + b, 0) / L)));
  }
  if (typeof given !== "object" || given === null) refuse();
  const form = given as { skip?: number; against?: number; pairs?: Rows };
  if (Object.hasOwn(form, "skip")) {
    const k = form.skip as number;
    if (!(Number.isInteger(k) && k >= 0 && k <= L - 2))
      throw new Error(`electrodes: expected a skip from 0 to ${L - 2} in ${name}, got ${describe(k)}`);
    return skip(k);
  }
  if (Object.hasOwn(form, "against")) {
    const other = form.against as number;
    return pairsOf(
      name,
      L,
      all.filter((l) => l !== other).map((l) => [l, other]),
    );
  }
  const flat = Object.hasOwn(form, "pairs")
    ? pairsOf(name, L, pairsIn(flatRows("electrodes", `pairs of ${name}`, form.pairs, 2)))
    : Array.isArray(given) || ArrayBuffer.isView(given)
      ? flatRows("electrodes", `rows of ${name}, one number an electrode`, given, L)
      : refuse();
  if (flat.length === 0) throw new Error(`electrodes: expected at least one row in ${name}, got none`);
  flat.forEach((x, i) => {
    if (!Number.isFinite(x))
      throw new Error(
        `electrodes: expected finite numbers in ${name}, got ${x} in row ${Math.floor(i / L)}, electrode ${i % L}`,
      );
  });
  return flat;
}
const pairsIn = (flat: Float64Array): [number, number][] =>
  Array.from({ length: flat.length / 2 }, (_, k) => [flat[2 * k], flat[2 * k + 1]]);

/** @throws unless the currents of each row sum to 0, and are not all 0. */
export function expectBalance(rows: Float64Array, L: number): void {
  for (let k = 0; k * L < rows.length; k++) {
    const row = rows.subarray(k * L, (k + 1) * L);
    const [sum, size] = [row.reduce((a, b) => a + b, 0), row.reduce((a, b) => a + Math.abs(b), 0)];
    if (size > 0 && Math.abs(sum) <= BALANCE * size) continue;
    const got = size > 0 ? `a sum of ${sum} in injection ${k}` : `none in injection ${k}`;
    throw new Error(`electrodes: expected currents that sum to 0 (what enters leaves), got ${got}`);
  }
}

/** Rows and how all rows are made of them: rows = of · basis. */
export interface Independent {
  /** Indices of the rows of the basis (R). */
  readonly basis: readonly number[];
  /** (rows, R) */
  readonly of: Float64Array;
}

/** What is left of a row outside of the span of others, below which it counts as within, as a share of it. */
const DEPENDENT = 1e-6;

/** The first rows that are linearly independent, and the others in terms of them (Gram–Schmidt, twice). */
export function independentRows(rows: Float64Array, L: number): Independent {
  const K = rows.length / L;
  const [basis, directions]: [number[], Float64Array[]] = [[], []];
  const triangle: number[][] = []; // of each row of the basis, its parts along the directions
  const parts: number[][] = [];
  for (let k = 0; k < K; k++) {
    const rest = rows.slice(k * L, (k + 1) * L);
    const size = Math.sqrt(rest.reduce((s, x) => s + x * x, 0));
    const along = directions.map(() => 0);
    for (let pass = 0; pass < 2; pass++) {
      directions.forEach((q, i) => {
        const part = q.reduce((s, x, l) => s + x * rest[l], 0);
        along[i] += part;
        for (let l = 0; l < L; l++) rest[l] -= part * q[l];
      });
    }
    const left = Math.sqrt(rest.reduce((s, x) => s + x * x, 0));
    if (left > DEPENDENT * size) {
      basis.push(k);
      directions.push(rest.map((x) => x / left));
      along.push(left);
      triangle.push(along);
    }
    parts.push(along);
  }
  const R = basis.length;
  const of = new Float64Array(K * R);
  parts.forEach((along, k) => {
    // along = Σ_r c_r triangle_r, from the last direction down
    const rest = Float64Array.from({ length: R }, (_, i) => along[i] ?? 0);
    for (let r = R - 1; r >= 0; r--) {
      const c = rest[r] / triangle[r][r];
      for (let i = 0; i <= r; i++) rest[i] -= c * triangle[r][i];
      of[k * R + r] = Math.abs(c) < 1e-12 ? 0 : c;
    }
  });
  return { basis, of };
}
