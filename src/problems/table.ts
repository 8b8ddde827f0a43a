/** The built-in problems, by name. */
import { describe } from "../checks/arguments.ts";
import type { Problem } from "../problem/problem.ts";
import { arm } from "./arm.ts";
import { banana } from "./banana.ts";
import { building } from "./building.ts";
import { darcy } from "./darcy.ts";
import { eit } from "./eit.ts";
import { linearGaussian } from "./linear-gaussian.ts";
import { lotkaVolterra } from "./lotka-volterra.ts";
import { oscillator } from "./oscillator.ts";
import { rod } from "./rod.ts";
import { sir } from "./sir.ts";
import { twoMoons } from "./two-moons.ts";

/** The built-in problems by name. */
export const problems: Readonly<Record<string, Problem>> = /* @__PURE__ */ Object.freeze(
  Object.fromEntries(
    [linearGaussian, banana, twoMoons, arm, rod, eit, darcy, oscillator, sir, lotkaVolterra, building].map(
      (problem) => [problem.name, problem],
    ),
  ),
);

/** The built-in problem of this name. @throws with the known names. */
export function findProblem(name: string): Problem {
  if (typeof name === "string" && Object.hasOwn(problems, name)) return problems[name];
  throw new Error(`problem: expected one of ${Object.keys(problems).join(", ")}, got ${describe(name)}`);
}
