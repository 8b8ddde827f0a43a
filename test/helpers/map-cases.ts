/**
 * Test inputs of the elementwise ops. Their domains in src/graph/names.ts give the ranges of the operands, and one
 * tolerance serves most: so a new op is tested with no row here, and a row says what is special about its op.
 */
import * as g from "../../src/graph/build.ts";
import { type Interval, type MapName, maps } from "../../src/graph/names.ts";
import type { DType, Tensor } from "../../src/graph/tensor.ts";
import type { Build } from "./cases.ts";
import { anywhere, offZero } from "./leaves.ts";
import type { Range } from "./random.ts";

interface Special {
  /** Ranges for comparisons with the reference. */
  readonly ranges?: readonly Range[];
  /** Ranges for finite differences: no kink and no pole near. */
  readonly smooth?: readonly Range[];
  /** Allowed error in units of roundoff times the scale; 0: the very number. */
  readonly factor?: number;
  /** The same in f64, by default 3 more, because the oracle is not exact either. */
  readonly factor64?: number;
  /** Scale of the error; by default the value itself. */
  readonly scale?: Build;
}

const within = ([low, high]: Interval, margin: number, far: number): Range => ({
  low: low === -Infinity ? -far : low + margin,
  high: high === Infinity ? (low === -Infinity ? far : low + far) : high - margin,
});
const apart: Range = { low: -2, high: 2, spacing: 1 / 4 }; // at least 1/8 from offZero
const periods: Range = { low: -50, high: 50 };
const product =
  (bound: (y: Tensor) => Tensor): Build =>
  (y, h) =>
    g.mul(g.abs(h), bound(g.abs(y)));

// One rounding: 1. `erf` and `probit` promise 1e-6 in f32 = 17 u, and 1e-13 in f64 = 900 u.
const special: Partial<Record<MapName, Special>> = {
  neg: { factor: 0 },
  abs: { factor: 0, smooth: [offZero] },
  sin: { ranges: [periods] },
  cos: { ranges: [periods] },
  sqrt: { factor: 1 },
  square: { factor: 1 },
  relu: { factor: 0, smooth: [offZero] },
  leakyRelu: { factor: 2, smooth: [offZero] }, // the slope 0.01 is rounded, and the product
  erf: { ranges: [{ low: -5, high: 5 }], factor: 17, factor64: 900 },
  probit: {
    ranges: [{ low: 0.01, high: 0.99 }],
    smooth: [{ low: 0.1, high: 0.45 }],
    factor: 17,
    factor64: 900,
    scale: (p) => g.add(g.abs(g.probit(p)), 1),
  },
  // test/kernels/gamma.test.ts is stricter. In f64 they promise 1e-14 = 90 u, absolute near their zeros.
  lgamma: { factor: 10, factor64: 90, scale: (x) => g.add(g.abs(g.lgamma(x)), 1) },
  digamma: { factor: 10, factor64: 90, scale: (x) => g.add(g.abs(g.digamma(x)), 1) },
  trigamma: { factor: 10 },
  floor: { factor: 0, smooth: [{ low: -2, high: 2, spacing: 1 / 2, offset: 1 / 4 }] },
  add: { factor: 1 },
  sub: { factor: 1 },
  mul: { factor: 1 },
  div: { ranges: [anywhere, offZero], smooth: [anywhere, offZero], factor: 1 },
  maximum: { smooth: [apart, offZero], factor: 0 },
  minimum: { smooth: [apart, offZero], factor: 0 },
  atan2: { ranges: [offZero, offZero], smooth: [offZero, offZero], factor: 6 },
  reluGrad: { smooth: [offZero, anywhere], factor: 0 },
  leakyReluGrad: { smooth: [offZero, anywhere], factor: 2 },
  tanhGrad: { factor: 4, scale: product((y) => g.add(g.square(y), 1)) },
  sigmoidGrad: { factor: 4, scale: product((y) => g.add(g.square(y), y)) },
  softplusGrad: { factor: 8, scale: product((y) => g.add(g.mul(y, 0), 1)) },
  siluGrad: { factor: 16, scale: product((y) => g.add(y, 1)) },
  where: { ranges: [offZero, anywhere, anywhere], smooth: [offZero, anywhere, anywhere], factor: 0 },
};

/** Ranges of the operands of an op for comparisons with the reference: wide for one operand. */
export function rangesOf(op: MapName): readonly Range[] {
  const { domain } = maps[op];
  return special[op]?.ranges ?? domain.map((d) => within(d, 2 ** -12, domain.length === 1 ? 30 : 2));
}

/** Ranges of the operands of an op where it is smooth. */
export const smoothRangesOf = (op: MapName): readonly Range[] =>
  special[op]?.smooth ?? maps[op].domain.map((d) => within(d, 1 / 4, 2));

export const scaleOf = (op: MapName): Build | undefined => special[op]?.scale;

/** By default 5 u, an elementary function to 2.5 units in the last place. */
export function factorOf(op: MapName, dtype: DType): number {
  const factor = special[op]?.factor ?? 5;
  if (dtype === "f32" || factor < 5) return factor;
  return special[op]?.factor64 ?? factor + 3;
}
