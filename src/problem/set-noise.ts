/**
 * The noise of sets: that of one member for each, independent given the parameters and the noise-free data,
 *
 *   log p(y | θ) = Σ_i o_i log p(y_i | c(θ)),
 *
 * where o_i is 1 for the members that are there. A row has its members side by side, (T·B, most · m); they are tiles of the noise of
 * one, (T·most·B, m).
 */
import type { NoiseModel } from "../distributions/noise/model.ts";
import type { Information, Noise } from "../distributions/noise/noise.ts";
import { columns, fromTiles, slice, sumFeatures, toTiles, where } from "../graph/build.ts";
import { isTensor, type Operand, type Tensor } from "../graph/tensor.ts";
import { masked } from "./seen.ts";

/** The columns of a batch side by side `count` times. */
export const repeated = (x: Tensor, count: number): Tensor =>
  columns(
    x,
    Array.from({ length: count * x.cols }, (_, i) => i % x.cols),
  );

/** Information of members side by side. */
function together(terms: readonly Information[], most: number): Information[] {
  const list = (weight: ArrayLike<number>): Float64Array =>
    Float64Array.from({ length: most * weight.length }, (_, i) => weight[i % weight.length]);
  const all = (weight: Operand, cols: number): Operand => {
    if (typeof weight === "number") return weight;
    if (!isTensor(weight)) return list(weight.length === 1 ? new Float64Array(cols).fill(weight[0]) : weight);
    const own = fromTiles(weight, most);
    if (own.cols === most * cols) return own;
    return columns(
      own,
      Array.from({ length: most * cols }, (_, i) => Math.floor(i / cols)),
    );
  };
  return terms.map(({ of, weight }) => ({ of: fromTiles(of, most), weight: all(weight, of.cols) }));
}

/** Noise of `most` members, of that of one at their tiles. */
function noiseOfMembers(own: Noise, most: number): Noise {
  const { size, constantSd, sd, mean, fisher, each, observed, lacks } = own;
  const apart = (x: Tensor): Tensor => toTiles(x, most);
  const joined = (x: Tensor): Tensor => fromTiles(x, most);
  const sum = (terms: Tensor): Tensor => sumFeatures(joined(terms));
  const repeat = (list: readonly number[]): number[] => Array.from({ length: most }, () => list).flat();
  const ofMask = (mask: Tensor): Pick<Noise, "logDensity" | "fisher"> => {
    const there = apart(mask);
    const part = each === undefined ? observed?.(there) : undefined;
    return {
      logDensity: (y, clean) => {
        const [data, at] = [apart(y), apart(clean)];
        if (each) return sum(sumFeatures(where(there, each(data, at), 0)));
        return sum(part ? part.logDensity(data, at) : where(slice(there, 0, 1), own.logDensity(data, at), 0));
      },
      fisher: (clean) => {
        const terms = part ? (part.fisher?.(apart(clean)) ?? []) : masked(fisher?.(apart(clean)) ?? [], there);
        return together(terms, most);
      },
    };
  };
  return {
    name: own.name,
    size: size === null ? null : most * size,
    data: own.data,
    streams: own.streams,
    ...(own.additive && { additive: true }),
    ...(lacks && { lacks }),
    ...(constantSd !== undefined && { constantSd: typeof constantSd === "number" ? constantSd : repeat(constantSd) }),
    draw: (clean, stream) => joined(own.draw(apart(clean), stream)),
    logDensity: (y, clean) => sum(own.logDensity(apart(y), apart(clean))),
    ...(sd && { sd: (clean) => joined(sd(apart(clean))) }),
    ...(mean && { mean: (clean) => joined(mean(apart(clean))) }),
    ...(fisher && { fisher: (clean) => together(fisher(apart(clean)), most) }),
    observed: ofMask,
    spec: null,
  };
}

/** The noise of sets of at most `most` members, of that of one. */
export function modelOfMembers(model: NoiseModel, most: number): NoiseModel {
  const fixed = model.fixed && noiseOfMembers(model.fixed, most);
  return Object.freeze({
    ...model,
    fixed,
    at: fixed
      ? () => fixed
      : (theta, clean) => noiseOfMembers(model.at(toTiles(repeated(theta, most), most), toTiles(clean, most)), most),
    spec: null,
  } satisfies NoiseModel);
}
