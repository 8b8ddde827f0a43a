/** Pictures by name of the problem; most problems have none. */
import type { Evaluation } from "../../evaluate/evaluation.ts";
import { arm } from "./arm.ts";
import { building } from "./building.ts";
import { eit } from "./eit.ts";
import { lotkaVolterra } from "./lotka-volterra.ts";
import { oscillator } from "./oscillator.ts";
import type { Picture } from "./picture.ts";
import { rod } from "./rod.ts";
import { sir } from "./sir.ts";

export const pictures: Readonly<Record<string, Picture>> = {
  arm,
  rod,
  eit,
  oscillator,
  sir,
  "lotka-volterra": lotkaVolterra,
  building,
};

/** The picture of a problem, or of the one that a surrogate approximates; undefined if there is none. */
export function pictureOf({ problem, model }: Pick<Evaluation, "problem" | "model">): Picture | undefined {
  const name = problem.replace(/-surrogate$/, "");
  const picture = Object.hasOwn(pictures, name) ? pictures[name] : undefined;
  return picture?.fits(model) ? picture : undefined;
}
