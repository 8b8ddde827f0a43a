/** Encoding of observations for a guide on Laplace's base: the search for the mode and the curvature there come first. */
import type { Rows } from "../backends/backend.ts";
import type { BackendOptions } from "../backends/select.ts";
import { packed } from "../numbers/triangles.ts";
import { localise } from "../search/local-coordinates.ts";
import { type InverseMap, layoutOfMap } from "./model.ts";

/**
 * Encodes observations y (N, width), as `encodeObservations` does for other maps.
 * @throws without the problem, and where the posterior is not finite near the solver's start.
 */
export async function encodeLocally(
  map: InverseMap,
  y: Float32Array,
  backend: BackendOptions,
): Promise<Record<string, Rows>> {
  const { D, problem: name } = map.spec;
  const { width } = layoutOfMap(map.spec);
  const executor = await map.executor("posterior", backend);
  const N = y.length / width;
  if (map.problem === null)
    throw new Error(
      `infer: expected the problem beside this model, whose guide corrects Laplace's approximation, got none; use load(file, { problem }) with "${name}"`,
    );
  const { features, starts, distance } = await executor.run("look", { rows: N, inputs: { y } });
  const E = features.length / N;
  const own = D + E + packed(D);
  const [rows, found] = [new Float32Array(N * own), new Float32Array(N)];
  await localise(await map.executor("search", backend), { D, M: width, starts, y }, (i, local) => {
    if (local === null)
      throw new Error(
        `infer: expected a posterior that is finite near the best linear estimate, got none for y${N > 1 ? `, row ${i + 1}` : ""}`,
      );
    found[i] = Number(local.found);
    rows.set(local.z, i * own);
    rows.set(features.subarray(i * E, (i + 1) * E), i * own + D);
    rows.set(local.factor, i * own + D + E);
  });
  return { ...(await executor.run("encode", { rows: N, inputs: { rows } })), distance, found };
}
