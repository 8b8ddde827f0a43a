/** Pairs (θ, y) from two files: NumPy (N, D) and (N, M), or CSV or JSON, a row each. */

import { readBytes } from "../host/files.ts";
import type { Pairs } from "../simulate/pairs.ts";
import { decodeNpy, isNpy } from "./npy.ts";
import { parseObservations } from "./observations.ts";

/** A file as a table: rows, or all numbers row by row where the file keeps them so. */
function parseTable(bytes: Uint8Array, path: string): Pairs["theta"] {
  if (!isNpy(bytes)) return parseObservations(bytes, path);
  let array: ReturnType<typeof decodeNpy>;
  try {
    array = decodeNpy(bytes);
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
  const { shape, data } = array;
  if (shape.length > 2) throw new Error(`${path}: expected shape (N, columns), got (${shape.join(", ")})`);
  const width = shape[1] ?? 1; // one axis is one column: a number a row
  return Array.from({ length: shape[0] }, (_, row) => data.subarray(row * width, (row + 1) * width));
}

/**
 * Reads pairs that were simulated elsewhere, for `train(problem, { bank })`: row i of one file belongs to row i of the other.
 * @param noise whether the data are noise-free ("add", the default) or hold their noise ("included").
 * @throws an Error that names the file, and the row of what is no finite number.
 */
export async function loadPairs(theta: string, y: string, noise: Pairs["noise"] = "add"): Promise<Pairs> {
  for (const path of [theta, y]) {
    if (typeof path !== "string") throw new Error(`loadPairs: expected the paths of two files, got ${typeof path}`);
  }
  const [parameters, data] = [parseTable(await readBytes(theta), theta), parseTable(await readBytes(y), y)];
  return { theta: parameters, y: data, noise, names: { theta, y } };
}
