/** Loads the compiled kernels: picks the build that the host can run, compiles it once, makes instances. */
import { instantiateSync } from "@assemblyscript/loader";
import { type KernelsBuild as KernelBuild, kernelsUrl } from "./kernels-url.ts";

export type { KernelBuild };

/** What `assembly/index.ts` exports, beside one kernel an op. */
export interface Kernels {
  readonly memory: WebAssembly.Memory;
  readonly table: WebAssembly.Table;
  heapBase(): number;
  faultAddress(): number;
  run(
    plan: number,
    rows: number,
    runStart: number,
    runRows: number,
    seed: number,
    firstStep: number,
    steps: number,
  ): number;
  denseWeightGradScratch(blocks: number, ins: number, outs: number): number;
}

/** A function of one relaxed multiply-add: hosts without relaxed SIMD refuse it. */
const RELAXED_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 16, 1, 14, 1, 1, 123, 32, 0, 32, 0, 32, 0, 253, 133,
  2, 26, 11,
]);

export const hostRunsRelaxed = (): boolean => WebAssembly.validate(RELAXED_PROBE);

async function bytesOf(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  // Node's fetch has no file: scheme; getBuiltinModule keeps bundlers from pulling in "node:fs".
  const node = (globalThis as { process?: { getBuiltinModule?: (id: string) => typeof import("node:fs") } }).process;
  if (url.protocol === "file:" && node?.getBuiltinModule) {
    return new Uint8Array(await node.getBuiltinModule("node:fs").promises.readFile(url));
  }
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`kernels: expected WebAssembly at ${url}, got HTTP ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

const compiled = new Map<KernelBuild, Promise<WebAssembly.Module>>();

/** Compiles a build, once. @throws when the host cannot run it or the file is not there. */
export function compileKernels(build: KernelBuild): Promise<WebAssembly.Module> {
  const known = compiled.get(build);
  if (known) return known;
  if (build === "relaxed" && !hostRunsRelaxed()) {
    throw new Error('kernels: this host has no relaxed SIMD; use the "plain" build');
  }
  const module = bytesOf(kernelsUrl(build)).then((bytes) => WebAssembly.compile(bytes));
  compiled.set(build, module);
  module.catch(() => compiled.delete(build)); // a failed download may be tried again
  return module;
}

/** A fresh instance with its own memory: it is freed, whole, when the executor that owns it is. */
export function instantiateKernels(module: WebAssembly.Module): Kernels & Record<string, CallableFunction> {
  // The raw exports: the wrapped ones are no table entries.
  return instantiateSync(module, {}).instance.exports as unknown as Kernels & Record<string, CallableFunction>;
}
