/** What every op computes, in the plainest f64 code: the oracle that the kernels of other backends are held to. */
import type { MapName } from "../../graph/maps.ts";
import type { Activation, OpName } from "../../graph/ops.ts";
import { type Attrs, type Kind, packedOrder } from "../../graph/tensor.ts";
import { normalAt, randomWord, uniformAt } from "../../numbers/random.ts";
import type { Rows } from "../backend.ts";
import { sparseKernels } from "./sparse.ts";
import { readKnots, splineAt, splinePull } from "./spline.ts";

/** A tensor with its numbers, row by row; a batch of T tiles has T·B rows, tile after tile. */
export interface Dense {
  readonly kind: Kind;
  readonly rows: number;
  readonly cols: number;
  readonly data: Float64Array;
}

/** What ops may ask of the run. */
export interface RunState {
  /** Rows B of the untiled batch. */
  readonly rows: number;
  readonly repeat: number;
  readonly seed: number;
  readonly step: number;
  readonly inputs: Readonly<Record<string, Rows | readonly number[]>>;
  readonly banks: ReadonlyMap<string, Dense>;
}

export type Kernel = (out: Dense, inputs: readonly Dense[], attrs: Attrs, run: RunState) => void;

/** Fills a tensor from its row and column. */
function fill(out: Dense, value: (row: number, column: number) => number): void {
  for (let r = 0; r < out.rows; r++) for (let c = 0; c < out.cols; c++) out.data[r * out.cols + c] = value(r, c);
}
const get = (t: Dense, row: number, column: number): number => t.data[row * t.cols + column];
const sum = (count: number, term: (i: number) => number): number => {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
};

// ---- elementwise

const SQRT_PI = Math.sqrt(Math.PI);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** erf x = 2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)): all terms of one sign (Abramowitz & Stegun 7.1.6). */
function erf(x: number): number {
  if (!(Math.abs(x) < 6)) return Number.isNaN(x) ? x : Math.sign(x);
  let term = x;
  let total = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) total += term *= (2 * x * x) / (2 * n + 1);
  return (2 / SQRT_PI) * Math.exp(-x * x) * total;
}

/** 1 − erf x for x ≥ 0, without cancellation: above 2 by its continued fraction, from the far end (A&S 7.1.14). */
function erfc(x: number): number {
  if (x < 2) return 1 - erf(x);
  let tail = 0;
  for (let n = 120; n > 0; n--) tail = n / 2 / (x + tail);
  return Math.exp(-x * x) / (SQRT_PI * (x + tail));
}

/** Φ⁻¹ by Newton's method on log Φ, which is concave: steps from the left never overshoot. */
function probit(p: number): number {
  if (!(p > 0 && p < 1)) return p === 0 ? -Infinity : p === 1 ? Infinity : Number.NaN;
  if (p > 0.5) return -probit(1 - p);
  let x = -Math.sqrt(-2 * Math.log(2 * p)); // to the left of the root, since Φ(−t) ≤ e^(−t²/2) / 2
  for (let i = 0; i < 100; i++) {
    const cdf = erfc(-x / Math.SQRT2) / 2;
    const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
    const step = (Math.log(cdf / p) * cdf) / density;
    x -= step;
    if (Math.abs(step) <= 1e-16 * Math.abs(x)) break;
  }
  return x;
}

const leaky = (x: number): number => (x < 0 ? 0.01 * x : x);
const relu = (x: number): number => (x < 0 ? 0 : x);

const scalars: Readonly<Record<MapName, (a: number, b: number, c: number) => number>> = {
  neg: (x) => -x,
  abs: Math.abs,
  exp: Math.exp,
  log: Math.log,
  log1p: Math.log1p,
  tanh: Math.tanh,
  sin: Math.sin,
  cos: Math.cos,
  sqrt: Math.sqrt,
  square: (x) => x * x,
  softplus,
  sigmoid,
  silu: (x) => (x < -800 ? 0 : x * sigmoid(x)),
  relu,
  leakyRelu: leaky,
  erf,
  probit,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
  atan2: (y, x) => Math.atan2(y, x),
  reluGrad: (y, g) => (y > 0 ? g : 0),
  leakyReluGrad: (y, g) => (y > 0 ? g : 0.01 * g),
  tanhGrad: (y, g) => g * (1 - y * y),
  sigmoidGrad: (y, g) => g * y * (1 - y),
  softplusGrad: (y, g) => -g * Math.expm1(-y),
  siluGrad: (x, g) => g * sigmoid(x) * (1 + x * sigmoid(-x)),
  where: (condition, a, b) => (condition > 0 ? a : b),
};

