/** MODEL on the command line: a model file, with its problem where that is needed. */
import type { InverseMap } from "../model.ts";
import type { Problem } from "../problem.ts";
import { problems } from "../problems/index.ts";
import { load } from "../store.ts";
import { withFile } from "./command.ts";
import { findProblemArgument } from "./problem-argument.ts";

/** A model file as it is. */
const read = (path: string, problem?: Problem): Promise<InverseMap> =>
  load(path, { problem }).catch((error) => {
    throw withFile(path, error);
  });

/**
 * A model with its problem: the one named by --problem, else the built-in one of the name in the file. Where `needed` says
 * that it is not, the problem is left out, and the time to check its fingerprint with it.
 * @throws when the model is damaged, or the problem is not the one that it was trained on.
 */
export async function findModelArgument(
  path: string,
  named: string | undefined,
  needed: (map: InverseMap) => boolean,
): Promise<InverseMap> {
  if (named !== undefined) return read(path, await findProblemArgument(named));
  const map = await read(path);
  const { problem } = map.spec;
  return needed(map) && Object.hasOwn(problems, problem) ? read(path, problems[problem]) : map;
}
