/** Executors are expensive, so they are cached; their results do not depend on who asked first. */
import type { Executor } from "./backend.ts";
import { type BackendOptions, backendKey } from "./select.ts";

/** A cache of what `make` makes, by the backend options. An entry that failed, or whose device was lost, is made again. */
export function cachedByBackend<T extends { readonly executor: Executor }>(
  make: (options: BackendOptions) => Promise<T>,
): (options: BackendOptions) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (options) => {
    const key = backendKey(options);
    const before = known.get(key);
    if (before) return before;
    const made = make(options);
    known.set(key, made);
    const forget = (): void => void known.delete(key);
    made.then(({ executor: { lost } }) => lost?.then(forget), forget);
    return made;
  };
}

/** A cache of what `make` makes, by an object. An entry lives as long as its key. */
export function cachedBy<K extends object, T>(make: (key: K) => T): (key: K) => T {
  const known = new WeakMap<K, { readonly value: T }>();
  return (key) => {
    let entry = known.get(key);
    if (entry === undefined) {
      entry = { value: make(key) };
      known.set(key, entry);
    }
    return entry.value;
  };
}
