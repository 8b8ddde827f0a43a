/** Runs programs on WebAssembly. A program is laid out in linear memory; one call then runs any number of steps. */
import { bytesOf } from "../../graph/plan.ts";
import type { Program } from "../../graph/program.ts";
import type { Executor, ExecutorOptions, OptimiserState, Rows, RunOptions, StepOptions } from "../backend.ts";
import {
  bankOf,
  expectInputs,
  expectSlab,
  type Inputs,
  lossOf,
  newRows,
  optimiserOf,
  planOf,
  rowsOfBank,
  servingRows,
} from "../requests.ts";
import { Arena } from "./arena.ts";
import type { Loops } from "./encode-loop.ts";
import type { faultOf } from "./fault.ts";
import { chooseBuild, compileKernels, instantiateKernels, type SharedKernels } from "./kernels.ts";
import type { KernelBuild } from "./kernels-url.ts";
import type { WasmOptimiser } from "./optimiser.ts";
import { type Edge, type LoadedPlan, makeLayout, patch, trainingWords } from "./plan.ts";

/** The memory that threads share, and their number. */
export interface Sharing {
  readonly memory: WebAssembly.Memory;
  readonly threads: number;
}

/** What only some programs need, loaded for them. */
interface Parts {
  readonly loops?: Loops | undefined;
  readonly faultOf?: typeof faultOf | undefined;
  readonly Optimiser?: typeof WasmOptimiser | undefined;
}

class WasmExecutor implements Executor {
  readonly backend = "wasm";
  readonly device: string;
  /** Address where threads synchronise (0 for one thread), addresses of the local state of their kernels, and the code of loops. */
  readonly shared: {
    readonly control: number;
    readonly locals: readonly number[];
    readonly loops?: WebAssembly.Module;
  };
  private readonly kernels: SharedKernels;
  private readonly faultOf: Parts["faultOf"];
  private readonly program: Program;
  private readonly arena: Arena;
  private readonly slabs: { readonly weights: number; readonly frozen: number };
  private readonly optimiser: WasmOptimiser | undefined;
  private readonly layOut: ReturnType<typeof makeLayout>;
  private readonly loaded = new Map<string, LoadedPlan>();
  private readonly banks = new Map<string, { at: number; rows: number; bytes: number }>();

  constructor(
    module: WebAssembly.Module,
    build: KernelBuild,
    program: Program,
    { remark, optimiser }: WasmOptions,
    sharing: Sharing | undefined,
    { loops, faultOf, Optimiser }: Parts,
  ) {
    const { threads } = sharing ?? { threads: 1 };
    this.device = `wasm ${build}${threads > 1 ? `, ${threads} threads` : ""}${remark === undefined ? "" : ` (${remark})`}`;
    this.program = program;
    const kernels = instantiateKernels(module, sharing?.memory);
    const arena = new Arena(kernels.memory, kernels.heapBase());
    this.kernels = kernels;
    this.faultOf = faultOf;
    this.arena = arena;
    const others = Array.from({ length: threads - 1 }, () => arena.take(kernels.localBytes()));
    const control = threads > 1 ? arena.take(kernels.controlBytes()) : 0;
    this.shared = { control, locals: [kernels.localAddress(), ...others], loops: loops?.module };
    if (control > 0) arena.words(control + 256, 1)[0] = threads;
    const { bytes } = program.weights;
    this.slabs = { weights: arena.take(bytes), frozen: arena.take(program.frozen.bytes) };
    this.optimiser =
      optimiser && Optimiser && new Optimiser(arena, optimiser, this.slabs.weights, program.weights, kernels, threads);
    this.layOut = makeLayout({ program, kernels, arena, slabs: this.slabs, threads, loops });
  }

  /** A plan in memory; it is laid out at its first use. */
  private load(name: string): LoadedPlan {
    const known = this.loaded.get(name);
    if (known) return known;
    const loaded = this.layOut(planOf(this.program, name, this.backend));
    this.loaded.set(name, loaded);
    return loaded;
  }

