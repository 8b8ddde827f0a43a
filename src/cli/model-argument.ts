/** MODEL on the command line: a model file, or the name of a shipped one, with its problem where that is needed. */
import type { InverseMap } from "../model/model.ts";
import type { Problem } from "../problem/problem.ts";
import { problems } from "../problems/table.ts";
import { shippedModels } from "../store/shipped.ts";
import { load } from "../store/store.ts";
import { type ComputeOptions, withFile } from "./command.ts";
import { findProblemArgument } from "./problem-argument.ts";

export const MODEL_HELP = `model file that train has written, or one that comes along: ${shippedModels.join(", ")}`;

const SURROGATE = /-surrogate$/;

export interface FoundModel {
  /** With its problem, where it was needed and is not a surrogate that no file holds. */
  readonly map: InverseMap;
  /** Whose posteriors are wanted: of the problem itself, also where the model is of a surrogate. Null where it was not needed. */
  readonly problem: Problem | null;
}

const read = (path: string, compute: ComputeOptions, problem?: Problem): Promise<InverseMap> =>
  load(path, { ...compute, problem }).catch((error) => {
    throw withFile(path, error);
  });

/**
 * A model with its problem: the one named by --problem, else the built-in one of the name in the file. `needed` says what
 * needs it, or undefined: then it is left out, and the time to check its fingerprint with it.
 * @throws when the model is damaged, when no problem is given and none has the name, or it is not the one trained on.
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
      `${why}: expected --problem FILE, the module of "${original}", which is no built-in problem: a model file does not hold its forward model`,
    );
  const problem = await findProblemArgument(named ?? original);
  return { map: await read(path, compute, problem), problem };
}
