/**
 * SOAP in f64 (Vyas et al. 2024, arXiv 2409.11321, Algorithm 3, with the departures that assembly/soap.ts states), by sums as they are
 * written. Bases are orthonormalised by Gram and Schmidt, not by reflections as in the kernels, so that the two check each other.
 */
import { FACTOR_DECAY, GATHER_EVERY, REFRESH_EVERY, REFRESH_FIRST, type SoapMatrix } from "../soap.ts";

type Matrix = Float64Array[];

const matrix = (data: Float64Array, rows: number, cols: number): Matrix =>
  Array.from({ length: rows }, (_, i) => data.subarray(i * cols, (i + 1) * cols));
const transpose = (x: Matrix): Matrix => Array.from(x[0], (_, j) => Float64Array.from(x, (row) => row[j]));
const dot = (x: Float64Array, y: Float64Array): number => x.reduce((sum, v, i) => sum + v * y[i], 0);
/** X Yᵀ */
const times = (x: Matrix, y: Matrix): Matrix => x.map((r) => Float64Array.from(y, (s) => dot(r, s)));
const norm = (x: Float64Array): number => Math.sqrt(dot(x, x));

/** One step of the power iteration. Returns the old number of each vector. */
function refresh(factor: Matrix, basis: Matrix): number[] {
  const images = times(basis, factor); // factors are symmetric
  const quotients = images.map((y, k) => dot(y, basis[k]));
  const order = quotients.map((_, k) => k).sort((i, j) => quotients[j] - quotients[i]);
  const shift = 2 ** -22 * factor.reduce((sum, row, i) => sum + row[i], 0);
  const fresh: Matrix = [];
  for (const k of order) {
    const shifted = images[k].map((y, i) => y + shift * basis[k][i]);
    const length = norm(shifted);
    let y = length > 0 ? shifted.map((v) => v / length) : basis[k].slice();
    for (let pass = 0; pass < 3; pass++) {
      for (const e of fresh) {
        const c = dot(e, y);
        y = y.map((v, i) => v - c * e[i]);
      }
      const rest = norm(y);
      y = y.map((v) => v / rest);
    }
    fresh.push(y);
  }
  for (const [k, y] of fresh.entries()) basis[k].set(y);
  return order;
}

/** What a matrix of weights is updated with: windows on the slabs, on the state, and the numbers of the update. */
export interface SoapUpdate {
  readonly index: number;
  readonly update: number;
  readonly w: Float64Array;
  readonly gradient: Float64Array;
  readonly m: Float64Array;
  readonly v: Float64Array;
  readonly factors: Float64Array;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly rate: number;
  /** The rate / (1 − β₁ᵗ), and 1 / √(1 − β₂ᵗ): Adam's corrections of bias. */
  readonly size: number;
  readonly root: number;
}

/** Updates one matrix, the `index`-th. */
export function soapStep({ entry: { rows, cols, offset }, left, right }: SoapMatrix, u: SoapUpdate): void {
  const window = (slab: Float64Array): Matrix => matrix(slab.subarray(offset / 4), rows, cols);
  const [w, gradient, m, v] = [u.w, u.gradient, u.m, u.v].map(window);
  const side = (at: SoapMatrix["left"], n: number) =>
    at && { factor: matrix(u.factors.subarray(at.factor), n, n), basis: matrix(u.factors.subarray(at.basis), n, n) };
  const [a, b] = [side(left, rows), side(right, cols)];
  /** P X Qᵀ, and Pᵀ X Q. */
  const into = (x: Matrix): Matrix => {
    const half = a ? transpose(times(transpose(x), a.basis)) : x;
    return b ? times(half, b.basis) : half;
  };
  const back = (x: Matrix): Matrix => {
    const half = a ? times(transpose(a.basis), transpose(x)) : x;
    return b ? times(half, transpose(b.basis)) : half;
  };
  const early = u.update <= REFRESH_FIRST;
  const turn = u.update + u.index;
  if (early || turn % GATHER_EVERY === 0) {
    const add = (factor: Matrix, x: Matrix): void => {
      for (const [i, row] of times(x, x).entries()) factor[i].set(row.map((s, j) => FACTOR_DECAY * factor[i][j] + s));
    };
    if (a) add(a.factor, gradient);
    if (b) add(b.factor, transpose(gradient));
  }
  if (early || turn % REFRESH_EVERY === 0) {
    const momentum = back(m);
    const old = v.map((row) => row.slice());
    const none = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
    const rowOrder = a ? refresh(a.factor, a.basis) : none(rows);
    const colOrder = b ? refresh(b.factor, b.basis) : none(cols);
    for (const [i, row] of into(momentum).entries()) m[i].set(row);
    for (const [i, row] of v.entries()) row.set(colOrder.map((j) => old[rowOrder[i]][j]));
  }
  const least = 2 ** -20 * Math.sqrt(gradient.reduce((sum, row) => sum + dot(row, row), 0));
  const turned = into(gradient).map((row, i) =>
    row.map((x, j) => {
      const g = Math.abs(x) < least ? 0 : x;
      m[i][j] = u.beta1 * m[i][j] + (1 - u.beta1) * g;
      v[i][j] = u.beta2 * v[i][j] + (1 - u.beta2) * g * g;
      const step = (u.size * m[i][j]) / (Math.sqrt(v[i][j]) * u.root + u.epsilon);
      return Math.max(-u.rate, Math.min(u.rate, step));
    }),
  );
  for (const [i, row] of back(turned).entries()) w[i].set(row.map((x, j) => w[i][j] - x));
}
