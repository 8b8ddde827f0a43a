/** Observations whose noise is another than that of the problem. */
import type { InverseMap } from "../model/model.ts";
import type { Observed } from "../problem/layout.ts";
import { withNoiseOf } from "../problem/observed.ts";
import type { ObservedNoise } from "../problem/observed-noise.ts";

/** Observations with their noise. @throws where the map was not trained for it. */
export function observe(
  { spec: { rows: known, problem } }: InverseMap,
  rows: readonly Float64Array[],
  noise: ObservedNoise | readonly ObservedNoise[] | undefined,
): Observed[] {
  const range = known?.scale;
  if (noise !== undefined && !range)
    throw new Error(
      `infer: expected no noise for a map that was trained with the noise of "${problem}" alone, got one; train with noise: { scale: [low, high] }`,
    );
  const all = withNoiseOf("infer", rows, noise);
  if (!range) return all;
  for (const { scale = [1] } of all) {
    const numbers = Array.from(scale);
    if (!range.each && numbers.some((s) => s !== numbers[0]))
      throw new Error(
        "infer: expected one noise.scale for all data, as the map was trained, got one for each; train with noise: { scale, each: true }",
      );
    const odd = numbers.find((s) => !(s >= range.low && s <= range.high));
    if (odd !== undefined)
      throw new Error(
        `infer: expected noise.scale from ${range.low} to ${range.high}, for which the map was trained, got ${odd}${noise === undefined ? ", the noise of the problem; give noise: { scale }" : ""}`,
      );
  }
  return all;
}
