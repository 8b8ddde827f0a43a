/** Saving and loading of inverse maps and checkpoints as files; inverse maps also from URLs and bytes. */
import { backendOf, backendTable } from "../backends/select.ts";
import { describe } from "../checks/arguments.ts";
import {
  callback,
  expectOption,
  type OptionsOf,
  oneOf,
  option,
  path as pathCheck,
  readOptions,
} from "../checks/options.ts";
import { fileExists, readBytes, writeBytes } from "../host/files.ts";
import { folder, readPlace } from "../host/folders.ts";
import { expectMap } from "../model/expect.ts";
import { type InverseMap, makeInverseMap } from "../model/model.ts";
import type { OwnEmbedding } from "../nn/networks.ts";
import { problemCheck } from "../problem/problem.ts";
import type { Checkpoint } from "../train/checkpoint.ts";
import { VERSION } from "../version.ts";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint-file.ts";
import { precisions } from "./half.ts";
import { decodeModel, encodeModel } from "./model-file.ts";
import { isModelName, shippedModel, shippedModels } from "./shipped.ts";

export const saveTable = {
  /**
   * Precision of the trained weights in the file: "f32" keeps every bit; "f16" rounds them (to nearest, ties to even) and takes half of
   * the bytes. Scalers keep their precision, and so do tensors that would lose more than 2^-11 of their largest entry.
   */
  precision: option(oneOf(...precisions), "f32", "of the weights in the file; f16 halves its bytes"),
};
/** Options of `save` and `toBytes`. */
export type SaveOptions = OptionsOf<typeof saveTable>;

/** The bytes of a map's model file (safetensors), for hosts without files. @throws on invalid options. */
export function toBytes(map: InverseMap, options: SaveOptions = {}): Uint8Array<ArrayBuffer> {
  expectMap("save", map);
  const { precision } = readOptions("save", saveTable, options);
  return encodeModel(map, VERSION, precision === "f16" ? map.trained : []);
}

/** Writes an inverse map to a file, completely or not at all. @throws if there is no file system, or the file cannot be written. */
export async function save(map: InverseMap, path: string, options: SaveOptions = {}): Promise<void> {
  const bytes = toBytes(map, options);
  expectOption("save", "path", pathCheck, path);
  await decodeModel(bytes); // so that every written file can be read
  await writeBytes(path, bytes);
}

export const loadTable = {
  /** The problem that the model was trained on, which corrections need; a different one is refused. */
  problem: option(problemCheck),
  /** Folder of the shipped models, a URL or a path, for this call; `setFolders` sets it for all of them. */
  models: option(folder),
  /** The embedding of the caller's own that the model was trained with, which a file cannot hold; another one is refused. */
  embedding: option(callback<OwnEmbedding>()),
  ...backendTable,
};
/** Options of `load`. */
export type LoadOptions = OptionsOf<typeof loadTable>;

/**
 * Reads an inverse map from a path (Node, Deno), a URL or bytes, or a shipped model by its name: `load("arm")`. A text without slash,
 * dot and colon is first taken for such a name; "./arm" reads a file named "arm".
 * @throws if the source is not a model file or is damaged, if no shipped model has the name, or if `problem` is not the one that the
 * model was trained on.
 */
export async function load(source: Source, options: LoadOptions = {}): Promise<InverseMap> {
  const { problem, models, embedding, ...where } = readOptions("load", loadTable, options);
  const backend = backendOf(where);
  const place = await placeOf(source, models);
  const { spec, tensors } = await bytesOf(place)
    .then((bytes) => decodeModel(bytes))
    .catch((cause: Error) => {
      if (place === source) throw cause;
      // A server may return a page for a missing file; the message then does not name the place.
      const { message } = cause;
      const found = message.includes(`${source}.safetensors`) ? message : `${message} (at ${place})`;
      const hint = "copy the folder models of the package there, or say where it is: setFolders({ models })";
      throw new Error(`${found}; ${hint}`, { cause });
    });
  const map = await makeInverseMap(spec, tensors, problem ?? null, backend, embedding);
  if (embedding) await (await import("../model/probe.ts")).checkProbe(map, backend);
  if (problem) await (await import("../model/fingerprint.ts")).checkFingerprint(spec, problem, backend);
  return map;
}

type Source = string | URL | Uint8Array | ArrayBuffer;

/** The source to read: for the name of a shipped model, its file. */
async function placeOf(source: Source, models: string | URL | undefined): Promise<Source> {
  if (!isModelName(source)) return source;
  const isFile = !shippedModels.includes(source) && (await fileExists(source).catch(() => false)); // no files in a browser
  return isFile ? source : shippedModel(source, models);
}

async function bytesOf(source: Source): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (typeof source !== "string" && !(source instanceof URL))
    throw new Error(`load: expected a path, a URL or bytes, got ${describe(source)}`);
  return readPlace("load", "a model", source);
}

/** Writes the checkpoint of an interrupted training to a file, completely or not at all. */
export async function saveCheckpoint(checkpoint: Checkpoint, path: string): Promise<void> {
  if (typeof checkpoint?.signature !== "string")
    throw new Error(`saveCheckpoint: expected the checkpoint of a TrainingStopped, got ${describe(checkpoint)}`);
  expectOption("saveCheckpoint", "path", pathCheck, path);
  await writeBytes(path, encodeCheckpoint(checkpoint));
}

/** Reads a checkpoint, for `train(problem, { resume })`. @throws if the file is not a checkpoint, or is damaged. */
export async function loadCheckpoint(path: string): Promise<Checkpoint> {
  expectOption("loadCheckpoint", "path", pathCheck, path);
  return decodeCheckpoint(await readBytes(path));
}
