/**
 * The elementwise ops: name → arity and vector-Jacobian product. A backend gives each one scalar expression
 * (`assembly/map.ts`, `backends/reference.ts`); everything else about them is here.
 *
 * `xxxGrad(y, g)` is g times the derivative of xxx, written in the *output* y where that is enough (so that a fused
 * activation need not keep its argument) and in the input x for silu.
 */
import {
  add,
  cos,
  div,
  exp,
  leakyReluGrad,
  mul,
  neg,
  reluGrad,
  sigmoid,
  sigmoidGrad,
  siluGrad,
  sin,
  softplusGrad,
  square,
  sub,
  tanhGrad,
  where,
} from "./build.ts";
import type { Tensor } from "./tensor.ts";

/** Cotangents of the inputs (null: none), from the cotangent of the output, the inputs and the output. */
type MapVjp = (g: Tensor, inputs: readonly Tensor[], out: Tensor) => (Tensor | null)[];

interface MapRow {
  readonly arity: 1 | 2 | 3;
  readonly vjp: MapVjp;
  /** Floating-point operations an element, for counting. */
  readonly flops: number;
}

const unary = (flops: number, derivative: (g: Tensor, x: Tensor, y: Tensor) => Tensor | null): MapRow => ({
  arity: 1,
  flops,
  vjp: (g, [x], y) => [derivative(g, x, y)],
});
const binary = (flops: number, vjp: (g: Tensor, a: Tensor, b: Tensor, y: Tensor) => (Tensor | null)[]): MapRow => ({
  arity: 2,
  flops,
  vjp: (g, [a, b], y) => vjp(g, a, b, y),
});
const ternary = (flops: number, vjp: MapVjp): MapRow => ({ arity: 3, flops, vjp });

const SQRT_2_PI = 2.5066282746310002;
const TWO_OVER_SQRT_PI = 1.1283791670955126;

/** Spelled out, since the type of every tensor depends on it. */
export const mapNames = [
  "neg",
  "abs",
  "exp",
  "log",
  "log1p",
  "tanh",
  "sin",
  "cos",
  "sqrt",
  "square",
  "softplus",
  "sigmoid",
  "silu",
  "relu",
  "leakyRelu",
  "erf",
  "probit",
  "add",
  "sub",
  "mul",
  "div",
  "maximum",
  "minimum",
  "atan2",
  "reluGrad",
  "leakyReluGrad",
  "tanhGrad",
  "sigmoidGrad",
  "softplusGrad",
  "siluGrad",
  "where",
] as const;
export type MapName = (typeof mapNames)[number];

export const maps: Readonly<Record<MapName, MapRow>> = {
  neg: unary(1, (g) => neg(g)),
  abs: unary(1, (g, x) => where(x, g, neg(g))),
  exp: unary(12, (g, _x, y) => mul(g, y)),
  log: unary(14, (g, x) => div(g, x)),
  log1p: unary(16, (g, x) => div(g, add(x, 1))),
  tanh: unary(16, (g, _x, y) => tanhGrad(y, g)),
  sin: unary(16, (g, x) => mul(g, cos(x))),
  cos: unary(16, (g, x) => neg(mul(g, sin(x)))),
  sqrt: unary(1, (g, _x, y) => div(mul(g, 0.5), y)),
  square: unary(1, (g, x) => mul(g, mul(x, 2))),
  softplus: unary(24, (g, _x, y) => softplusGrad(y, g)),
  sigmoid: unary(16, (g, _x, y) => sigmoidGrad(y, g)),
  silu: unary(17, (g, x) => siluGrad(x, g)),
  relu: unary(1, (g, _x, y) => reluGrad(y, g)),
  leakyRelu: unary(2, (g, _x, y) => leakyReluGrad(y, g)),
  /** 2/√π ∫₀ˣ exp(−t²) dt */
  erf: unary(24, (g, x) => mul(g, mul(exp(neg(square(x))), TWO_OVER_SQRT_PI))),
  /** Φ⁻¹, the inverse of the standard normal distribution function, on (0, 1). */
  probit: unary(24, (g, _x, y) => mul(g, mul(exp(mul(square(y), 0.5)), SQRT_2_PI))),

  add: binary(1, (g) => [g, g]),
  sub: binary(1, (g) => [g, neg(g)]),
  mul: binary(1, (g, a, b) => [mul(g, b), mul(g, a)]),
  div: binary(1, (g, _a, b, y) => {
    const da = div(g, b);
    return [da, neg(mul(da, y))];
  }),
  maximum: binary(1, (g, a, b) => [where(sub(a, b), g, 0), where(sub(a, b), 0, g)]),
  minimum: binary(1, (g, a, b) => [where(sub(b, a), g, 0), where(sub(b, a), 0, g)]),
  /** The angle of the point (x, y) = (second, first). */
  atan2: binary(30, (g, y, x) => {
    const scaled = div(g, add(square(x), square(y)));
    return [mul(scaled, x), neg(mul(scaled, y))];
  }),

  reluGrad: binary(1, (g, y) => [null, reluGrad(y, g)]),
  leakyReluGrad: binary(1, (g, y) => [null, leakyReluGrad(y, g)]),
  tanhGrad: binary(3, (g, y, h) => [mul(mul(mul(g, h), y), -2), tanhGrad(y, g)]),
  sigmoidGrad: binary(3, (g, y, h) => [mul(mul(g, h), sub(1, mul(y, 2))), sigmoidGrad(y, g)]),
  softplusGrad: binary(14, (g, y, h) => [mul(mul(g, h), exp(neg(y))), softplusGrad(y, g)]),
  siluGrad: binary(20, (g, x, h) => {
    const s = sigmoid(x); // silu'' = s(1 − s)(2 + x(1 − 2s))
    const second = mul(sigmoidGrad(s, mul(g, h)), add(2, mul(x, sub(1, mul(s, 2)))));
    return [second, siluGrad(x, g)];
  }),

  /** condition > 0 ? a : b, sample by sample. */
  where: ternary(1, (g, [c]) => [null, where(c, g, 0), where(c, 0, g)]),
};
