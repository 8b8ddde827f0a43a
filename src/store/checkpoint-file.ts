/** The checkpoint of an interrupted training as a safetensors file: slabs are tensors, everything else is metadata. */
import type { Checkpoint } from "../train/checkpoint.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "./safetensors.ts";

const KEY = "retrodict-checkpoint";

/** The bytes of a checkpoint. */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array<ArrayBuffer> {
  const { problem, step, signature, weights, optimiser, best, heldOut, losses, pending, seconds } = checkpoint;
  const { m, v: squares, largest, factors, updates } = optimiser;
  const slab = (data: Float32Array): StoredTensor => ({ dtype: "F32", shape: [data.length], data });
  const tensors = {
    weights,
    "best.weights": best.weights,
    m,
    v: squares,
    largest,
    ...(factors.length > 0 && { factors }),
  };
  const { loss, step: bestStep } = best;
  const record = {
    ...{ format: 1, problem, step, signature, updates },
    ...{ best: { loss, step: bestStep }, heldOut, losses, pending, seconds },
  };
  return encodeSafetensors(Object.fromEntries(Object.entries(tensors).map(([name, data]) => [name, slab(data)])), {
    [KEY]: JSON.stringify(record),
  });
}

/** @throws if the bytes are not a valid checkpoint. */
export async function decodeCheckpoint(bytes: Uint8Array): Promise<Checkpoint> {
  const { tensors, metadata } = decodeSafetensors(bytes);
  if (!Object.hasOwn(metadata, KEY)) throw new Error("checkpoint: expected a checkpoint, got another safetensors file");
  const { checkMetadata, checkpointSchema } = await import("./schemas.ts");
  const record = checkMetadata(checkpointSchema, metadata[KEY], "checkpoint");
  const slab = (name: string): Float32Array => {
    const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
    if (tensor?.dtype !== "F32") throw new Error(`checkpoint: expected a F32 tensor "${name}", got ${tensor?.dtype}`);
    return tensor.data as Float32Array;
  };
  const [weights, m, squares, largest] = ["weights", "m", "v", "largest"].map(slab);
  const { problem, step, signature, updates, best, heldOut, losses, pending, seconds } = record;
  const factors = Object.hasOwn(tensors, "factors") ? slab("factors") : new Float32Array(0);
  const optimiser = { updates, m, v: squares, largest, factors };
  const kept = { weights: slab("best.weights"), loss: best.loss, step: best.step };
  return { problem, step, signature, weights, optimiser, best: kept, heldOut, losses, pending, seconds };
}
