/** Checks of inverse maps that public functions share. */
import { describe } from "../checks/arguments.ts";

/** Refuses what `train` or `load` did not return, such as the promise of it. */
export function expectMap(owner: string, given: unknown): void {
  const { spec, tensors, engine } = (given ?? {}) as Record<string, unknown>;
  if (typeof spec === "object" && typeof tensors === "object" && typeof engine === "function") return;
  const got = given instanceof Promise ? "a promise (is an await missing?)" : describe(given);
  throw new Error(`${owner}: expected an inverse map, as train() or load() returns it, got ${got}`);
}
