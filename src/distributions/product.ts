/**
 * log p(θ) = Σ_k log p_k(θ_k), θ = (θ_1, θ_2, …): independent distributions side by side.
 */
import { concat, slice } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { sideBySide, sumOf } from "./bijection.ts";
import { type Distribution, expectBatch, whyNotDistribution } from "./distribution.ts";
import { joinedMoments, layoutOf } from "./parts.ts";

/**
 * The joint distribution of independent parts; θ holds their entries one after another. A draw takes the streams of its parts, in
 * their order.
 * @throws when there is no part, or a part is no distribution.
 */
export function product(...parts: readonly Distribution[]): Distribution {
  if (parts.length === 0) throw new Error("product: expected at least one distribution, got none");
  parts.forEach((part, i) => {
    const why = part?.conditional ? null : whyNotDistribution(part);
    if (why) throw new Error(`product: expected distributions, got ${why} at index ${i}`);
  });
  const { size, streams, starts, streamOf } = layoutOf("product", parts);
  const logDensities = (theta: Tensor): Tensor[] => {
    expectBatch("product", "theta", theta, size);
    return parts.map((p, i) => p.logDensity(slice(theta, starts[i], starts[i] + p.size)));
  };
  const draws = Math.min(...parts.map((p) => p.momentDraws ?? Infinity));
  return Object.freeze({
    ...sideBySide("product", parts),
    name: "product",
    ...joinedMoments(parts),
    streams,
    draw: (stream, dtype) => concat(...parts.map((p, i) => p.draw(streamOf(stream, i), dtype))),
    logDensity: (theta) => sumOf(logDensities(theta)),
    about: (centre) => product(...parts.map((p, i) => p.about(centre.slice(starts[i], starts[i] + p.size)))),
    ...(parts.some((p) => p.conditional) && { conditional: true as const }),
    ...(draws < Infinity && { momentDraws: draws }),
    spec: { name: "product", parts: parts.map((p) => p.spec) },
  } satisfies Distribution);
}

/**
 * `count` independent vectors of one distribution, one after another: `repeat(normal(e.mu, e.tau), 8)` within `joint`.
 * @throws unless it is a distribution, and count a whole number of at least 1.
 */
export function repeat(part: Distribution, count: number): Distribution {
  const why = part?.conditional ? null : whyNotDistribution(part);
  if (why) throw new Error(`repeat: expected a distribution, got ${why}`);
  if (!(Number.isInteger(count) && count >= 1))
    throw new Error(`repeat: expected a count that is a whole number of at least 1, got ${count}`);
  return part.repeated?.(count) ?? product(...new Array<Distribution>(count).fill(part));
}
