/** Checks of problems, which public functions share. */
import { describe } from "../checks/arguments.ts";
import { isProblem, type Problem, problemCheck } from "./problem.ts";

/** @throws unless the value is a problem, as `defineProblem` returns it. */
export function expectProblem(owner: string, value: unknown): asserts value is Problem {
  if (!isProblem(value)) throw new Error(`${owner}: expected ${problemCheck.expected}, got ${describe(value)}`);
}

/** The problem that a map was trained on: its name, and its numbers of parameters and data. */
export interface Wanted {
  readonly problem: string;
  readonly D: number;
  readonly M: number;
}

/** The problem that the caller passes, or else the known one. @throws where there is none, and where its sizes differ. */
export function expectKnown(
  owner: "correct" | "evaluate",
  { problem: name, D, M }: Wanted,
  known: Problem | null,
  passed: Problem | undefined,
): Problem {
  if (passed !== undefined) expectProblem(owner, passed);
  const problem = passed ?? known;
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
