/** Loads the compiled kernels: picks the build that the host can run, compiles it once, makes instances. */
import { instantiateSync } from "@assemblyscript/loader";
import { readPlace } from "../../host/folders.ts";
import { KERNELS_HINT, type KernelBuild, type KernelsFile, kernelsUrl } from "./kernels-url.ts";

/** What `assembly/index.ts` exports, beside one kernel an op. */
export interface Kernels {
  readonly memory: WebAssembly.Memory;
  readonly table: WebAssembly.Table;
  heapBase(): number;
  /** What kernels of an instance keep for themselves: where, how many bytes, and where a fault is told in it. */
  localAddress(): number;
  localBytes(): number;
  faultAddress(local: number): number;
  /** Of an instance that shares its memory: once, before it works. */
  setLocal(local: number): void;
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

/** What assembly/threads.ts adds: `lead` is `run` by all threads, the others being in `follow` until they are released. */
export interface SharedKernels extends Kernels {
  controlBytes(): number;
  lead(control: number, ...run: Parameters<Kernels["run"]>): number;
  follow(control: number, thread: number): void;
  release(control: number): void;
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

/** `auto`: relaxed where the host has it. */
export const chooseBuild = (build: KernelBuild | "auto"): KernelBuild =>
  build === "auto" ? (hostRunsRelaxed() ? "relaxed" : "plain") : build;

/** Compiles a file of the kernels, once for each place that it is read from. @throws when the host cannot run it or it is not there. */
export async function compileKernels(file: KernelsFile): Promise<WebAssembly.Module> {
  if (file.startsWith("relaxed") && !hostRunsRelaxed()) {
    throw new Error('kernels: this host has no relaxed SIMD; use the "plain" build');
  }
  const place = kernelsUrl(file);
  const known = compiled.get(String(place));
  if (known) return known;
  const module = compileAt(place);
  compiled.set(String(place), module);
  module.catch(() => compiled.delete(String(place))); // a failed download may be tried again
  return module;
}

/** A memory for threads to share. Hosts set its largest size aside, if not the memory itself: the largest that they give. */
export function shareMemory(): WebAssembly.Memory {
  for (let maximum = 65_536; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial: 16, maximum, shared: true });
    } catch (error) {
      if (maximum <= 1024) throw error;
    }
  }
}

export type AllKernels = SharedKernels & Record<string, CallableFunction>;
/**
 * A fresh instance with its own memory: it is freed, whole, when the executor that owns it is. Or one over a memory that it
 * shares with others of the same module: each lays down the same constants once more.
 */
export function instantiateKernels(module: WebAssembly.Module, memory?: WebAssembly.Memory): AllKernels {
  // The raw exports: the wrapped ones are no table entries.
  const kernels = instantiateSync(module, memory ? { env: { memory } } : {}).instance.exports;
  return kernels as unknown as AllKernels;
}

/**
 * Fills the function table with the kernels, exports by names like "dense_f32", and answers their indices. They come in the
 * order of the exports, so the table is the same in all instances of a module: threads need that.
 */
export function fillTable(kernels: Kernels): ReadonlyMap<string, number> {
  const found = Object.entries(kernels).filter(([name]) => /_f(32|64)$/.test(name));
  const first = kernels.table.grow(found.length);
  return new Map(
    found.map(([name, kernel], i) => {
      kernels.table.set(first + i, kernel);
      return [name, first + i];
    }),
  );
}
