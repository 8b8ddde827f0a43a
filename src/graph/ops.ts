/**
 * The ops: ONE table. A row says what shape an op makes of its inputs (and throws when it cannot), how cotangents
 * flow back through it (in ops, so that gradients are more graph), and what it costs. To add an op: a row here, a
 * kernel in each backend, a line in the property test.
 */
import {
  cast,
  columns,
  constant,
  cumsum,
  dense,
  denseInputGrad,
  denseWeightGrad,
  exp,
  mul,
  rowWeight,
  slice,
  splineGrad,
  sub,
  sumTiles,
  tile,
} from "./build.ts";
import { type MapName, maps } from "./maps.ts";
import { elements, fail, onBatch, sameType } from "./shapes.ts";
import { sparseOps } from "./sparse-ops.ts";
import { type Attrs, batch, type DType, isTensor, param, type Shape, type Tensor } from "./tensor.ts";
import { triangleOps } from "./triangle-ops.ts";

/** Cotangents of the inputs (null: none), from the cotangent `g` of the node's output. */
export type Vjp = (g: Tensor, node: Tensor) => (Tensor | null)[];

export interface OpRow {
  readonly shape: (inputs: readonly Tensor[], attrs: Attrs, name: string) => Shape;
  /** Absent: the op is a leaf, or stops gradients. */
  readonly vjp?: Vjp;
  /** Floating-point operations for `rows` samples (or for a whole param). */
  readonly flops?: (node: Tensor, rows: number) => number;
  /** Sums over the batch: its output is a param that shards add to. */
  readonly accumulates?: boolean;
}

