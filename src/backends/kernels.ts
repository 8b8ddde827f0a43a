/** Loads the compiled kernels: picks the build that the host can run, compiles it once, makes instances. */
import { instantiateSync } from "@assemblyscript/loader";
import { readPlace } from "../folders.ts";
import { KERNELS_HINT, type KernelsBuild as KernelBuild, kernelsUrl } from "./kernels-url.ts";

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

const compiled = new Map<string, Promise<WebAssembly.Module>>();

async function compileAt(place: string | URL): Promise<WebAssembly.Module> {
  try {
    const bytes = await readPlace("kernels", "WebAssembly", place);
    // "\0asm": a server may answer with a page what is not there.
    if (bytes[0] !== 0 || bytes[1] !== 0x61 || bytes[2] !== 0x73 || bytes[3] !== 0x6d)
      throw new Error(`kernels: expected WebAssembly at ${place}, got something else`);
    return await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    throw new Error(`${(cause as Error).message}; ${KERNELS_HINT}`, { cause });
  }
}

/** Compiles a build, once for each place that it is read from. @throws when the host cannot run it or the file is not there. */
export async function compileKernels(build: KernelBuild): Promise<WebAssembly.Module> {
  if (build === "relaxed" && !hostRunsRelaxed()) {
    throw new Error('kernels: this host has no relaxed SIMD; use the "plain" build');
  }
  const place = kernelsUrl(build);
  const known = compiled.get(String(place));
  if (known) return known;
  const module = compileAt(place);
  compiled.set(String(place), module);
  module.catch(() => compiled.delete(String(place))); // a failed download may be tried again
  return module;
}

/** A fresh instance with its own memory: it is freed, whole, when the executor that owns it is. */
export function instantiateKernels(module: WebAssembly.Module): Kernels & Record<string, CallableFunction> {
  // The raw exports: the wrapped ones are no table entries.
  return instantiateSync(module, {}).instance.exports as unknown as Kernels & Record<string, CallableFunction>;
}
