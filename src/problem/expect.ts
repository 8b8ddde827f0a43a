/** Checks of problems that public functions share. */
import { describe } from "../checks/arguments.ts";
import { isProblem, type Problem } from "./problem.ts";

export function expectProblem(owner: string, given: unknown): asserts given is Problem {
  if (!isProblem(given))
    throw new Error(`${owner}: expected a problem, as defineProblem() returns it, got ${describe(given)}`);
}

export interface Wanted {
  /** Name and numbers of parameters and data of the problem that a map was trained on. */
  readonly problem: string;
  readonly D: number;
  readonly M: number;
}

/** The problem that was given, or else the one that is known. @throws when there is none, or it is of other numbers. */
export function expectKnown(
  owner: "correct" | "evaluate",
  { problem: name, D, M }: Wanted,
  known: Problem | null,
  given: Problem | undefined,
): Problem {
  if (given !== undefined) expectProblem(owner, given);
  const problem = given ?? known;
  if (problem === null)
    throw new Error(
      `${owner}: expected the problem that "${name}" was trained on, which a model file does not hold; use load(file, { problem }), or ${owner} with { problem }`,
    );
  if (problem.D !== D || problem.M !== M)
    throw new Error(
      `${owner}: expected a problem of ${D} parameters and ${M} data, got "${problem.name}" of ${problem.D} and ${problem.M}`,
    );
  return problem;
}
