/** The part of a guide that depends on the data alone: computed once an observation, before any draw or density. */
import type { Rows } from "../backends/backend.ts";
import type { BackendOptions } from "../backends/select.ts";
import { withoutCentre } from "../numbers/offsets.ts";
import { type Observed, packRow } from "../problem/layout.ts";
import { type InverseMap, layoutOfMap } from "./model.ts";

/**
 * The rows (N, width) that a map takes, of observations (M) less the centre of the data.
 * @throws when a number is then beyond the range of single precision.
 */
export function packObservations({ spec, work: { data } }: InverseMap, all: readonly Observed[]): Float32Array {
  const layout = layoutOfMap(spec);
  const { M, width } = layout;
  const out = new Float32Array(all.length * width);
  for (const [i, one] of all.entries()) out.set(packRow(layout, { ...one, y: withoutCentre(one.y, data) }), i * width);
  const over = out.findIndex((x) => !Number.isFinite(x));
  if (over < 0) return out;
  const [i, column] = [Math.floor(over / width), over % width];
  const where = all.length > 1 ? `y, row ${i + 1}` : "y";
  throw new Error(
    `${where}: expected numbers of single precision, got ${all[i].y[column % M]} in column ${(column % M) + 1}`,
  );
}

/**
 * Encodes observations y (N, width), row by row. The result has `context` (N, C), `distance` (N, 1), and the guide's moments where
 * the guide has them in closed form; of a guide on Laplace's base also `found`, 0 where the search did not come near the mode.
 * @throws for a guide on Laplace's base without its problem, and where the posterior is not finite near the solver's start.
 */
export async function encodeObservations(
  map: InverseMap,
  y: Float32Array,
  backend: BackendOptions,
): Promise<Record<string, Rows>> {
  const { width } = layoutOfMap(map.spec);
  const executor = await map.executor("posterior", backend);
  const N = y.length / width;
  if (!map.local) return executor.run("encode", { rows: N, inputs: { y } });
  return (await import("./encode-local.ts")).encodeLocally(map, y, backend);
}
