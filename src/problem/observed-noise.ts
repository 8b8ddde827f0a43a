/** The noise of an observation as an option: known for each observation, and given with it. */
import { check } from "../checks/options.ts";

/** The noise of an observation: `scale` is a factor of the noise of the problem, one for all data or one for each (M). */
export interface ObservedNoise {
  readonly scale: number | ArrayLike<number>;
}

/** The noise of one observation, or of each of many, among options. */
export const observedNoise = check<ObservedNoise | readonly ObservedNoise[]>(
  "{ scale }, or a list of them, one for each observation",
  (x) =>
    typeof x === "object" &&
    x !== null &&
    [x].flat().every((one) => typeof one === "object" && one !== null && "scale" in one),
);
