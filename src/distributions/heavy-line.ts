/**
 * The line for heavy tails, x = asinh((θ − c)/w), entry by entry: where the density of θ falls like |θ|^−(ν + 1), that of x falls like
 * e^(−ν|x|). A Student variable of scale s has w = s √ν, and x a density of cosh(x)^−ν, without the powers.
 */
import {
  abs,
  add,
  div,
  log1p,
  maximum,
  minimum,
  mul,
  neg,
  sqrt,
  square,
  sub,
  sumFeatures,
  tanh,
  where,
} from "../graph/build.ts";
import { exp } from "../graph/elementwise.ts";
import type { Tensor } from "../graph/tensor.ts";
import { log } from "../numbers/math.ts";
import type { Bijection } from "./bijection.ts";
import { expectBatch } from "./distribution.ts";

/** Beyond it the square of a number overflows single precision; no draw goes so far. */
const FAR = 1e18;
/** Where e^x, and with it sinh x, is near the largest number of single precision. */
const MOST = 87;

/** asinh t, without cancellation: log(1 + |t| + t²/(1 + √(1 + t²))), with the sign of t. */
function asinh(t: Tensor): Tensor {
  const a = minimum(abs(t), FAR);
  const size = log1p(add(a, div(square(a), add(sqrt(add(square(a), 1)), 1))));
  return where(t, size, neg(size));
}

/** sinh x: by 2 tanh(x/2)/(1 − tanh²(x/2)) near 0, where the difference of exponentials cancels. */
function sinh(x: Tensor): Tensor {
  const within = minimum(maximum(x, -MOST), MOST);
  const t = tanh(mul(minimum(maximum(x, -1), 1), 0.5));
  const near = div(mul(t, 2), sub(1, square(t)));
  return where(sub(abs(x), 1), mul(sub(exp(within), exp(neg(within))), 0.5), near);
}

/** The bijection about the centres c with the widths w, (D). */
export function heavyLine(owner: string, centre: Float64Array, width: Float64Array): Bijection {
  const size = centre.length;
  const scaled = (theta: Tensor): Tensor => {
    expectBatch(owner, "theta", theta, size);
    return div(sub(theta, centre), width);
  };
  const volume = width.reduce((sum, w) => sum + log(w), 0);
  return {
    size,
    low: new Float64Array(size).fill(-Infinity),
    high: new Float64Array(size).fill(Infinity),
    toReal: (theta) => asinh(scaled(theta)),
    fromReal: (x) => {
      expectBatch(owner, "x", x, size);
      return add(mul(sinh(x), width), centre);
    },
    logDetToReal: (theta) => {
      const t = minimum(abs(scaled(theta)), FAR);
      return sub(mul(sumFeatures(log1p(square(t))), -0.5), volume);
    },
    heavy: new Array<boolean>(size).fill(true),
    bijection: { kind: "heavy", centre: Array.from(centre), width: Array.from(width) },
  };
}
