/**
 * The model file: safetensors whose tensors are the weights and scalers of an inverse map, and whose metadata are one
 * JSON string under "retrodict" with the format version, the library's version and the map's spec. The spec is checked
 * against a schema, and its sizes against the tensors of the file, before anything is built from it.
 *
 * Trained weights may be stored in half precision, with an error of each entry of at most 2^-11 max |w| of its tensor. Scalers are not,
 * because data may have any unit. Reading gives single precision in either case.
 */
import type { InverseMap, ModelSpec, NamedTensor } from "../model/model.ts";
import { fitsHalf, fromHalf, toHalf } from "./half.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "./safetensors.ts";

export const FORMAT = 1;
const KEY = "retrodict";

function expected(what: string, got: string): never {
  throw new Error(`model file: expected ${what}, got ${got}`);
}

function stored({ shape, data }: NamedTensor, halve: boolean): StoredTensor {
  return halve && fitsHalf(data) ? { dtype: "F16", shape, data: toHalf(data) } : { dtype: "F32", shape, data };
}

/**
 * The bytes of a map's model file.
 *
 * @param version of the library, for the record.
 * @param halved names of the tensors to store in half precision; a tensor that would lose too much keeps its precision.
 * @throws if a weight is not finite.
 */
export function encodeModel(
  map: Pick<InverseMap, "spec" | "tensors">,
  version: string,
  halved: readonly string[] = [],
): Uint8Array<ArrayBuffer> {
  const tensors = Object.entries(map.tensors).map(([name, t]) => [name, stored(t, halved.includes(name))] as const);
  const text = JSON.stringify({ format: FORMAT, version, spec: map.spec });
  return encodeSafetensors(Object.fromEntries(tensors), { [KEY]: text });
}

/** The content of a model file: the input of `makeInverseMap`. */
export interface ModelFile {
  /** Version of the library that wrote it. */
  readonly version: string;
  readonly spec: ModelSpec;
  readonly tensors: Readonly<Record<string, NamedTensor>>;
}

/** @throws if the bytes are not a valid model file, with what was expected and what came. */
export async function decodeModel(bytes: Uint8Array): Promise<ModelFile> {
  const { tensors, metadata } = decodeSafetensors(bytes);
  if (Object.hasOwn(metadata, `${KEY}-checkpoint`))
    expected("a model", "the checkpoint of a training, to resume it from");
  if (!Object.hasOwn(metadata, KEY)) expected(`metadata "${KEY}"`, "a safetensors file of another program");
  const { checkMetadata, fileSchema, formatSchema } = await import("./schemas.ts");
  const { format } = checkMetadata(formatSchema, metadata[KEY], "model file");
  if (format !== FORMAT) expected(`format ${FORMAT}`, `${format}, written by another version of the library`);
  const { version, spec } = checkMetadata(fileSchema, metadata[KEY], "model file");
  const count = Object.keys(tensors).length;
  if (count > MOST_TENSORS) expected(`at most ${MOST_TENSORS} tensors`, `${count}`);
  const named: [string, NamedTensor][] = [];
  let total = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    if ((dtype !== "F32" && dtype !== "F16") || shape.length !== 2) {
      expected(`tensor "${name}" to be F32 or F16 with 2 axes`, `${dtype} with ${shape.length}`);
    }
    const numbers = dtype === "F16" ? fromHalf(data as Uint16Array) : (data as Float32Array);
    named.push([name, { shape: [shape[0], shape[1]], data: numbers }]);
    total += data.length;
  }
  (await import("./sizes.ts")).checkSizes(spec, total);
  return { version, spec, tensors: Object.fromEntries(named) };
}

/** Each tensor is a few nodes of every graph that is built from a file. */
const MOST_TENSORS = 16_384;
