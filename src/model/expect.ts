/** Checks of inverse maps that public functions share. */
import { describe } from "../checks/arguments.ts";

/** @throws unless `value` is an inverse map, as `train` and `load` return it; a promise of one is named as such. */
export function expectMap(owner: string, value: unknown): void {
  const { spec, tensors, executor } = (value ?? {}) as Record<string, unknown>;
  if (typeof spec === "object" && typeof tensors === "object" && typeof executor === "function") return;
  const got = value instanceof Promise ? "a promise (is an await missing?)" : describe(value);
  throw new Error(`${owner}: expected an inverse map, as train() or load() returns it, got ${got}`);
}
