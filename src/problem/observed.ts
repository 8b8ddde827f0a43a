/** Observations with their circumstances, as callers give them: missing data as NaN or null, and the noise scale. */
import { describe } from "../checks/arguments.ts";
import { exp } from "../numbers/math.ts";
import { isPlain, type Layout, type Observed, unpackRow } from "./layout.ts";
import type { ObservedNoise } from "./observed-noise.ts";

/** An observation (M), NaN where data are missing, with the noise scale that was given for it, one or M. */
export interface ObservedRow extends Observed {
  readonly y: Float64Array;
}

/** Observations (M) with the noise that was given for them. @throws unless scales are one or M positive numbers, and as many as observations. */
export function withNoiseOf(
  owner: string,
  rows: readonly Float64Array[],
  noise: ObservedNoise | readonly ObservedNoise[] | undefined,
): ObservedRow[] {
  if (noise === undefined) return rows.map((y) => ({ y }));
  const list = Array.isArray(noise) ? (noise as readonly ObservedNoise[]) : null;
  if (list !== null && list.length !== rows.length)
    throw new Error(`${owner}: expected noise of ${rows.length} observations, got ${list.length}`);
  return rows.map((y, i) => {
    const { scale } = list?.[i] ?? (noise as ObservedNoise);
    const of = typeof scale === "number" ? [scale] : scale;
    const fits = typeof of === "object" && of !== null && (of.length === 1 || of.length === y.length);
    const numbers = fits ? Float64Array.from(of) : [];
    if (!fits || !numbers.every((s) => s > 0 && s < Number.POSITIVE_INFINITY))
      throw new Error(
        `${owner}: expected noise.scale to be a positive number, or ${y.length} of them, got ${describe(scale)}`,
      );
    return { y, scale: numbers as Float64Array };
  });
}

/** A simulated row as `infer` takes it: the data, NaN where missing, and their noise. */
export function observationOf(
  layout: Layout,
  row: Float32Array | Float64Array,
): { readonly y: Float32Array | Float64Array; readonly noise?: ObservedNoise } {
  if (isPlain(layout)) return { y: row };
  const { y, mask, logScale } = unpackRow(layout, row);
  const seen = y.map((v, m) => (mask === null || mask[m] > 0 ? v : Number.NaN));
  return { y: seen, ...(logScale && { noise: { scale: Float64Array.from(logScale, exp) } }) };
}
