/**
 * The vector-Jacobian products: one table. A row says how cotangents flow back through an op, in ops, so that gradients are
 * more graph and can be differentiated again; null: the op is a leaf, or stops gradients.
 */
import { apply } from "./apply.ts";
import {
  add,
  cast,
  columns,
  constant,
  cumsum,
  dense,
  denseInputGrad,
  denseWeightGrad,
  exp,
  fromTiles,
  mul,
  rowWeight,
  slice,
  splineGrad,
  sub,
  sumTiles,
  tile,
  toTiles,
} from "./build.ts";
import { type Loop, loopOf } from "./loop-data.ts";
import { mapVjps } from "./map-vjps.ts";
import type {
  Activation,
  ArrangementName,
  LayerName,
  LeafName,
  OpName,
  ReductionName,
  ScanName,
  SplineName,
} from "./names.ts";
import { sparseVjps } from "./sparse-vjps.ts";
import type { SplineAttrs } from "./spline-rules.ts";
import type { Tensor } from "./tensor.ts";
import { triangleVjps } from "./triangle-vjps.ts";
import type { Vjp } from "./vjp.ts";

const leafVjps: Readonly<Record<LeafName, null>> = {
  input: null,
  param: null,
  constant: null,
  random: null,
  bankRows: null,
  ones: null,
  rowWeight: null,
  placeholder: null,
};

/** Transpose of `columns`: where an index is repeated, its cotangents add. */
function scatterColumns(g: Tensor, indices: readonly number[], width: number): Tensor {
  const used = new Array<number>(width).fill(0);
  const layers: number[][] = [new Array<number>(width).fill(-1)];
  indices.forEach((column, at) => {
    if (column < 0) return;
    const layer = used[column]++;
    layers[layer] ??= new Array<number>(width).fill(-1);
    layers[layer][column] = at;
  });
  return layers.map((inverse) => columns(g, inverse)).reduce((a, b) => add(a, b));
}

const arrangementVjps: Readonly<Record<ArrangementName, Vjp | null>> = {
  combine: (g, { attrs }) => Array.from(attrs.coefficients as readonly number[], (c) => mul(g, c)),
  concat: (g, { inputs }) => {
    let at = 0;
    return inputs.map((t) => slice(g, at, (at += t.cols)));
  },
  columns: (g, { inputs: [x], attrs }) => [scatterColumns(g, attrs.indices as number[], x.cols)],
  tile: (g) => [sumTiles(g)],
  sumTiles: (g, { inputs: [x] }) => [tile(g, x.rows)],
  toTiles: (g, { attrs }) => [fromTiles(g, attrs.count as number)],
  fromTiles: (g, { attrs }) => [toTiles(g, attrs.count as number)],
  cast: (g, { inputs: [x] }) => [cast(g, x.dtype)],
  detach: null,
};

const reductionVjps: Readonly<Record<ReductionName, Vjp>> = {
  sumFeatures: (g, { inputs: [x] }) => {
    const rows = x.kind === "batch" ? 1 : x.rows;
    return [mul(g, constant(new Float64Array(rows * x.cols).fill(1), x.dtype, rows))];
  },
  logSumExp: (g, node) => [mul(g, exp(sub(node.inputs[0], node)))],
  cumsum: (g, { attrs }) => [cumsum(g, { reverse: !attrs.reverse })],
  batchSum: (g, { inputs: [x] }) => [mul(rowWeight(x.dtype, x.rows), g)],
};

const layerVjps: Readonly<Record<LayerName, Vjp>> = {
  dense: (g, node) => {
    const [x, w] = node.inputs;
    const activation = node.attrs.activation as Activation;
    const dz = activation === "linear" ? g : apply(`${activation}Grad`, [node, g]);
    return [denseInputGrad(dz, w, x.cols), denseWeightGrad(x, dz, w.rows, node.attrs.bias as boolean)];
  },
  denseInputGrad: (g, { inputs: [dz, w] }) => [dense(g, w, { bias: false }), denseWeightGrad(g, dz, w.rows, false)],
  denseWeightGrad: (g, { inputs: [x, dz], attrs }) => [
    denseInputGrad(dz, g, x.cols),
    dense(x, g, { bias: attrs.bias as boolean }),
  ],
};

const splineVjps: Readonly<Record<SplineName, Vjp>> = {
  spline: (g, { inputs: [x, p], attrs }) => {
    const both = splineGrad(x, p, g, attrs as unknown as SplineAttrs);
    return [slice(both, 0, x.cols), slice(both, x.cols, both.cols)];
  },
  splineGrad: () => {
    throw new Error("spline: expected at most one derivative; second derivatives of splines are not defined here");
  },
};

/** Loops bring their derivatives along (scan-vjps.ts). */
const loopVjp =
  (op: ScanName): Vjp =>
  (g, node, ...rest) =>
    (loopOf(op === "scanSum" ? node.inputs[0] : node) as Loop).methods.vjps[op](g, node, ...rest);
const scanVjps: Readonly<Record<ScanName, Vjp>> = {
  scan: loopVjp("scan"),
  scanGrad: loopVjp("scanGrad"),
  scanSum: loopVjp("scanSum"),
};

/** The table. */
export const vjps: Readonly<Record<OpName, Vjp | null>> = {
  ...mapVjps,
  ...leafVjps,
  ...arrangementVjps,
  ...reductionVjps,
  ...layerVjps,
  ...triangleVjps,
  ...splineVjps,
  ...sparseVjps,
  ...scanVjps,
};
