/** Bijections between supports and the line, which depend on the support alone: what a model file needs of a prior to infer. */
import { add, concat, slice } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type Distribution, expectBatch, finiteOrNull } from "./distribution.ts";

/** Each part is a few nodes of every graph; distributions of one kind are one part. */
export const MOST_PARTS = 1000;

/** The part of a distribution that its support decides. */
export type Bijection = Pick<
  Distribution,
  "size" | "low" | "high" | "toReal" | "fromReal" | "logDetToReal" | "bijection" | "inside" | "stretch" | "heavy"
>;

/** The bijection as plain data. */
export const bijectionSpec = ({ bijection, low, high }: Bijection): unknown =>
  bijection ?? { kind: "box", low: finiteOrNull(low), high: finiteOrNull(high) };

/** Where each part of a vector starts. */
export function startsOf(parts: readonly { readonly size: number }[]): { starts: number[]; size: number } {
  let size = 0;
  const starts = parts.map((p) => {
    size += p.size;
    return size - p.size;
  });
  return { starts, size };
}

export const sumOf = (parts: readonly Tensor[]): Tensor => parts.reduce((a, b) => add(a, b));

/** The bijection of parts one after another. */
export function sideBySide(owner: string, parts: readonly Bijection[]): Bijection {
  const { starts, size } = startsOf(parts);
  const join = (key: "low" | "high"): Float64Array => Float64Array.from(parts.flatMap((p) => Array.from(p[key])));
  const each = (name: string, x: Tensor, f: (part: Bijection, x: Tensor) => Tensor): Tensor[] => {
    expectBatch(owner, name, x, size);
    return parts.map((p, i) => f(p, slice(x, starts[i], starts[i] + p.size)));
  };
  const part = (x: ArrayLike<number>, i: number): Float64Array =>
    Float64Array.from({ length: parts[i].size }, (_, k) => x[starts[i] + k]);
  const low = join("low");
  const isPlain = parts.every((p) => p.bijection === undefined);
  const isStretched = parts.every(
    (p) => p.stretch || (p.bijection === undefined && [...p.low, ...p.high].every((v) => Math.abs(v) === Infinity)),
  );
  return {
    size,
    low,
    high: join("high"),
    toReal: (theta) => concat(...each("theta", theta, (p, x) => p.toReal(x))),
    fromReal: (x) => concat(...each("x", x, (p, some) => p.fromReal(some))),
    logDetToReal: (theta) => sumOf(each("theta", theta, (p, x) => p.logDetToReal(x))),
    ...(!isPlain && { bijection: { kind: "parts", parts: parts.map(bijectionSpec) } }),
    ...(parts.some((p) => p.inside) && {
      inside: (theta: ArrayLike<number>) => parts.every((p, i) => p.inside?.(part(theta, i)) ?? true),
    }),
    ...(!isPlain &&
      isStretched && {
        stretch: (x: Float64Array) =>
          Float64Array.from(
            parts.flatMap((p, i) => {
              const some = x.slice(starts[i], starts[i] + p.size);
              return Array.from(p.stretch?.(some) ?? some);
            }),
          ),
      }),
    ...(parts.some((p) => p.heavy) && {
      heavy: parts.flatMap((p) => Array.from({ length: p.size }, (_, i) => p.heavy?.[i] ?? false)),
    }),
  };
}
