/**
 * log p(θ) = Σ_k log p_k(θ_k), θ = (θ_1, θ_2, …): independent distributions side by side.
 */
import { add, concat, slice } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Distribution, expectBatch, whyNotDistribution } from "./distribution.ts";

/** Each part is a few nodes of every graph; distributions of one kind are one part. */
const MOST_PARTS = 1000;

const sum = (parts: readonly Tensor[]): Tensor => parts.reduce((a, b) => add(a, b));

/**
 * The joint distribution of independent parts; θ holds their entries one after another. A draw takes the streams of its parts, in
 * their order.
 * @throws when there is no part, or a part is no distribution.
 */
export function product(...parts: readonly Distribution[]): Distribution {
  if (parts.length === 0) throw new Error("product: expected at least one distribution, got none");
  parts.forEach((part, i) => {
    const why = whyNotDistribution(part);
    if (why) throw new Error(`product: expected distributions, got ${why} at index ${i}`);
  });
  let [size, streams] = [0, 0];
  const [starts, firstStreams]: number[][] = [[], []];
  for (const part of parts) {
    starts.push(size);
    firstStreams.push(streams);
    size += part.size;
    streams += part.streams;
  }
  if (streams > MOST_PARTS)
    throw new Error(
      `product: expected at most ${MOST_PARTS} parts, got ${streams}; one part may be of many parameters`,
    );
  const join = (key: "mean" | "sd" | "realMean" | "realSd" | "low" | "high"): Float64Array =>
    Float64Array.from(parts.flatMap((p) => Array.from(p[key])));
  const each = (name: string, x: Tensor, f: (part: Distribution, x: Tensor) => Tensor): Tensor[] => {
    expectBatch("product", name, x, size);
    return parts.map((p, i) => f(p, slice(x, starts[i], starts[i] + p.size)));
  };
  return Object.freeze({
    name: "product",
    size,
    mean: join("mean"),
    sd: join("sd"),
    realMean: join("realMean"),
    realSd: join("realSd"),
    low: join("low"),
    high: join("high"),
    streams,
    draw: (stream, dtype) => concat(...parts.map((p, i) => p.draw(stream + firstStreams[i], dtype))),
    logDensity: (theta) => sum(each("theta", theta, (p, x) => p.logDensity(x))),
    toReal: (theta) => concat(...each("theta", theta, (p, x) => p.toReal(x))),
    fromReal: (x) => concat(...each("x", x, (p, part) => p.fromReal(part))),
    logDetToReal: (theta) => sum(each("theta", theta, (p, x) => p.logDetToReal(x))),
    about: (centre) => product(...parts.map((p, i) => p.about(centre.slice(starts[i], starts[i] + p.size)))),
    spec: { name: "product", parts: parts.map((p) => p.spec) },
  } satisfies Distribution);
}
