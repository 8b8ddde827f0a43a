/**
 * Arithmetic on parameters of distributions: numbers (D), which are computed in f64 at once, or tensors, which become graph. So a
 * normaliser is written once for both.
 */
import { add, div, log, mul, sub } from "../graph/build.ts";
import type { Binary, Unary } from "../graph/elementwise.ts";
import { isTensor, type Tensor } from "../graph/tensor.ts";
import { log as logOf } from "../numbers/math.ts";

/** PriorParameter of D entries: (D) numbers, or a tensor (B, 1) or (B, D). */
export type Value = Float64Array | Tensor;

/** A function of one value. */
export const ofOne =
  (f: (x: number) => number, op: Unary) =>
  (x: Value): Value =>
    isTensor(x) ? op(x) : x.map(f);

const ofTwo =
  (f: (a: number, b: number) => number, op: Binary) =>
  (a: Value | number, b: Value | number): Value => {
    if (isTensor(a) || isTensor(b)) return op(a, b);
    if (typeof a === "object") return a.map((x, i) => f(x, typeof b === "object" ? b[i] : b));
    return (b as Float64Array).map((x) => f(a, x));
  };

/** Entry by entry; one of the two may be a number. */
export const plus = /* @__PURE__ */ ofTwo((a, b) => a + b, add);
export const minus = /* @__PURE__ */ ofTwo((a, b) => a - b, sub);
export const times = /* @__PURE__ */ ofTwo((a, b) => a * b, mul);
export const over = /* @__PURE__ */ ofTwo((a, b) => a / b, div);
/** Natural logarithms. */
export const logarithm = /* @__PURE__ */ ofOne(logOf, log);