  /** Runs a plan on all threads. */
  private execute(...run: Parameters<SharedKernels["run"]>): number {
    const { control } = this.shared;
    return control > 0 ? this.kernels.lead(control, ...run) : this.kernels.run(...run);
  }

  async readWeights(slab: "weights" | "frozen" = "weights"): Promise<Float32Array> {
    return this.arena.floats(this.slabs[slab], this.program[slab].bytes / 4).slice();
  }
  async writeWeights(values: Float32Array, slab: "weights" | "frozen" = "weights"): Promise<void> {
    expectSlab(slab, this.program[slab], values);
    this.arena.floats(this.slabs[slab], values.length).set(values);
  }
  async readGradient(plan: string): Promise<Float32Array> {
    const { sums } = this.load(plan);
    return this.arena.floats(sums, this.program.weights.bytes / 4).slice();
  }
  async writeBank(name: string, values: Float32Array): Promise<void> {
    const rows = rowsOfBank(this.program, name, values);
    let bank = this.banks.get(name);
    if (bank === undefined || bank.bytes < values.byteLength)
      bank = { at: this.arena.take(values.byteLength), rows: 0, bytes: values.byteLength };
    this.arena.floats(bank.at, values.length).set(values);
    this.banks.set(name, { ...bank, rows });
  }

  private pointBanks({ plan, banks }: LoadedPlan): void {
    for (const { name, words } of banks) {
      const { at, rows } = bankOf(this.banks, name, plan.name);
      patch(this.arena, words, [at, rows]);
    }
  }

  /** Copies the rows of a chunk in; a `repeat` input starts at the row that serves the first of them. */
  private feed(loaded: LoadedPlan, inputs: Inputs, repeat: number, start: number, count: number): void {
    for (const { name, repeat: repeats } of loaded.plan.inputs) {
      const { at, words, cols, dtype } = loaded.inputs.get(name) as Edge;
      const every = repeats ? repeat : 1;
      const rows = servingRows(inputs[name], cols, every, start, count);
      this.arena.rows(at, rows.length, dtype).set(rows);
      // The kernel divides the row of the whole run: this offset makes the first of these rows the start of the buffer.
      const skipped = every > 1 ? Math.floor(start / every) * cols * bytesOf(dtype) : 0;
      patch(this.arena, words, [at - skipped, every]);
    }
  }

  async run(name: string, options: RunOptions): Promise<Record<string, Rows>> {
    const parts = this.runParts(name, options);
    for (;;) {
      const { done, value } = parts.next();
      if (done) return value;
      await options.onRows?.(value);
    }
  }

  runNow(name: string, options: RunOptions): Record<string, Rows> {
    const parts = this.runParts(name, options);
    for (;;) {
      const { done, value } = parts.next();
      if (done) return value;
    }
  }

  /** Runs a plan chunk by chunk. Between two of them it yields the number of rows that are done. */
  private *runParts(name: string, options: RunOptions): Generator<number, Record<string, Rows>> {
    const loaded = this.load(name);
    const { rows, inputs = {}, repeat = 1, seed = 0, step = 0 } = options;
    this.pointBanks(loaded);
    expectInputs(loaded.plan, inputs, rows, repeat);
    const out: Record<string, Rows> = {};
    this.clearFault();
    for (const [key, e] of loaded.batchOutputs) out[key] = newRows(rows * e.rows * e.cols, e.dtype);
    const { chunk } = loaded;
    for (let start = 0; start < rows; start += chunk) {
      const count = Math.min(chunk, rows - start);
      this.feed(loaded, inputs, repeat, start, count);
      this.execute(loaded.at, count, start, rows, seed, step, 1);
      for (const [key, e] of loaded.batchOutputs) {
        // Tile t of row i stands in row t·count + i of the buffer, and in row t·rows + i of the answer.
        for (let t = 0; t < e.rows; t++) {
          out[key].set(
            this.arena.rows(e.at + t * count * e.cols * bytesOf(e.dtype), count * e.cols, e.dtype),
            (t * rows + start) * e.cols,
          );
        }
      }
      if (start + count < rows) yield start + count;
    }
    // Sums continue from part to part, so params are complete after the last one.
    for (const [key, e] of loaded.paramOutputs) out[key] = this.arena.rows(e.at, e.rows * e.cols, e.dtype).slice();
    return out;
  }

