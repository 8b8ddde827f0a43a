/**
 * The shape rules: one table. A row says what shape an op makes of its inputs (and throws when it cannot), what that costs, and
 * whether it sums over the batch. Rules look at shapes alone: they call no op.
 */
import { type Loop, loopOf } from "./loop-data.ts";
import {
  type ArrangementName,
  type LayerName,
  type LeafName,
  type MapName,
  mapNames,
  maps,
  type OpName,
  type ReductionName,
  type ScanName,
} from "./names.ts";
import { elements, fail, onBatch, type Rule, sameType } from "./rule.ts";
import { sparseRules } from "./sparse-rules.ts";
import { splineRules } from "./spline-rules.ts";
import { batch, type DType, param, type Shape, shapeOf, type Tensor } from "./tensor.ts";
import { triangleRules } from "./triangle-rules.ts";

/** Broadcasts rows and columns: (B, 1), (1, F) and (1, 1) to (B, F); params only (1, 1) to any other. */
function broadcast(inputs: readonly Tensor[], name: string): Shape {
  const dtype = sameType(name, inputs);
  const batches = inputs.filter((t) => t.kind === "batch");
  const cols = Math.max(...inputs.map((t) => t.cols));
  if (batches.length === 0) {
    const rows = Math.max(...inputs.map((t) => t.rows));
    const fits = inputs.every((t) => (t.rows === rows && t.cols === cols) || (t.rows === 1 && t.cols === 1));
    return fits ? param(rows, cols, dtype) : fail(name, "params of one shape, or (1, 1)", inputs);
  }
  const tiles = batches[0].rows;
  const fits = inputs.every((t) => (t.cols === cols || t.cols === 1) && t.rows === (t.kind === "batch" ? tiles : 1));
  return fits ? batch(cols, dtype, tiles) : fail(name, "shapes that broadcast over rows or columns", inputs);
}

const map: Rule = {
  shape: (inputs, _attrs, name) => {
    const count = maps[name as MapName].domain.length;
    if (inputs.length !== count) throw new Error(`${name}: expected ${count} inputs, got ${inputs.length}`);
    return broadcast(inputs, name);
  },
  flops: (node, rows) => maps[node.op as MapName].flops * elements(node, rows),
};
const mapRules = Object.fromEntries(mapNames.map((name) => [name, map])) as Record<MapName, Rule>;

const leaf = (kind: "batch" | "param"): Rule => ({
  shape: (_inputs, a) => ({ kind, rows: (a.rows as number) ?? 1, cols: a.cols as number, dtype: a.dtype as DType }),
});

const leafRules: Readonly<Record<LeafName, Rule>> = {
  /** Rows that the caller gives, {name}; with {repeat} each row serves many consecutive rows of the run. */
  input: leaf("batch"),
  /** An entry of the slab of weights, {name}; {frozen} entries are not trained. */
  param: leaf("param"),
  /** Fixed numbers, {values}. */
  constant: leaf("param"),
  /** Counter-based draws, {distribution: "normal" | "uniform", stream}. */
  random: leaf("batch"),
  /** Rows drawn uniformly from a bank, {bank, stream}: one stream, one choice of rows for every bank. */
  bankRows: leaf("batch"),
  /** (B, 1) of ones. */
  ones: leaf("batch"),
  /** (B, 1): 1 for the rows of the batch, 0 for the lanes that pad its last block. */
  rowWeight: leaf("batch"),
  /** A value that a loop gives to its body: the state, say. */
  placeholder: { shape: (_inputs, a) => a.shape as Shape },
};

const arrangementRules: Readonly<Record<ArrangementName, Rule>> = {
  /** Σ c_j x_j of batches of one shape, from the left to the right, {coefficients}: sums in the bodies of loops (fuse.ts). */
  combine: {
    shape: (inputs, { coefficients }, name) => {
      sameType(name, inputs);
      const [first] = inputs;
      const fits = inputs.every((t) => onBatch(name, t).rows === first.rows && t.cols === first.cols);
      const count = (coefficients as readonly number[]).length;
      return fits && count === inputs.length ? shapeOf(first) : fail(name, `${count} batches of one shape`, inputs);
    },
    flops: (node, rows) => 2 * node.inputs.length * elements(node, rows),
  },
  concat: {
    shape: (inputs, _attrs, name) => {
      if (inputs.length === 0) throw new Error(`${name}: expected at least one tensor, got none`);
      const dtype = sameType(name, inputs);
      const [{ rows }] = inputs;
      if (inputs.some((t) => t.kind !== "batch" || t.rows !== rows)) fail(name, "batches of one row count", inputs);
      const cols = inputs.reduce((sum, t) => sum + t.cols, 0);
      return batch(cols, dtype, rows);
    },
  },
  /** out[f] = x[indices[f]], or 0 where the index is −1. */
  columns: {
    shape: ([x], attrs, name) => {
      const indices = attrs.indices as readonly number[];
      if (indices.length === 0) throw new Error(`${name}: expected at least one column, got none`);
      const bad = indices.find((i) => !Number.isInteger(i) || i < -1 || i >= x.cols);
      if (bad !== undefined) throw new Error(`${name}: expected columns in 0..${x.cols - 1}, got ${bad}`);
      return batch(indices.length, x.dtype, onBatch(name, x).rows);
    },
  },
  /** Particles, particle-major: `count` copies of the batch one after another. */
  tile: {
    shape: ([x], { count }, name) =>
      onBatch(name, x).rows === 1
        ? batch(x.cols, x.dtype, count as number)
        : fail(name, "an untiled batch (B, F)", [x]),
  },
  sumTiles: {
    shape: ([x], _attrs, name) => batch(onBatch(name, x).cols, x.dtype),
    flops: (node, rows) => node.inputs[0].rows * rows * node.cols,
  },
  /** The parts of the columns one after another, {count}: tile t, part p → tile t · count + p. */
  toTiles: {
    shape: ([x], { count }, name) => {
      const parts = count as number;
      return onBatch(name, x).cols % parts === 0
        ? batch(x.cols / parts, x.dtype, x.rows * parts)
        : fail(name, `a batch whose columns are ${parts} equal parts`, [x]);
    },
  },
  fromTiles: {
    shape: ([x], { count }, name) => {
      const parts = count as number;
      return onBatch(name, x).rows % parts === 0
        ? batch(x.cols * parts, x.dtype, x.rows / parts)
        : fail(name, `a batch whose tiles are groups of ${parts}`, [x]);
    },
  },
  cast: { shape: ([x], { dtype }) => ({ ...shapeOf(x), dtype: dtype as DType }) },
  /** The value itself; no gradient flows through it. */
  detach: { shape: ([x]) => shapeOf(x) },
};

