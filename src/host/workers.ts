/** What a host has for work beside the calling thread, and why not where it has none: an answer in words, not an error. */
import { describe } from "../checks/arguments.ts";

/** The most threads that can share a step: shards of a batch sum in so many groups. */
export const MAX_THREADS = 8;

export interface HostOptions {
  /** Compute in a Web Worker (Node: a worker thread), so that the calling thread stays free; default false. */
  readonly worker?: boolean;
  /**
   * Workers that share each batch: 1 to 8, or "auto", as many as there are processors; default 1. Any number gives the same
   * bits. From 2 on all of them are workers. Pages must be cross-origin isolated.
   */
  readonly threads?: number | "auto";
}

export interface HostChoice {
  readonly worker: boolean;
  readonly threads: number;
  /** Why it is less than what was asked for. */
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

/** What of the options is to be had here, if workers start. @throws on values that make no sense. */
export function chooseHost({ worker = false, threads = 1 }: HostOptions): HostChoice {
  if (typeof worker !== "boolean") throw new Error(`worker: expected true or false, got ${describe(worker)}`);
  const isCount = Number.isInteger(threads) && (threads as number) >= 1 && (threads as number) <= MAX_THREADS;
  if (threads !== "auto" && !isCount)
    throw new Error(
      `threads: expected a whole number from 1 to ${MAX_THREADS}, or "auto", got ${typeof threads === "number" ? threads : describe(threads)}`,
    );
  const wanted = threads === "auto" ? Math.max(1, Math.min(MAX_THREADS, processors())) : threads;
  const noWorker = whyNoWorker();
  const works = worker && noWorker === undefined;
  const noThreads = wanted > 1 ? whyNoThreads() : undefined;
  if (noThreads !== undefined) return { worker: works, threads: 1, notice: fewer(wanted, noThreads) };
  if (worker && noWorker !== undefined) return { worker: false, threads: 1, notice: fewer(1, noWorker) };
  return { worker: works || wanted > 1, threads: wanted };
}

const fewer = (wanted: number, reason: string): string =>
  wanted > 1
    ? `threads: ${wanted} were asked for, 1 computes, for ${reason}`
    : `worker: the calling thread computes, for ${reason}`;

/** What of the options is to be had here: a worker is started to see whether one can be, and kept for whoever needs it. */
export async function findHost(options: HostOptions): Promise<HostChoice> {
  const host = chooseHost(options);
  if (!host.worker) return host;
  const { tryWorker } = await import("../backends/worker/pool.ts"); // a page that asks for no worker loads nothing of it
  const reason = await tryWorker();
  return reason === undefined ? host : { worker: false, threads: 1, notice: fewer(host.threads, reason) };
}
