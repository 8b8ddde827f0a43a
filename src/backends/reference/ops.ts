/** Every op in the plainest f64 code: the oracle that tests compare the kernels of other backends with. */
import type { Activation, OpName, ScanName } from "../../graph/names.ts";
import { normalAt, randomWord, uniformAt } from "../../numbers/random.ts";
import { type Dense, fill, get, type Kernel, sum } from "./kernel.ts";
import { activations, mapKernels } from "./maps.ts";
import { sparseKernels } from "./sparse.ts";
import { readKnots, splineAt, splinePull } from "./spline.ts";
import { triangleKernels } from "./triangles.ts";

const copy: Kernel = (out, [x]) => out.data.set(x.data);

const input: Kernel = (out, _inputs, { name, repeat }, run) => {
  const every = repeat ? run.repeat : 1;
  const values = run.inputs[name as string];
  fill(out, (r, c) => values[Math.floor(r / every) * out.cols + c]);
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

/** Ops whose numbers are given, not computed, and loops, which run records (scan.ts). */
type Elsewhere = "param" | "constant" | "placeholder" | ScanName;

/** One function for each other op. */
export const kernels: Readonly<Record<Exclude<OpName, Elsewhere>, Kernel>> = {
  ...mapKernels,
  input,
  random,
  bankRows,
  ones: (out) => fill(out, () => 1),
  rowWeight: (out) => fill(out, () => 1), // nothing is padded here
  combine: (out, inputs, { coefficients }) =>
    fill(out, (r, c) => sum(inputs.length, (j) => (coefficients as readonly number[])[j] * get(inputs[j], r, c))),
  concat,
  columns: (out, [x], { indices }) =>
    fill(out, (r, c) => ((indices as number[])[c] < 0 ? 0 : get(x, r, (indices as number[])[c]))),
  tile: (out, [x]) => fill(out, (r, c) => get(x, r % x.rows, c)),
  sumTiles: (out, [x]) => fill(out, (r, c) => sum(x.rows / out.rows, (t) => get(x, t * out.rows + r, c))),
  toTiles: (out, [x], { count }, { rows }) => {
    const [parts, tile] = [count as number, (r: number) => Math.floor(r / rows)];
    fill(out, (r, c) => get(x, Math.floor(tile(r) / parts) * rows + (r % rows), (tile(r) % parts) * out.cols + c));
  },
  fromTiles: (out, [x], { count }, { rows }) =>
    fill(out, (r, c) => {
      const tile = Math.floor(r / rows) * (count as number) + Math.floor(c / x.cols);
      return get(x, tile * rows + (r % rows), c % x.cols);
    }),
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
  ...triangleKernels,
  spline,
  splineGrad,
  ...sparseKernels,
};