/** Broadcasting: an operand of one row or one column serves them all. */
function mapKernel(scalar: (a: number, b: number, c: number) => number): Kernel {
  return (out, inputs) => {
    const at = (t: Dense | undefined, r: number, c: number): number =>
      t === undefined ? 0 : t.data[(t.rows === 1 ? 0 : r * t.cols) + (t.cols === 1 ? 0 : c)];
    fill(out, (r, c) => scalar(at(inputs[0], r, c), at(inputs[1], r, c), at(inputs[2], r, c)));
  };
}

const activations: Readonly<Record<Activation, (x: number) => number>> = {
  linear: (x) => x,
  relu,
  leakyRelu: leaky,
  tanh: Math.tanh,
  sigmoid,
  softplus,
};

// ---- the rest of the table

const copy: Kernel = (out, [x]) => out.data.set(x.data);

const input: Kernel = (out, _inputs, { name, repeat }, run) => {
  const every = repeat ? run.repeat : 1;
  const given = run.inputs[name as string];
  fill(out, (r, c) => given[Math.floor(r / every) * out.cols + c]);
};

const random: Kernel = (out, _inputs, { distribution, stream }, { seed, step }) => {
  const draw = distribution === "normal" ? normalAt : uniformAt;
  fill(out, (r, c) => draw(seed, stream as number, step, r, c));
};

const bankRows: Kernel = (out, _inputs, { bank, stream }, { seed, step, banks }) => {
  const rows = banks.get(bank as string) as Dense;
  const row = Array.from({ length: out.rows }, (_, r) => randomWord(seed, stream as number, step, r, 0) % rows.rows);
  fill(out, (r, c) => get(rows, row[r], c));
};

const concat: Kernel = (out, inputs) => {
  let start = 0;
  for (const x of inputs) {
    for (let r = 0; r < x.rows; r++) out.data.set(x.data.subarray(r * x.cols, (r + 1) * x.cols), r * out.cols + start);
    start += x.cols;
  }
};

const logSumExp: Kernel = (out, [x]) =>
  fill(out, (r) => {
    const row = x.data.subarray(r * x.cols, (r + 1) * x.cols);
    const top = row.reduce((a, b) => Math.max(a, b));
    return top + Math.log(sum(x.cols, (c) => Math.exp(row[c] - top)));
  });

const cumsum: Kernel = (out, [x], { reverse }) =>
  fill(out, (r, c) => (reverse ? sum(x.cols - c, (i) => get(x, r, c + i)) : sum(c + 1, (i) => get(x, r, i))));

const dense: Kernel = (out, [x, w], { bias, activation }) => {
  const act = activations[activation as Activation];
  fill(out, (r, o) => act(sum(x.cols, (i) => get(x, r, i) * get(w, i, o)) + (bias ? get(w, x.cols, o) : 0)));
};

const denseWeightGrad: Kernel = (out, [x, dz], { bias }) =>
  fill(out, (i, o) => {
    if (i === x.cols && !bias) return 0;
    return sum(x.rows, (r) => (i === x.cols ? 1 : get(x, r, i)) * get(dz, r, o));
  });

/** Entry (i, j) of the packed lower triangle of row r, or of its transpose. */
const entry = (l: Dense, r: number, i: number, j: number, transpose: unknown): number => {
  const [row, column] = transpose ? [j, i] : [i, j];
  return column > row ? 0 : get(l, r, (row * (row + 1)) / 2 + column);
};

const triSolve: Kernel = (out, [l, x], { transpose }) => {
  const n = x.cols;
  for (let r = 0; r < x.rows; r++) {
    for (let k = 0; k < n; k++) {
      const i = transpose ? n - 1 - k : k;
      // Entries of the solution that are not yet there meet zeros of the triangle.
      const rest = get(x, r, i) - sum(n, (j) => (j === i ? 0 : entry(l, r, i, j, transpose) * get(out, r, j)));
      out.data[r * n + i] = rest / entry(l, r, i, i, transpose);
    }
  }
};

const outerTril: Kernel = (out, [a, b]) => {
  let at = 0;
  for (let r = 0; r < a.rows; r++) {
    for (let i = 0; i < a.cols; i++) for (let j = 0; j <= i; j++) out.data[at++] = get(a, r, i) * get(b, r, j);
  }
};

/** Calls with the packed entries of each sample's triangle and with those of its output; (i, j) is at i(i + 1)/2 + j. */
const eachTriangle =
  (act: (n: number, out: Float64Array, inputs: Float64Array[]) => void): Kernel =>
  (out, inputs) => {
    const row = (t: Dense, r: number): Float64Array => t.data.subarray(r * t.cols, (r + 1) * t.cols);
    for (let r = 0; r < out.rows; r++) {
      act(
        packedOrder(out.cols),
        row(out, r),
        inputs.map((t) => row(t, r)),
      );
    }
  };
