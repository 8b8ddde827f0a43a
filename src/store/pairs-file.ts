/** Pairs (θ, y) from two files: NumPy (N, D) and (N, M), or CSV or JSON with one row per pair. */

import { readBytes } from "../host/files.ts";
import type { Pairs } from "../simulate/pairs.ts";
import { parseTable } from "./observations.ts";

/**
 * Reads pairs that were simulated elsewhere, for `train(problem, { bank })`: row i of one file belongs to row i of the other. A list of
 * numbers is one column.
 * @param noise whether the data are noise-free ("add", the default) or contain their noise ("included").
 * @throws an Error with the file, and the row and column of an entry that is not a finite number.
 */
export async function loadPairs(theta: string, y: string, noise: Pairs["noise"] = "add"): Promise<Pairs> {
  for (const path of [theta, y]) {
    if (typeof path !== "string") throw new Error(`loadPairs: expected the paths of two files, got ${typeof path}`);
  }
  const read = async (path: string) => parseTable(await readBytes(path), path, { flat: "column" });
  const [parameters, data] = [await read(theta), await read(y)];
  const warnings = [parameters, data].flatMap((table, i) => table.warnings.map((text) => `${[theta, y][i]}: ${text}`));
  return {
    ...{ theta: parameters.rows, y: data.rows, noise, names: { theta, y } },
    ...{ columns: { theta: parameters.names, y: data.names }, warnings },
  };
}
