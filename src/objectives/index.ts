/** The objectives by name. */
import type { Problem } from "../problem/problem.ts";
import { elbo } from "./elbo.ts";
import { npe } from "./npe.ts";
import type { Objective } from "./objective.ts";

const objectives = { npe, elbo } as const;
export type ObjectiveName = keyof typeof objectives;
export const objectiveNames = Object.keys(objectives) as ObjectiveName[];

/** @throws on an unknown name, or when the objective cannot train on the problem, with the reason. */
export function objectiveFor(name: string, problem: Problem): Objective {
  if (!Object.hasOwn(objectives, name))
    throw new Error(`objective: expected ${objectiveNames.join(" or ")}, got "${name}"`);
  const objective: Objective = objectives[name as ObjectiveName];
  const reason = objective.refuses?.(problem);
  if (reason !== undefined) throw new Error(`objective "${name}": ${reason}`);
  return objective;
}
