/** Which workers and threads this host has, and why it has none: an answer in words, not an error. */
import type { Check } from "../checks/options.ts";

/** The most threads that can share a step: shards of a batch sum in so many groups. */
export const MAX_THREADS = 8;

/** Counts of threads that can be asked for. */
export const threadCount: Check<number | "auto"> = {
  expected: `a whole number from 1 to ${MAX_THREADS}, or "auto"`,
  whole: true,
  test: (x) => x === "auto" || (Number.isInteger(x) && (x as number) >= 1 && (x as number) <= MAX_THREADS),
};

/** What a caller asks for: work in a worker, and how many threads share it. */
export interface HostOptions {
  readonly worker?: boolean;
  readonly threads?: number | "auto";
}

export interface HostChoice {
  readonly worker: boolean;
  readonly threads: number;
  /** Why this is less than what was asked for. */
  readonly notice?: string;
}

interface Scope {
  readonly navigator?: { readonly hardwareConcurrency?: number };
  readonly crossOriginIsolated?: boolean;
  readonly process?: { readonly getBuiltinModule?: (id: string) => unknown };
  readonly Worker?: unknown;
  readonly SharedArrayBuffer?: unknown;
}
const scope = globalThis as unknown as Scope;

/** A module of Node's own, where there is one; getBuiltinModule keeps bundlers from pulling it in. */
export const builtin = <T>(id: string): T | undefined => scope.process?.getBuiltinModule?.(id) as T | undefined;

/** Node's worker threads, in Node and in Deno, whose own workers would keep a program from ending. */
export const workerThreads = (): typeof import("node:worker_threads") | undefined => builtin("node:worker_threads");

function whyNoWorker(): string | undefined {
  const has = workerThreads() !== undefined || typeof scope.Worker === "function";
  return has ? undefined : "this host has no workers";
}

function whyNoThreads(): string | undefined {
  const none = whyNoWorker();
  if (none !== undefined || typeof scope.SharedArrayBuffer === "function") return none;
  return scope.crossOriginIsolated === false
    ? "this page is not cross-origin isolated; serve it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp"
    : "this host has no SharedArrayBuffer";
}

function processors(): number {
  const node = builtin<typeof import("node:os")>("node:os");
  return scope.navigator?.hardwareConcurrency ?? node?.availableParallelism() ?? 1;
}

/** The part of the options that this host can give, provided that workers start. */
export function chooseHost({ worker = false, threads = 1 }: HostOptions): HostChoice {
  const wanted = threads === "auto" ? Math.max(1, Math.min(MAX_THREADS, processors())) : threads;
  const noWorker = whyNoWorker();
  const works = worker && noWorker === undefined;
  const noThreads = wanted > 1 ? whyNoThreads() : undefined;
  if (noThreads !== undefined) return { worker: works, threads: 1, notice: fewer(wanted, noThreads) };
  if (worker && noWorker !== undefined) return { worker: false, threads: 1, notice: fewer(1, noWorker) };
  return { worker: works || wanted > 1, threads: wanted };
}

/** Says that one thread computes where more were asked for, and why. */
export const fewer = (wanted: number, reason: string): string =>
  wanted > 1
    ? `threads: 1 thread computes instead of ${wanted}, because ${reason}`
    : `worker: the calling thread computes, because ${reason}`;
