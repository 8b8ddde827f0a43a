/** Loads the compiled kernels: chooses the build that the host can run, compiles it once, and makes instances. */
import { readPlace } from "../../host/folders.ts";
import { KERNELS_HINT, type KernelBuild, type KernelsFile, kernelsUrl } from "./kernels-url.ts";

/** The exports of `assembly/index.ts`, beside one kernel an op. */
export interface Kernels {
  readonly memory: WebAssembly.Memory;
  readonly table: WebAssembly.Table;
  /** Blocks of 8 rows in the current shard. */
  readonly shardBlocks: WebAssembly.Global;
  heapBase(): number;
  /** The local state of the kernels of an instance: its address, its bytes, and where in it a fault is noted. */
  localAddress(): number;
  localBytes(): number;
  faultAddress(local: number): number;
  /** Sets the address of the local state, once, in an instance that shares its memory. */
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
  /** Scratch bytes of SOAP's update of a matrix of weights. */
  soapScratch(rows: number, cols: number): number;
  denseWeightGradScratch(blocks: number, ins: number, outs: number): number;
}

/** The exports of assembly/threads.ts: `lead` is `run` on all threads, while the other threads are in `follow`, until they are released. */
export interface SharedKernels extends Kernels {
  controlBytes(): number;
  lead(control: number, ...run: Parameters<Kernels["run"]>): number;
  follow(control: number, thread: number): void;
  release(control: number): void;
}

/** A module with one relaxed multiply-add, which hosts without relaxed SIMD refuse. */
const RELAXED_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 16, 1, 14, 1, 1, 123, 32, 0, 32, 0, 32, 0, 253, 133,
  2, 26, 11,
]);

export const hostRunsRelaxed = (): boolean => WebAssembly.validate(RELAXED_PROBE);

const compiled = new Map<string, Promise<WebAssembly.Module>>();

/** How engines say that a Content-Security-Policy forbids to compile. */
const REFUSED = /content.security.policy|unsafe-eval|\bCSP\b/i;

async function compileAt(place: string | URL): Promise<WebAssembly.Module> {
  let bytes: Uint8Array;
  try {
    bytes = await readPlace("kernels", "WebAssembly", place);
    // "\0asm": for a missing file a server may answer with a page.
    if (bytes[0] !== 0 || bytes[1] !== 0x61 || bytes[2] !== 0x73 || bytes[3] !== 0x6d)
      throw new Error(`kernels: expected WebAssembly at ${place}, got something else`);
  } catch (cause) {
    throw new Error(`${(cause as Error).message}; ${KERNELS_HINT}`, { cause });
  }
  try {
    return await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    if (REFUSED.test((cause as Error).message))
      throw new Error(
        "kernels: expected to compile WebAssembly, got a refusal by the page's Content-Security-Policy; add 'wasm-unsafe-eval' to its script-src",
        { cause },
      );
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

/** Takes a file of the kernels from its bytes, for a page that holds them: it is then not read from its place. */
export async function preloadKernels(file: KernelsFile, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  compiled.set(String(kernelsUrl(file)), Promise.resolve(await WebAssembly.compile(bytes)));
}

/** A memory for threads to share, of the largest size that the host grants: hosts reserve the addresses of all of it at once. */
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
 * A fresh instance with its own memory, which is freed together with the executor that owns it. Or an instance over a memory that
 * it shares with others of the same module: each of them writes the same constants again.
 */
export function instantiateKernels(module: WebAssembly.Module, memory?: WebAssembly.Memory): AllKernels {
  const imports: WebAssembly.Imports = memory ? { env: { memory } } : {};
  return new WebAssembly.Instance(module, imports).exports as unknown as AllKernels;
}

/**
 * Fills the function table with the kernels, which are exports with names like "dense_f32", and returns their indices. They are in
 * the order of the exports, so that the table is the same in all instances of a module, as threads need it. The functions of `loops`,
 * the code that is generated for a program, come after them.
 */
export function fillTable(kernels: Kernels, loops?: WebAssembly.Module): ReadonlyMap<string, number> {
  const made = loops && new WebAssembly.Instance(loops, { kernels: kernels as unknown as WebAssembly.ModuleImports });
  const own = Object.entries(kernels).filter(([name]) => /_f(32|64)$/.test(name));
  const found = [...own, ...Object.entries((made?.exports ?? {}) as Record<string, CallableFunction>)];
  const first = kernels.table.grow(found.length);
  return new Map(
    found.map(([name, kernel], i) => {
      kernels.table.set(first + i, kernel);
      return [name, first + i];
    }),
  );
}
