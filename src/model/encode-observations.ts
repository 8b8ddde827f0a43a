/** What a guide makes of data before it is asked for draws or densities: computed once an observation. */
import type { Rows } from "../backends/backend.ts";
import type { BackendOptions } from "../backends/select.ts";
import { packed } from "../graph/tensor.ts";
import { localise } from "../search/local-coordinates.ts";
import type { InverseMap } from "./model.ts";

/**
 * Of data (N, M), row by row: `context` (N, C), `distance` (N, 1), and the guide's moments where it has them.
 * @throws for a guide on Laplace's base without its problem, and where it finds no finite posterior.
 */
export async function encode(map: InverseMap, y: Float32Array, where: BackendOptions): Promise<Record<string, Rows>> {
  if (map.local) return encodeLocally(map, y, where);
  return (await map.engine("posterior", where)).run("encode", { rows: y.length / map.spec.M, inputs: { y } });
}

/** Context and distance of data (N, M) whose coordinates a solver looks for first. */
async function encodeLocally(map: InverseMap, y: Float32Array, where: BackendOptions): Promise<Record<string, Rows>> {
  const { D, M, problem } = map.spec;
  if (map.problem === null)
    throw new Error(
      `infer: expected the problem beside this model, whose guide corrects Laplace's approximation, got none; use load(file, { problem }) with "${problem}"`,
    );
  const engine = await map.engine("posterior", where);
  const N = y.length / M;
  const { features, start, distance } = await engine.run("look", { rows: N, inputs: { y } });
  const E = features.length / N;
  const width = D + E + packed(D);
  const rows = new Float32Array(N * width);
  await localise(await map.engine("search", where), { D, M, starts: start, y }, (i, local) => {
    if (local === null)
      throw new Error(
        `infer: expected a posterior that is finite near the best linear estimate, got none for y${N > 1 ? `, row ${i + 1}` : ""}`,
      );
    rows.set(local.z, i * width);
    rows.set(features.subarray(i * E, (i + 1) * E), i * width + D);
    rows.set(local.factor, i * width + D + E);
  });
  return { ...(await engine.run("encode", { rows: N, inputs: { rows } })), distance };
}
