/** The part of a guide that depends on the data alone: computed once an observation, before any draw or density. */
import type { Rows } from "../backends/backend.ts";
import type { BackendOptions } from "../backends/select.ts";
import { withoutCentre } from "../numbers/offsets.ts";
import { packed } from "../numbers/triangles.ts";
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
 * the guide has them in closed form.
 * @throws for a guide on Laplace's base without its problem, and where the posterior is not finite near the solver's start.
 */
export async function encodeObservations(
  map: InverseMap,
  y: Float32Array,
  backend: BackendOptions,
): Promise<Record<string, Rows>> {
  const { D, problem: name } = map.spec;
  const { width } = layoutOfMap(map.spec);
  const executor = await map.executor("posterior", backend);
  const N = y.length / width;
  if (!map.local) return executor.run("encode", { rows: N, inputs: { y } });
  if (map.problem === null)
    throw new Error(
      `infer: expected the problem beside this model, whose guide corrects Laplace's approximation, got none; use load(file, { problem }) with "${name}"`,
    );
  const { localise } = await import("../search/local-coordinates.ts");
  const { features, start, distance } = await executor.run("look", { rows: N, inputs: { y } });
  const E = features.length / N;
  const own = D + E + packed(D);
  const rows = new Float32Array(N * own);
  await localise(await map.executor("search", backend), { D, M: width, starts: start, y }, (i, local) => {
    if (local === null)
      throw new Error(
        `infer: expected a posterior that is finite near the best linear estimate, got none for y${N > 1 ? `, row ${i + 1}` : ""}`,
      );
    rows.set(local.z, i * own);
    rows.set(features.subarray(i * E, (i + 1) * E), i * own + D);
    rows.set(local.factor, i * own + D + E);
  });
  return { ...(await executor.run("encode", { rows: N, inputs: { rows } })), distance };
}
