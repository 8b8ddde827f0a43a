/** Vector-Jacobian products of the elementwise ops: each function brings its own; those of the `…Grad` ops are here. */
import { apply } from "./apply.ts";
import * as elementwise from "./elementwise.ts";
import { add, exp, type MapVjp, mul, neg, sigmoid, sub } from "./elementwise.ts";
import { type MapGradName, type MapName, mapNames } from "./names.ts";
import type { Vjp } from "./vjp.ts";

/** A function of y (silu: x) and of the cotangent. */
const gradVjps: Readonly<Record<MapGradName, MapVjp>> = {
  reluGrad: (g, [y]) => [null, apply("reluGrad", [y, g])],
  leakyReluGrad: (g, [y]) => [null, apply("leakyReluGrad", [y, g])],
  tanhGrad: (g, [y, h]) => [mul(mul(mul(g, h), y), -2), apply("tanhGrad", [y, g])],
  sigmoidGrad: (g, [y, h]) => [mul(mul(g, h), sub(1, mul(y, 2))), apply("sigmoidGrad", [y, g])],
  softplusGrad: (g, [y, h]) => [mul(mul(g, h), exp(neg(y))), apply("softplusGrad", [y, g])],
  siluGrad: (g, [x, h]) => {
    const s = sigmoid(x); // silu'' = s(1 − s)(2 + x(1 − 2s))
    const second = mul(apply("sigmoidGrad", [s, mul(g, h)]), add(2, mul(x, sub(1, mul(s, 2)))));
    return [second, apply("siluGrad", [x, g])];
  },
};

/** The type names an elementwise op that has no function. */
const functions: Readonly<Record<Exclude<MapName, MapGradName>, { readonly vjp: MapVjp }>> = elementwise;

const vjpOf = (name: MapName): Vjp => {
  const vjp = name in gradVjps ? gradVjps[name as MapGradName] : functions[name as keyof typeof functions].vjp;
  return (g, node) => vjp(g, node.inputs, node);
};
/** The rows of all elementwise ops. */
export const mapVjps = Object.fromEntries(mapNames.map((name) => [name, vjpOf(name)])) as Record<MapName, Vjp>;