/** Broadcasting of rows and columns: (B, 1), (1, F) and (1, 1) against (B, F); params only against their own shape or (1, 1). */
function broadcast(inputs: readonly Tensor[], _attrs: Attrs, name: string): Shape {
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

const leaf = (kind: "batch" | "param"): OpRow => ({
  shape: (_inputs, a) => ({ kind, rows: (a.rows as number) ?? 1, cols: a.cols as number, dtype: a.dtype as DType }),
});

function mapRows(): Record<MapName, OpRow> {
  const rows = {} as Record<MapName, OpRow>;
  for (const [name, map] of Object.entries(maps) as [MapName, (typeof maps)[MapName]][]) {
    rows[name] = {
      shape: (inputs, attrs) => {
        if (inputs.length !== map.arity) throw new Error(`${name}: expected ${map.arity} inputs, got ${inputs.length}`);
        return broadcast(inputs, attrs, name);
      },
      vjp: (g, node) => map.vjp(g, node.inputs, node),
      flops: (t, n) => map.flops * elements(t, n),
    };
  }
  return rows;
}

export interface SplineAttrs {
  /** Bins K of the rational-quadratic spline. */
  readonly bins: number;
  /** The spline maps [−bound, bound] onto itself and is the identity outside. */
  readonly bound: number;
  readonly inverse: boolean;
}
/** Raw spline parameters a dimension: K widths, K heights, K − 1 inner slopes. */
export const splineParams = (bins: number): number => 3 * bins - 1;

/** Bins that kernels keep scratch for. */
export const MAX_BINS = 128;

function splineShape(name: string, x: Tensor, p: Tensor, attrs: Attrs): void {
  sameType(name, [x, p]);
  const bins = attrs.bins as number;
  if (!(bins >= 2 && bins <= MAX_BINS)) throw new Error(`${name}: expected 2 to ${MAX_BINS} bins, got ${bins}`);
  const want = x.cols * splineParams(attrs.bins as number);
  if (x.kind !== "batch" || p.kind !== "batch" || x.rows !== p.rows || p.cols !== want) {
    fail(name, `x (B, D) and parameters (B, ${want})`, [x, p]);
  }
}

const table = {
  ...mapRows(),

  // ---- leaves
  /** Rows given by the caller, {name}; with {repeat} each row serves many consecutive rows of the run. */
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

  // ---- arrangement
  concat: {
    shape: (inputs, _a, name) => {
      if (inputs.length === 0) throw new Error(`${name}: expected at least one tensor, got none`);
      const dtype = sameType(name, inputs);
      if (inputs.some((t) => t.kind !== "batch" || t.rows !== inputs[0].rows))
        fail(name, "batches of one row count", inputs);
      return batch(
        inputs.reduce((n, t) => n + t.cols, 0),
        dtype,
        inputs[0].rows,
      );
    },
    vjp: (g, node) => {
      let at = 0;
      return node.inputs.map((t) => slice(g, at, (at += t.cols)));
    },
  },
  /** out[f] = x[indices[f]], or 0 where the index is −1. */
  columns: {
    shape: ([x], { indices }, name) => {
      if ((indices as number[]).length === 0) throw new Error(`${name}: expected at least one column, got none`);
      for (const i of indices as number[]) {
        if (!Number.isInteger(i) || i < -1 || i >= x.cols)
          throw new Error(`${name}: expected columns in 0..${x.cols - 1}, got ${i}`);
      }
      return batch((indices as number[]).length, x.dtype, onBatch(name, x).rows);
    },
    vjp: (g, node) => [scatterColumns(g, node.attrs.indices as number[], node.inputs[0].cols)],
  },
  /** Particles, particle-major: `count` copies of the batch one after another. */
  tile: {
    shape: ([x], { count }, name) =>
      onBatch(name, x).rows === 1
        ? batch(x.cols, x.dtype, count as number)
        : fail(name, "an untiled batch (B, F)", [x]),
    vjp: (g) => [sumTiles(g)],
  },
  sumTiles: {
    shape: ([x], _a, name) => batch(onBatch(name, x).cols, x.dtype),
    vjp: (g, node) => [tile(g, node.inputs[0].rows)],
    flops: (node, n) => node.inputs[0].rows * n * node.cols,
  },
  cast: {
    shape: ([x], { dtype }) => ({ ...pick(x), dtype: dtype as DType }),
    vjp: (g, node) => [cast(g, node.inputs[0].dtype)],
  },
  /** The value, through which no gradient flows. */
  detach: { shape: ([x]) => pick(x) },

  // ---- reductions
  /** Of a batch sample by sample; of a param all its entries. */
  sumFeatures: {
    shape: ([x]) => (x.kind === "batch" ? batch(1, x.dtype, x.rows) : param(1, 1, x.dtype)),
    vjp: (g, { inputs: [x] }) => {
      const rows = x.kind === "batch" ? 1 : x.rows;
      return [mul(g, constant(new Float64Array(rows * x.cols).fill(1), x.dtype, rows))];
    },
    flops: ({ inputs: [x] }, n) => elements(x, n),
  },
  logSumExp: {
    shape: ([x], _a, name) => batch(1, x.dtype, onBatch(name, x).rows),
    vjp: (g, node) => [mul(g, exp(sub(node.inputs[0], node)))],
    flops: ({ inputs: [x] }, n) => 14 * elements(x, n),
  },
  /** Running sums over the features, from the last to the first when {reverse}. */
  cumsum: {
    shape: ([x], _a, name) => pick(onBatch(name, x)),
    vjp: (g, node) => [cumsum(g, { reverse: !node.attrs.reverse })],
    flops: elements,
  },
  /** Sum over the rows of the batch, padding left out. */
  batchSum: {
    shape: ([x], _a, name) => param(1, onBatch(name, x).cols, x.dtype),
    vjp: (g, { inputs: [x] }) => [mul(rowWeight(x.dtype, x.rows), g)],
    flops: ({ inputs: [x] }, n) => elements(x, n),
    accumulates: true,
  },

  // ---- layers: w (I + 1, O) holds the weights and, in its last row, the bias
  /** activation(x · w[0:I] + w[I]), {bias, activation}. */
  dense: {
    shape: ([x, w], { bias }, name) => {
      const dtype = sameType(name, [x, w]);
      const fits = w.kind === "param" && (w.rows === x.cols + 1 || (!bias && w.rows === x.cols));
      if (!fits) fail(name, `x (B, ${Math.max(1, w.rows - 1)}) for weights (${w.rows}, ${w.cols})`, [x]);
      return batch(w.cols, dtype, onBatch(name, x).rows);
    },
    vjp: (g, node) => {
      const [x, w] = node.inputs;
      const activation = node.attrs.activation as Activation;
      const dz = activation === "linear" ? g : activationGrad(activation, node, g);
      return [denseInputGrad(dz, w, x.cols), denseWeightGrad(x, dz, w.rows, node.attrs.bias as boolean)];
    },
    flops: (node, n) => 2 * node.rows * n * node.inputs[1].rows * node.cols,
  },
  /** dz · w[0:I]ᵀ, {cols: I} */
  denseInputGrad: {
    shape: ([dz, w], { cols }, name) =>
      dz.cols === w.cols
        ? batch(cols as number, sameType(name, [dz, w]), onBatch(name, dz).rows)
        : fail(name, "dz (B, O), w (I + 1, O)", [dz, w]),
    vjp: (g, { inputs: [dz, w] }) => [dense(g, w, { bias: false }), denseWeightGrad(g, dz, w.rows, false)],
    flops: (node, n) => 2 * node.rows * n * node.cols * node.inputs[0].cols,
  },
  /** [xᵀ · dz ; Σ dz], {rows: I or I + 1, bias}; the last row is 0 without bias. */
  denseWeightGrad: {
    shape: ([x, dz], { rows }, name) =>
      onBatch(name, x).rows === dz.rows
        ? param(rows as number, dz.cols, sameType(name, [x, dz]))
        : fail(name, "x (B, I), dz (B, O)", [x, dz]),
    vjp: (g, node) => [
      denseInputGrad(node.inputs[1], g, node.inputs[0].cols),
      dense(node.inputs[0], g, { bias: node.attrs.bias as boolean }),
    ],
    flops: (node, n) => 2 * node.inputs[0].rows * n * node.rows * node.cols,
    accumulates: true,
  },

  ...triangleOps,

  // ---- flows
  /**
   * Monotone rational-quadratic splines (Durkan et al., Neural Spline Flows, 2019, eqs 4–8), one a dimension:
   * (B, 2D) = values, then log-derivatives. Attributes {bins, bound, inverse}.
   */
  spline: {
    shape: ([x, p], attrs, name) => {
      splineShape(name, x, p, attrs);
      return batch(2 * x.cols, x.dtype, x.rows);
    },
    vjp: (g, node) => {
      const [x, p] = node.inputs;
      const both = splineGrad(x, p, g, node.attrs as unknown as SplineAttrs);
      return [slice(both, 0, x.cols), slice(both, x.cols, both.cols)];
    },
    flops: ({ inputs: [x, p] }, n) => x.rows * n * (40 * x.cols + 30 * p.cols),
  },
  /** Cotangents of x (B, D) and of the raw parameters (B, D(3K − 1)), side by side. */
  splineGrad: {
    shape: ([x, p, g], attrs, name) => {
      splineShape(name, x, p, attrs);
      return g.cols === 2 * x.cols
        ? batch(x.cols + p.cols, x.dtype, x.rows)
        : fail(name, `a cotangent (B, ${2 * x.cols})`, [g]);
    },
    vjp: () => {
      throw new Error("spline: expected at most one derivative; second derivatives of splines are not defined here");
    },
    flops: ({ inputs: [x, p] }, n) => x.rows * n * (120 * x.cols + 30 * p.cols),
  },

  ...sparseOps,
} satisfies Record<string, OpRow>;

export type OpName = keyof typeof table;
export const ops: Readonly<Record<OpName, OpRow>> = table;

export type Activation = "linear" | "relu" | "leakyRelu" | "tanh" | "sigmoid" | "softplus";

const activationGrad = (activation: Exclude<Activation, "linear">, y: Tensor, g: Tensor): Tensor =>
  apply(`${activation}Grad`, [y, g]);

const pick = ({ kind, rows, cols, dtype }: Tensor): Shape => ({ kind, rows, cols, dtype });

/** Transpose of `columns`: where an index is repeated, its cotangents add. */
function scatterColumns(g: Tensor, indices: readonly number[], width: number): Tensor {
  const used = new Array<number>(width).fill(0);
  const layers: number[][] = [];
  indices.forEach((column, at) => {
    if (column < 0) return;
    const layer = used[column]++;
    layers[layer] ??= new Array<number>(width).fill(-1);
    layers[layer][column] = at;
  });
  if (layers.length === 0) layers.push(new Array<number>(width).fill(-1));
  return layers.map((inverse) => columns(g, inverse)).reduce((a, b) => apply("add", [a, b]));
}

/** Makes a node: the shape rule checks the inputs and throws what was expected and what came. */
export function apply(op: OpName, inputs: readonly Tensor[], attrs: Attrs = {}): Tensor {
  const at = inputs.findIndex((x) => !isTensor(x));
  if (at >= 0) {
    const odd: unknown = inputs[at];
    const got = typeof odd === "object" && odd !== null ? (Array.isArray(odd) ? "a list" : "an object") : String(odd);
    throw new Error(`${op}: expected tensors, got ${got}`);
  }
  const shape = ops[op].shape(inputs, attrs, op);
  return Object.freeze({ op, inputs, attrs, ...shape });
}