  async train(
    name: string,
    { rows, seed, firstStep, rates, loss, inputs = {} }: StepOptions,
  ): Promise<{ done: number; losses: Float64Array }> {
    const loaded = this.load(name);
    const { plan, chunk, at, sums, placeOf } = loaded;
    const optimiser = optimiserOf(this.optimiser);
    const lossAt = placeOf(lossOf(plan, loss));
    if (rows > chunk && plan.inputs.length > 0)
      throw new Error(`internal: plan "${name}" takes ${chunk} rows a step from inputs, got ${rows}`);
    this.pointBanks(loaded);
    expectInputs(plan, inputs, rows, 1);
    this.feed(loaded, inputs, 1, 0, rows);
    const { settings, losses } = optimiser.begin(sums, rates, firstStep);
    trainingWords(this.arena, loaded).set([settings, lossAt, losses]);
    this.clearFault();
    const done = this.execute(at, rows, 0, rows, seed, firstStep, rates.length);
    trainingWords(this.arena, loaded).fill(0);
    return { done, losses: optimiser.end(done, rates.length) };
  }

  async readOptimiser(): Promise<OptimiserState> {
    return optimiserOf(this.optimiser).read();
  }
  async writeOptimiser(state: OptimiserState): Promise<void> {
    optimiserOf(this.optimiser).write(state);
  }

  private clearFault(): void {
    for (const local of this.shared.locals) this.arena.words(this.kernels.faultAddress(local), 1)[0] = 0;
  }
  fault(): string | undefined {
    return this.faultOf?.(this.kernels, this.shared.locals);
  }

  dispose(): void {
    this.loaded.clear(); // the memory of the instance is freed with the last reference to it
    if (this.shared.control > 0) this.kernels.release(this.shared.control);
  }
}

export interface WasmOptions extends ExecutorOptions {
  /** `auto`: relaxed where the host has it. */
  readonly build?: KernelBuild | "auto";
  /** Why this backend stands in for another: shown with the device. */
  readonly remark?: string;
  /** What runs the bodies of loops: code that is generated for them (the default), or kernels alone, with the same bits. */
  readonly loops?: "generated" | "kernels";
}

/** An executor of compiled kernels; with threads, of a build over the memory that they share. */
export async function makeWasm(
  module: WebAssembly.Module,
  build: KernelBuild,
  program: Program,
  options: WasmOptions,
  sharing?: Sharing,
): Promise<WasmExecutor> {
  const records = Object.values(program.plans).flatMap((plan) => Object.values(plan.records).flat());
  const hasLoops = records.some(({ loop }) => loop);
  const hasSolves = hasLoops || records.some(({ op }) => op.startsWith("sparse"));
  const how = { build, shared: sharing !== undefined, generated: options.loops !== "kernels" };
  return new WasmExecutor(module, build, program, options, sharing, {
    loops: hasLoops ? await (await import("./encode-loop.ts")).makeLoops(program, how) : undefined,
    faultOf: hasSolves ? (await import("./fault.ts")).faultOf : undefined,
    Optimiser: options.optimiser && (await import("./optimiser.ts")).WasmOptimiser,
  });
}

/** An executor on WebAssembly SIMD. @throws when the host lacks SIMD or the kernels cannot be loaded. */
export async function createWasm(
  program: Program,
  { build = "auto", ...options }: WasmOptions = {},
): Promise<Executor> {
  const chosen = chooseBuild(build);
  return makeWasm(await compileKernels(chosen), chosen, program, options);
}
