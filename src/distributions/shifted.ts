/**
 * θ′ = θ − c of any distribution of θ, by double precision in between: θ = θ′ + c is taken to the line in f64, where
 *
 *   x′ = T(θ′ + c) − m,   m the mean of T(θ),
 *
 * so that single precision holds the digits of x′ as well as those of θ′. Families that are closed under shifts do it exactly, and
 * without double precision, by their parameters.
 */
import { add, cast, sub } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Distribution, isLinear, minus } from "./distribution.ts";
import { makeSupport } from "./support.ts";

/** The distribution of θ − c. */
export function shifted(from: Distribution, c: Float64Array): Distribution {
  if (c.every((x) => x === 0)) return from;
  const { realMean, size, inside } = from;
  const box = makeSupport(from.name, minus(from.low, c), minus(from.high, c));
  const whole = (x: Tensor): Tensor => add(cast(x, "f64"), c);
  return Object.freeze({
    ...from,
    mean: minus(from.mean, c),
    realMean: new Float64Array(size),
    low: box.low,
    high: box.high,
    draw: (stream, dtype) => box.clamp(cast(sub(from.draw(stream, "f64"), c), dtype)),
    logDensity: (x) => cast(from.logDensity(whole(x)), x.dtype),
    toReal: (x) => cast(sub(from.toReal(whole(x)), realMean), x.dtype),
    fromReal: (x) => box.clamp(cast(sub(from.fromReal(add(cast(x, "f64"), realMean)), c), x.dtype)),
    logDetToReal: (x) => cast(from.logDetToReal(whole(x)), x.dtype),
    about: (centre) =>
      shifted(
        from,
        centre.map((x, i) => x + c[i]),
      ),
    ...(inside && { inside: (x: ArrayLike<number>) => inside(Float64Array.from(c, (v, i) => v + x[i])) }),
    ...(isLinear(from) && { stretch: from.stretch ?? ((x: Float64Array) => x.slice()) }),
    bijection: { kind: "shifted", by: Array.from(c) },
  } satisfies Distribution);
}