const sums: Rule["flops"] = ({ inputs: [x] }, rows) => elements(x, rows);

const reductionRules: Readonly<Record<ReductionName, Rule>> = {
  /** Sums the features of each sample of a batch; all entries of a param. */
  sumFeatures: {
    shape: ([x]) => (x.kind === "batch" ? batch(1, x.dtype, x.rows) : param(1, 1, x.dtype)),
    flops: sums,
  },
  logSumExp: {
    shape: ([x], _attrs, name) => batch(1, x.dtype, onBatch(name, x).rows),
    flops: ({ inputs: [x] }, rows) => 14 * elements(x, rows),
  },
  /** Running sums over the features, from the last to the first when {reverse}. */
  cumsum: { shape: ([x], _attrs, name) => shapeOf(onBatch(name, x)), flops: elements },
  /** Sum over the rows of the batch; rows that pad a block are left out. */
  batchSum: {
    shape: ([x], _attrs, name) => param(1, onBatch(name, x).cols, x.dtype),
    flops: sums,
    accumulates: true,
  },
};

/** Layers: w (I + 1, O) holds the weights and, in its last row, the bias. */
const layerRules: Readonly<Record<LayerName, Rule>> = {
  /** activation(x · w[0:I] + w[I]), {bias, activation}. */
  dense: {
    shape: ([x, w], { bias }, name) => {
      const dtype = sameType(name, [x, w]);
      const fits = w.kind === "param" && (w.rows === x.cols + 1 || (!bias && w.rows === x.cols));
      if (!fits) fail(name, `x (B, ${Math.max(1, w.rows - 1)}) for weights (${w.rows}, ${w.cols})`, [x]);
      return batch(w.cols, dtype, onBatch(name, x).rows);
    },
    flops: (node, rows) => 2 * node.rows * rows * node.inputs[1].rows * node.cols,
  },
  /** dz · w[0:I]ᵀ, {cols: I} */
  denseInputGrad: {
    shape: ([dz, w], { cols }, name) =>
      dz.cols === w.cols
        ? batch(cols as number, sameType(name, [dz, w]), onBatch(name, dz).rows)
        : fail(name, "dz (B, O), w (I + 1, O)", [dz, w]),
    flops: (node, rows) => 2 * node.rows * rows * node.cols * node.inputs[0].cols,
  },
  /** [xᵀ · dz ; Σ dz], {rows: I or I + 1, bias}; the last row is 0 without bias. */
  denseWeightGrad: {
    shape: ([x, dz], { rows }, name) =>
      onBatch(name, x).rows === dz.rows
        ? param(rows as number, dz.cols, sameType(name, [x, dz]))
        : fail(name, "x (B, I), dz (B, O)", [x, dz]),
    flops: (node, rows) => 2 * node.inputs[0].rows * rows * node.rows * node.cols,
    accumulates: true,
  },
};

/** Loops bring their shapes along (scan-rules.ts). */
const loopRule = (op: ScanName): Rule => ({
  shape: (inputs, attrs, name) =>
    (loopOf(op === "scanSum" ? inputs[0] : { attrs }) as Loop).methods.shapes[op](inputs, attrs, name),
  accumulates: op === "scanSum",
});
const scanRules: Readonly<Record<ScanName, Rule>> = {
  /** Emissions of a loop one after another, {loop}: state, fixed, series, params → (T·B, m·Y). */
  scan: loopRule("scan"),
  /** Cotangents of the state, fixed batches and series, {grad}: the cotangent of the emissions, then the inputs of `scan`. */
  scanGrad: loopRule("scanGrad"),
  /** The gradient of one param, which `scanGrad` adds to, {index}: the `scanGrad` node, then its inputs. */
  scanSum: loopRule("scanSum"),
};

/** The table. */
export const rules: Readonly<Record<OpName, Rule>> = {
  ...mapRules,
  ...leafRules,
  ...arrangementRules,
  ...reductionRules,
  ...layerRules,
  ...triangleRules,
  ...splineRules,
  ...sparseRules,
  ...scanRules,
};
