/** The part of a guide that depends on the data alone: computed once an observation, before any draw or density. */
import type { Rows } from "../backends/backend.ts";
import type { BackendOptions } from "../backends/select.ts";
import { packed } from "../graph/tensor.ts";
import type { InverseMap } from "./model.ts";

/**
 * Encodes observations y (N, M), row by row. The result has `context` (N, C), `distance` (N, 1), and the guide's moments where
 * the guide has them in closed form.
 * @throws for a guide on Laplace's base without its problem, and where the posterior is not finite near the solver's start.
 */
export async function encodeObservations(
  map: InverseMap,
  y: Float32Array,
  backend: BackendOptions,
): Promise<Record<string, Rows>> {
  const { D, M, problem: name } = map.spec;
  const executor = await map.executor("posterior", backend);
  const N = y.length / M;
  if (!map.local) return executor.run("encode", { rows: N, inputs: { y } });
  if (map.problem === null)
    throw new Error(
      `infer: expected the problem beside this model, whose guide corrects Laplace's approximation, got none; use load(file, { problem }) with "${name}"`,
    );
  const { localise } = await import("../search/local-coordinates.ts");
  const { features, start, distance } = await executor.run("look", { rows: N, inputs: { y } });
  const E = features.length / N;
  const width = D + E + packed(D);
  const rows = new Float32Array(N * width);
  await localise(await map.executor("search", backend), { D, M, starts: start, y }, (i, local) => {
    if (local === null)
      throw new Error(
        `infer: expected a posterior that is finite near the best linear estimate, got none for y${N > 1 ? `, row ${i + 1}` : ""}`,
      );
    rows.set(local.z, i * width);
    rows.set(features.subarray(i * E, (i + 1) * E), i * width + D);
    rows.set(local.factor, i * width + D + E);
  });
  return { ...(await executor.run("encode", { rows: N, inputs: { rows } })), distance };
}
