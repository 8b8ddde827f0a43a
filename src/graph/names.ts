/**
 * The names of all ops, as data: the list that every other table has a row for, so that a missing row is a type error.
 *
 * An elementwise op ("map") computes each entry of its output from the entries of its operands at the same place. Each backend
 * has one scalar expression for it (`assembly/map.ts`, `shaders/map.wgsl.ts`, `backends/reference/maps.ts`).
 */

/** The ends of an interval. */
export type Interval = readonly [low: number, high: number];
const R: Interval = [-Infinity, Infinity];
const POSITIVE: Interval = [0, Infinity];

/** One row for each elementwise op. */
export interface MapRow {
  /** Floating-point operations for each entry, as `cost` counts them. */
  readonly flops: number;
  /** The interval in which each operand may lie: there are as many as operands. */
  readonly domain: readonly Interval[];
}

/** The elementwise ops. */
export const maps = {
  neg: { flops: 1, domain: [R] },
  abs: { flops: 1, domain: [R] },
  exp: { flops: 12, domain: [R] },
  log: { flops: 14, domain: [POSITIVE] },
  log1p: { flops: 16, domain: [[-1, Infinity]] },
  tanh: { flops: 16, domain: [R] },
  sin: { flops: 16, domain: [R] },
  cos: { flops: 16, domain: [R] },
  sqrt: { flops: 1, domain: [POSITIVE] },
  square: { flops: 1, domain: [R] },
  softplus: { flops: 24, domain: [R] },
  sigmoid: { flops: 16, domain: [R] },
  silu: { flops: 17, domain: [R] },
  relu: { flops: 1, domain: [R] },
  leakyRelu: { flops: 2, domain: [R] },
  erf: { flops: 24, domain: [R] },
  probit: { flops: 24, domain: [[0, 1]] },
  lgamma: { flops: 60, domain: [POSITIVE] },
  digamma: { flops: 50, domain: [POSITIVE] },
  trigamma: { flops: 40, domain: [POSITIVE] },
  floor: { flops: 1, domain: [R] },

  add: { flops: 1, domain: [R, R] },
  sub: { flops: 1, domain: [R, R] },
  mul: { flops: 1, domain: [R, R] },
  div: { flops: 1, domain: [R, R] },
  maximum: { flops: 1, domain: [R, R] },
  minimum: { flops: 1, domain: [R, R] },
  atan2: { flops: 30, domain: [R, R] },

  // xxxGrad(y, g) is g times the derivative of xxx at the *output* y, so that a fused activation need not keep its argument;
  // siluGrad(x, g) is at the input x.
  reluGrad: { flops: 1, domain: [R, R] },
  leakyReluGrad: { flops: 1, domain: [R, R] },
  tanhGrad: { flops: 3, domain: [R, R] },
  sigmoidGrad: { flops: 3, domain: [R, R] },
  softplusGrad: { flops: 14, domain: [POSITIVE, R] },
  siluGrad: { flops: 20, domain: [R, R] },

  where: { flops: 1, domain: [R, R, R] },
} satisfies Readonly<Record<string, MapRow>>;

/** Name of an elementwise op. */
export type MapName = keyof typeof maps;
/** Their names, in the order of the table. */
export const mapNames = /* @__PURE__ */ Object.keys(maps) as MapName[];

/** The maps that VJPs alone are made of. */
export type MapGradName = Extract<MapName, `${string}Grad`>;

/** Activations of a dense layer, in the order of assembly/layer.ts; each but `linear` has an op `…Grad`. */
export const activationNames = ["linear", "relu", "leakyRelu", "tanh", "sigmoid", "softplus"] as const;
/** Name of an activation of a dense layer. */
export type Activation = (typeof activationNames)[number];

/** The ops without inputs, then the others by family. */
export type LeafName = "input" | "param" | "constant" | "random" | "bankRows" | "ones" | "rowWeight" | "placeholder";
export type ArrangementName =
  | "combine"
  | "concat"
  | "columns"
  | "tile"
  | "sumTiles"
  | "toTiles"
  | "fromTiles"
  | "cast"
  | "detach";
export type ReductionName = "sumFeatures" | "logSumExp" | "cumsum" | "batchSum";
export type LayerName = "dense" | "denseInputGrad" | "denseWeightGrad";
export type TriangleName = "triMul" | "triSolve" | "outerTril" | "cholesky" | "choleskyGrad";
export type SplineName = "spline" | "splineGrad";
export type SparseName =
  | "linearMap"
  | "sparseMul"
  | "sparseOuter"
  | "sparseCholesky"
  | "sparseSolve"
  | "sparseLogDet"
  | "sparseInverse";
/** The loop, its gradient, and the gradient of one param that it reads. */
export type ScanName = "scan" | "scanGrad" | "scanSum";
/** Name of any op. */
export type OpName =
  | MapName
  | LeafName
  | ArrangementName
  | ReductionName
  | LayerName
  | TriangleName
  | SplineName
  | SparseName
  | ScanName;
