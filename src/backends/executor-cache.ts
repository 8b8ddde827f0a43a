/** Executors are dear to make, and what one of them computes does not depend on who asked first: they are made once and kept. */
import type { Executor } from "./backend.ts";
import { type BackendOptions, backendKey } from "./select.ts";

/**
 * What `make` makes for a backend, at the first question for that backend; later ones are answered by the same. One that failed,
 * or whose device was lost, is made again.
 */
export function keptByBackend<T extends { readonly executor: Executor }>(
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

/** What `make` makes of a key and keeps as long as the key is there. */
export function keptBy<K extends object, T>(make: (key: K) => T): (key: K) => T {
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
