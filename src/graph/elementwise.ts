/**
 * The elementwise ops as functions, each with its derivative. Operands broadcast over rows and columns; of two or three,
 * any but one may be a number, or one number for each column. Each function throws when shapes or types do not fit.
 */
import { apply, lift } from "./apply.ts";
import type { MapGradName, MapName } from "./names.ts";
import type { Operand, Tensor } from "./tensor.ts";

/** Cotangents of the operands (null: none) from the cotangent g of the output, the operands and the output. */
export type MapVjp = (g: Tensor, operands: readonly Tensor[], out: Tensor) => (Tensor | null)[];

/** An elementwise op of one tensor (B, F), which answers (B, F). */
export interface Unary {
  (x: Tensor): Tensor;
  /** How gradients flow back through the op. */
  readonly vjp: MapVjp;
}
/** An elementwise op of two operands that broadcast to (B, F). */
export interface Binary {
  (a: Operand, b: Operand): Tensor;
  /** How gradients flow back through the op. */
  readonly vjp: MapVjp;
}
/** An elementwise choice between two operands. */
export interface Choice {
  (condition: Tensor, a: Operand, b: Operand): Tensor;
  /** How gradients flow back through the op. */
  readonly vjp: MapVjp;
}

/** `derivative` answers the cotangent of x from that of y = op(x). */
const unary = (op: MapName, derivative: (g: Tensor, x: Tensor, y: Tensor) => Tensor): Unary =>
  Object.assign((x: Tensor) => apply(op, [x]), { vjp: ((g, [x], y) => [derivative(g, x, y)]) as MapVjp });

const binary = (op: MapName, vjp: MapVjp): Binary =>
  Object.assign((a: Operand, b: Operand) => apply(op, lift(op, [a, b])), { vjp });

/** The derivative of an activation as one op, from its output. */
const fromOutput = (op: MapGradName) => (g: Tensor, _x: Tensor, y: Tensor) => apply(op, [y, g]);

const SQRT_2_PI = 2.5066282746310002;
const TWO_OVER_SQRT_PI = 1.1283791670955126;

/** −x */
export const neg: Unary = /* @__PURE__ */ unary("neg", (g) => neg(g));
/** |x| */
export const abs: Unary = /* @__PURE__ */ unary("abs", (g, x) => where(x, g, neg(g)));
/** e^x */
export const exp: Unary = /* @__PURE__ */ unary("exp", (g, _x, y) => mul(g, y));
/** The natural logarithm. */
export const log: Unary = /* @__PURE__ */ unary("log", (g, x) => div(g, x));
/** log(1 + x), accurate also for small x. */
export const log1p: Unary = /* @__PURE__ */ unary("log1p", (g, x) => div(g, add(x, 1)));
/** The hyperbolic tangent. */
export const tanh: Unary = /* @__PURE__ */ unary("tanh", fromOutput("tanhGrad"));
/** The sine of x in radians. */
export const sin: Unary = /* @__PURE__ */ unary("sin", (g, x) => mul(g, cos(x)));
/** The cosine of x in radians. */
export const cos: Unary = /* @__PURE__ */ unary("cos", (g, x) => neg(mul(g, sin(x))));
/** √x */
export const sqrt: Unary = /* @__PURE__ */ unary("sqrt", (g, _x, y) => div(mul(g, 0.5), y));
/** x² */
export const square: Unary = /* @__PURE__ */ unary("square", (g, x) => mul(g, mul(x, 2)));
/** log(1 + e^x) */
export const softplus: Unary = /* @__PURE__ */ unary("softplus", fromOutput("softplusGrad"));
/** 1 / (1 + e^−x) */
export const sigmoid: Unary = /* @__PURE__ */ unary("sigmoid", fromOutput("sigmoidGrad"));
/** x sigmoid(x) */
export const silu: Unary = /* @__PURE__ */ unary("silu", (g, x) => apply("siluGrad", [x, g]));
/** max(x, 0) */
export const relu: Unary = /* @__PURE__ */ unary("relu", fromOutput("reluGrad"));
/** x where x > 0, else x / 100. */
export const leakyRelu: Unary = /* @__PURE__ */ unary("leakyRelu", fromOutput("leakyReluGrad"));
/** The error function, 2/√π ∫₀ˣ exp(−t²) dt. */
export const erf: Unary = /* @__PURE__ */ unary("erf", (g, x) => mul(g, mul(exp(neg(square(x))), TWO_OVER_SQRT_PI)));
/** Φ⁻¹, the inverse of the standard normal distribution function, on (0, 1). */
export const probit: Unary = /* @__PURE__ */ unary("probit", (g, _x, y) =>
  mul(g, mul(exp(mul(square(y), 0.5)), SQRT_2_PI)),
);
/** log Γ(x) for x ≥ 0, infinite at 0; NaN below. To a few units in the last place, absolute near its zeros at 1 and 2. */
export const lgamma: Unary = /* @__PURE__ */ unary("lgamma", (g, x) => mul(g, digamma(x)));
/** ψ(x), the derivative of log Γ, for x ≥ 0, −∞ at 0; NaN below. */
export const digamma: Unary = /* @__PURE__ */ unary("digamma", (g, x) => mul(g, trigamma(x)));
/** ψ′(x), the derivative of the digamma function, for x ≥ 0, infinite at 0; NaN below. Its own derivative is refused. */
export const trigamma: Unary = /* @__PURE__ */ unary("trigamma", () => {
  throw new Error("trigamma: expected at most two derivatives of lgamma; the third is not defined here");
});
/** The largest whole number that is at most x. Its derivative is 0. */
export const floor: Unary = /* @__PURE__ */ Object.assign((x: Tensor) => apply("floor", [x]), {
  vjp: (() => [null]) as MapVjp,
});

/** a + b */
export const add: Binary = /* @__PURE__ */ binary("add", (g) => [g, g]);
/** a − b */
export const sub: Binary = /* @__PURE__ */ binary("sub", (g) => [g, neg(g)]);
/** a b, entry by entry. */
export const mul: Binary = /* @__PURE__ */ binary("mul", (g, [a, b]) => [mul(g, b), mul(g, a)]);
/** a / b */
export const div: Binary = /* @__PURE__ */ binary("div", (g, [, b], y) => {
  const da = div(g, b);
  return [da, neg(mul(da, y))];
});
/** The larger of a and b. */
export const maximum: Binary = /* @__PURE__ */ binary("maximum", (g, [a, b]) => [
  where(sub(a, b), g, 0),
  where(sub(a, b), 0, g),
]);
/** The smaller of a and b. */
export const minimum: Binary = /* @__PURE__ */ binary("minimum", (g, [a, b]) => [
  where(sub(b, a), g, 0),
  where(sub(b, a), 0, g),
]);
/** The angle of the point (x, y) in (−π, π]: y comes first. */
export const atan2: Binary = /* @__PURE__ */ binary("atan2", (g, [y, x]) => {
  const scaled = div(g, add(square(x), square(y)));
  return [mul(scaled, x), neg(mul(scaled, y))];
});

/** condition > 0 ? a : b */
export const where: Choice = /* @__PURE__ */ Object.assign(
  (condition: Tensor, a: Operand, b: Operand) => apply("where", lift("where", [condition, a, b])),
  { vjp: ((g, [c]) => [null, where(c, g, 0), where(c, 0, g)]) as MapVjp },
);

/** x within [low, high], which are tensors, numbers, or one number for each column. */
export const clamp = (x: Tensor, low: Operand, high: Operand): Tensor => minimum(maximum(x, low), high);
