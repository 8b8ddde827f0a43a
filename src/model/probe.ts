/**
 * Recognises an embedding of the caller's own, which a file cannot hold: by what the trained guide makes of a fixed observation. A page
 * whose maps have none does not load this.
 */
import type { BackendOptions } from "../backends/select.ts";
import type { NetworkSpec } from "../nn/embedding.ts";
import { encodeObservations } from "./encode-observations.ts";
import type { InverseMap, ModelSpec } from "./model.ts";

/** Relative difference up to which contexts count as equal: single precision, summed in another order on a GPU, loses fewer digits. */
const TOLERANCE = 1e-3;

/** The context that a map computes of data (M) in the coordinates of its programs. */
const contextOf = async (map: InverseMap, y: Float32Array, backend: BackendOptions): Promise<number[]> =>
  Array.from((await encodeObservations(map, y, backend)).context);

/** The spec of a map with what it makes of a row of data, where its embedding is one of the caller's own. */
export async function withProbe(map: InverseMap, y: Float32Array, backend: BackendOptions): Promise<ModelSpec> {
  const { spec } = map;
  const probe: NetworkSpec["probe"] = { y: Array.from(y), context: await contextOf(map, y, backend) };
  return { ...spec, embedding: { ...spec.embedding, network: { ...(spec.embedding.network as NetworkSpec), probe } } };
}

/** @throws where a map with the caller's embedding answers otherwise than after its training. */
export async function checkProbe(map: InverseMap, backend: BackendOptions): Promise<void> {
  const probe = map.spec.embedding.network?.probe;
  if (probe === undefined) return;
  const now = await contextOf(map, Float32Array.from(probe.y), backend);
  const scale = probe.context.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  const off = now.findIndex((x, i) => !(Math.abs(x - probe.context[i]) <= TOLERANCE * scale));
  if (off < 0 && now.length === probe.context.length) return;
  throw new Error(
    `load: expected the embedding that "${map.spec.problem}" was trained with, got one that answers otherwise: ${now[off]} for ${probe.context[off]} in the guide's context`,
  );
}
