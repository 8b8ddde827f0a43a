/** Checks that public functions share. What they throw says what was expected and what came. */

import { isProblem, type Problem } from "../problem/problem.ts";
import { describe } from "./arguments.ts";

/** Numbers of the largest array that is made: 2 GiB of f32. */
const MOST_NUMBERS = 0x1fffffff;

/** Refuses what is no object of options, and misspelt options. */
export function expectOptions(owner: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw new Error(`${owner}: expected options { ${known.join(", ")} }, got ${describe(options)}`);
  const odd = Object.keys(options).find((key) => !known.includes(key));
  if (odd !== undefined) throw new Error(`${owner}: expected options ${known.join(", ")}; got "${odd}"`);
}

/** Refuses a count of rows of `width` numbers that no array could hold. */
export function expectCount(owner: string, what: string, count: unknown, least: number, width: number): void {
  if (!Number.isInteger(count) || (count as number) < least)
    throw new Error(`${owner}: expected ${what} of at least ${least}, got ${describe(count)}`);
  const most = Math.floor(MOST_NUMBERS / width);
  if ((count as number) > most) throw new Error(`${owner}: expected ${what} of at most ${most}, got ${count}`);
}

export function expectSeed(owner: string, seed: unknown): void {
  if (!Number.isSafeInteger(seed)) throw new Error(`${owner}: expected a whole number as seed, got ${describe(seed)}`);
}

export function expectProblem(owner: string, given: unknown): asserts given is Problem {
  if (!isProblem(given))
    throw new Error(`${owner}: expected a problem, as defineProblem() returns it, got ${describe(given)}`);
}

/** Refuses what `train` or `load` did not return, such as the promise of it. */
export function expectMap(owner: string, given: unknown): void {
  const { spec, tensors, engine } = (given ?? {}) as Record<string, unknown>;
  if (typeof spec === "object" && typeof tensors === "object" && typeof engine === "function") return;
  const got = given instanceof Promise ? "a promise (is an await missing?)" : describe(given);
  throw new Error(`${owner}: expected an inverse map, as train() or load() returns it, got ${got}`);
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