const tri = (i: number, j: number): number => (i * (i + 1)) / 2 + j;

const cholesky = eachTriangle((n, l, [a]) => {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const rest = a[tri(i, j)] - sum(j, (k) => l[tri(i, k)] * l[tri(j, k)]);
      if (i === j) l[tri(i, i)] = rest > 0 ? Math.sqrt(rest) : Number.NaN;
      else l[tri(i, j)] = rest / l[tri(j, j)];
    }
  }
});

/** By its formula, and not by the steps backwards: L⁻ᵀ Φ(Lᵀ G) L⁻¹, Φ the lower triangle with its diagonal halved. */
const choleskyGrad = eachTriangle((n, out, [l, g]) => {
  const below = (t: Float64Array, i: number, j: number): number => (j > i ? 0 : t[tri(i, j)]);
  const square = (entry: (i: number, j: number) => number): number[][] =>
    Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_x, j) => entry(i, j)));
  /** L⁻ᵀ M */
  const solve = (m: number[][]): number[][] => {
    for (let i = n - 1; i >= 0; i--) {
      for (let c = 0; c < n; c++) {
        for (let k = i + 1; k < n; k++) m[i][c] -= l[tri(k, i)] * m[k][c];
        m[i][c] /= l[tri(i, i)];
      }
    }
    return m;
  };
  const phi = square((i, j) => (j > i ? 0 : (i === j ? 0.5 : 1) * sum(n, (k) => below(l, k, i) * below(g, k, j))));
  const left = solve(phi);
  const both = solve(square((i, j) => left[j][i])); // the transpose of L⁻ᵀ Φ L⁻¹
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) out[tri(i, j)] = i === j ? both[i][i] : both[i][j] + both[j][i];
});

const spline: Kernel = (out, [x, p], { bound, inverse }) => {
  const each = p.cols / x.cols;
  for (let i = 0; i < x.data.length; i++) {
    const raw = p.data.subarray(i * each, (i + 1) * each);
    const [value, log] = splineAt(readKnots(raw, bound as number), inverse as boolean, x.data[i]);
    const at = Math.floor(i / x.cols) * out.cols + (i % x.cols);
    out.data[at] = value;
    out.data[at + x.cols] = log;
  }
};

const splineGrad: Kernel = (out, [x, p, g], { bound, inverse }) => {
  const each = p.cols / x.cols;
  for (let i = 0; i < x.data.length; i++) {
    const [row, d] = [Math.floor(i / x.cols), i % x.cols];
    const raw = p.data.subarray(i * each, (i + 1) * each);
    const knots = readKnots(raw, bound as number);
    const pulled = splinePull(knots, raw, inverse as boolean, x.data[i], get(g, row, d), get(g, row, x.cols + d));
    out.data[row * out.cols + d] = pulled.ofArgument;
    out.data.set(pulled.ofRaw, row * out.cols + x.cols + d * each);
  }
};

const maps = Object.fromEntries(Object.entries(scalars).map(([name, scalar]) => [name, mapKernel(scalar)]));

/** One function an op; weights and constants are given, not computed. */
export const kernels: Readonly<Record<Exclude<OpName, "param" | "constant">, Kernel>> = {
  ...(maps as Record<MapName, Kernel>),
  input,
  random,
  bankRows,
  ones: (out) => fill(out, () => 1),
  rowWeight: (out) => fill(out, () => 1), // nothing is padded here
  concat,
  columns: (out, [x], { indices }) =>
    fill(out, (r, c) => ((indices as number[])[c] < 0 ? 0 : get(x, r, (indices as number[])[c]))),
  tile: (out, [x]) => fill(out, (r, c) => get(x, r % x.rows, c)),
  sumTiles: (out, [x]) => fill(out, (r, c) => sum(x.rows / out.rows, (t) => get(x, t * out.rows + r, c))),
  cast: copy, // every type is f64 here
  detach: copy,
  sumFeatures: (out, [x]) =>
    fill(out, (r) => sum(x.data.length / out.rows, (i) => x.data[(r * x.data.length) / out.rows + i])),
  logSumExp,
  cumsum,
  batchSum: (out, [x]) => fill(out, (_, c) => sum(x.rows, (r) => get(x, r, c))),
  dense,
  denseInputGrad: (out, [dz, w]) => fill(out, (r, i) => sum(dz.cols, (o) => get(dz, r, o) * get(w, i, o))),
  denseWeightGrad,
  triMul: (out, [l, x], { transpose }) =>
    fill(out, (r, i) => sum(x.cols, (j) => entry(l, r, i, j, transpose) * get(x, r, j))),
  triSolve,
  outerTril,
  cholesky,
  choleskyGrad,
  spline,
  splineGrad,
  ...sparseKernels,
};
