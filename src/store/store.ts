/** Saving and loading: inverse maps and checkpoints as files; inverse maps also from URLs and bytes. */
import { type BackendOptions, backendNames, checkBackend } from "../backends/select.ts";
import { describe } from "../checks/arguments.ts";
import { expectOption, expectOptions } from "../checks/options.ts";
import { fileExists, readBytes, writeBytes } from "../host/files.ts";
import { folder, readPlace } from "../host/folders.ts";
import { inParts } from "../host/yielding.ts";
import { expectMap } from "../model/expect.ts";
import { type InverseMap, makeInverseMap } from "../model/model.ts";
import { expectProblem } from "../problem/expect.ts";
import type { Problem } from "../problem/problem.ts";
import type { Checkpoint } from "../train/checkpoint.ts";
import { VERSION } from "../version.ts";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint-file.ts";
import { type Precision, precisions } from "./half.ts";
import { decodeModel, encodeModel } from "./model-file.ts";
import { isModelName, shippedModel, shippedModels } from "./shipped.ts";

/** Options of `save` and `toBytes`. */
export interface SaveOptions {
  /**
   * Of the trained weights in the file: "f32", the default, keeps every bit; "f16" rounds them (to nearest, ties to even) for
   * half of the bytes. Scalers, and tensors that half precision would not hold to 2^-11 of their largest entry, stay as they are.
   */
  readonly precision?: Precision;
}

/** The bytes of a map's model file (safetensors), for hosts without files. @throws on options that make no sense. */
export function toBytes(map: InverseMap, options: SaveOptions = {}): Uint8Array<ArrayBuffer> {
  expectMap("save", map);
  expectOptions("save", options, ["precision"]);
  const { precision = "f32" } = options;
  if (!precisions.includes(precision))
    throw new Error(`save: expected precision ${precisions.join(" or ")}, got ${describe(precision)}`);
  return encodeModel(map, VERSION, precision === "f16" ? map.trained : []);
}

/** Writes an inverse map to a file, whole or not at all. @throws where there is no file system, or it cannot be written. */
export async function save(map: InverseMap, path: string, options: SaveOptions = {}): Promise<void> {
  const bytes = toBytes(map, options);
  await decodeModel(bytes); // nothing is written that could not be read
  await writeBytes(path, bytes);
}

/** Options of `load`. */
export interface LoadOptions extends BackendOptions {
  /** The problem that the model was trained on: needed to correct posteriors; one that differs is refused by name. */
  readonly problem?: Problem;
  /** Folder of the shipped models, a URL or a path, for this call; `setFolders` says it for all of them. */
  readonly models?: string | URL;
}

/**
 * Reads an inverse map from a path (Node, Deno), a URL, or bytes, or one of the models that the package ships by its name:
 * `load("arm")`. A text without slash, dot and colon is taken for such a name first: a file of its own that is called "arm" is
 * read by "./arm".
 * @throws when it is no model file, is damaged, no shipped model has the name, or `problem` is not the one that it was trained on.
 */
export async function load(source: Source, options: LoadOptions = {}): Promise<InverseMap> {
  expectOptions("load", options, ["problem", "models", ...backendNames]);
  const { problem, models, ...backend } = options;
  if (problem !== undefined) expectProblem("load", problem);
  if (models !== undefined) expectOption("load", "models", folder, models);
  checkBackend(backend);
  const place = await placeOf(source, models);
  const { spec, tensors } = await bytesOf(place)
    .then((bytes) => decodeModel(bytes))
    .catch((cause: Error) => {
      if (place === source) throw cause;
      // A server may answer with a page what is not there: the message then says nothing of the place.
      const { message } = cause;
      const found = message.includes(`${source}.safetensors`) ? message : `${message} (at ${place})`;
      const hint = "copy the folder models of the package there, or say where it is: setFolders({ models })";
      throw new Error(`${found}; ${hint}`, { cause });
    });
  const map = await inParts(makeInverseMap(spec, tensors, problem ?? null, backend));
  if (problem) await (await import("../model/fingerprint.ts")).checkFingerprint(spec, problem, backend);
  return map;
}

type Source = string | URL | Uint8Array | ArrayBuffer;

/** What is to be read: for the name of a shipped model, its file. */
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

/** Writes the checkpoint of an interrupted training to a file, whole or not at all. */
export async function saveCheckpoint(checkpoint: Checkpoint, path: string): Promise<void> {
  if (typeof checkpoint?.signature !== "string")
    throw new Error(`saveCheckpoint: expected the checkpoint of a TrainingStopped, got ${describe(checkpoint)}`);
  await writeBytes(path, encodeCheckpoint(checkpoint));
}

/** Reads a checkpoint, for `train(problem, { resume })`. @throws when the file is none, or is damaged. */
export async function loadCheckpoint(path: string): Promise<Checkpoint> {
  return decodeCheckpoint(await readBytes(path));
}
