/** MODEL on the command line: a model file or the name of a shipped model, with its problem if that is needed. */
import type { InverseMap } from "../model/model.ts";
import type { Problem } from "../problem/problem.ts";
import { problems } from "../problems/table.ts";
import { shippedModels } from "../store/shipped.ts";
import { load } from "../store/store.ts";
import { type ComputeOptions, withFile } from "./command.ts";
import { findProblemArgument } from "./problem-argument.ts";

export const MODEL_HELP = `model file written by train, or a model that ships with the package: ${shippedModels.join(", ")}`;

const SURROGATE = /-surrogate$/;

export interface FoundModel {
  /** Attached to its problem, if that was needed and is not a surrogate, which no file contains. */
  readonly map: InverseMap;
  /** The problem whose posteriors are wanted: the original one, even for the model of a surrogate. Null if it was not needed. */
  readonly problem: Problem | null;
}

const read = (path: string, compute: ComputeOptions, problem?: Problem): Promise<InverseMap> =>
  load(path, { ...compute, problem }).catch((error) => {
    throw withFile(path, error);
  });

/**
 * A model with its problem: the one named by --problem, else the built-in one named in the file. `needed` returns what needs
 * the problem; if it returns undefined, the problem is not loaded, which saves the check of its fingerprint.
 * @throws if the model is damaged, if no problem is given and none has the name, or if the model was trained on another one.
 */
export async function findModelArgument(
  path: string,
  named: string | undefined,
  needed: (map: InverseMap) => string | undefined,
  compute: ComputeOptions = {},
): Promise<FoundModel> {
  const map = await read(path, compute);
  const why = needed(map);
  if (why === undefined && named === undefined) return { map, problem: null };
  const { problem: name } = map.spec;
  const original = name.replace(SURROGATE, "");
  if (named === undefined && !Object.hasOwn(problems, original))
    throw new Error(
      `${why}: expected --problem FILE, the module of "${original}", which is not a built-in problem; a model file does not contain the forward model`,
    );
  const problem = await findProblemArgument(named ?? original);
  return { map: await read(path, compute, problem), problem };
}
