/** Runs programs on WebAssembly: lays a program out in linear memory, then one call runs any number of steps. */
import { bytesOf, type Value } from "../graph/plan.ts";
import type { Program } from "../graph/program.ts";
import type { DType } from "../graph/tensor.ts";
import { type Arena, makeArena } from "./arena.ts";
import type {
  Executor,
  ExecutorOptions,
  OptimiserOptions,
  OptimiserState,
  Rows,
  RunOptions,
  TrainOptions,
} from "./backend.ts";
import {
  chooseBuild,
  compileKernels,
  fillTable,
  instantiateKernels,
  type KernelBuild,
  type SharedKernels,
} from "./kernels.ts";
import { encodePlan, type Patch, scratchOf } from "./wasm-encode.ts";
import { faultOf } from "./wasm-fault.ts";
import { chunkRows, type Edge, type LoadedPlan, MAX_GROUPS } from "./wasm-plan.ts";

/** The memory that threads share, and how many they are. */
export interface Sharing {
  readonly memory: WebAssembly.Memory;
  readonly threads: number;
}

class WasmExecutor implements Executor {
  readonly backend = "wasm";
  readonly device: string;
  /** Where threads speak to each other (0: there is one), and what the kernels of each keep for themselves. */
  readonly shared: { readonly control: number; readonly locals: readonly number[] };
  private readonly kernels: SharedKernels;
  private readonly program: Program;
  private readonly arena: Arena;
  private readonly slabs: { weights: number; frozen: number };
  private readonly moments: { m: number; v: number; largest: number; settings: number } | null;
  private readonly options: ExecutorOptions;
  private readonly opcodes: ReadonlyMap<string, number>;
  private readonly tables = new Map<Int32Array | Float64Array, Readonly<Record<string, number>>>();
  private readonly loaded = new Map<string, LoadedPlan>();
  private readonly banks = new Map<string, { at: number; rows: number; bytes: number }>();
  /** Tensors of the shard at hand and scratch, a thread each. */
  private workspaces: readonly { slots: number; scratch: number }[] = [];
  private trace = { rates: 0, losses: 0, steps: 0 };
  private updates = 0;
  /** β1ᵗ and β2ᵗ after `updates` updates. */
  private powers = [1, 1];

  constructor(
    module: WebAssembly.Module,
    build: KernelBuild,
    program: Program,
    { remark, ...options }: WasmOptions,
    sharing?: Sharing,
  ) {
    const { threads } = sharing ?? { threads: 1 };
    this.device = `wasm ${build}${threads > 1 ? `, ${threads} threads` : ""}${remark === undefined ? "" : ` (${remark})`}`;
    this.program = program;
    this.options = options;
    this.kernels = instantiateKernels(module, sharing?.memory);
    this.opcodes = fillTable(this.kernels);
    this.arena = makeArena(this.kernels.memory, this.kernels.heapBase());
    const others = Array.from({ length: threads - 1 }, () => this.arena.take(this.kernels.localBytes()));
    const control = threads > 1 ? this.arena.take(this.kernels.controlBytes()) : 0;
    this.shared = { control, locals: [this.kernels.localAddress(), ...others] };
    if (control > 0) this.words(control + 256, 1)[0] = threads;
    const slab = program.weights.bytes;
    this.slabs = { weights: this.arena.take(slab), frozen: this.arena.take(program.frozen.bytes) };
    const { optimiser } = options;
    this.moments = optimiser
      ? {
          m: this.arena.take(slab),
          v: this.arena.take(slab),
          largest: optimiser.amsgrad ? this.arena.take(slab) : 0,
          settings: this.arena.take(96),
        }
      : null;
  }

  private floats(at: number, bytes: number): Float32Array {
    return new Float32Array(this.kernels.memory.buffer, at, bytes / 4);
  }
  private words(at: number, count: number): Int32Array {
    return new Int32Array(this.kernels.memory.buffer, at, count);
  }
  private doubles(at: number, count: number): Float64Array {
    return new Float64Array(this.kernels.memory.buffer, at, count);
  }
  private view(at: number, count: number, dtype: DType): Rows {
    return dtype === "f32" ? this.floats(at, count * 4) : this.doubles(at, count);
  }

  /** Index of a kernel in the function table; kernels are found by name, so that an op has one name everywhere. */
  private opcode(name: string): number {
    const known = this.opcodes.get(name);
    if (known !== undefined) return known;
    throw new Error(
      `wasm: expected a kernel "${name}", which this backend does not have; cast to the other type or use ops that it has`,
    );
  }

  /** Lays fixed numbers down, once an array and type. */
  private table(numbers: Int32Array | Float64Array, dtype?: DType): number {
    const key = dtype ?? "words";
    const known = this.tables.get(numbers)?.[key];
    if (known !== undefined) return known;
    const at = this.arena.take(numbers.length * (dtype === "f64" ? 8 : 4));
    if (dtype === undefined) this.words(at, numbers.length).set(numbers);
    else this.view(at, numbers.length, dtype).set(numbers);
    this.tables.set(numbers, { ...this.tables.get(numbers), [key]: at });
    return at;
  }

  /** Lays a plan out at its first use. */
  private load(name: string): LoadedPlan {
    const known = this.loaded.get(name);
    if (known) return known;
    const plan = this.program.plans[name];
    if (plan === undefined)
      throw new Error(`wasm: expected a plan of ${Object.keys(this.program.plans).join(", ")}, got "${name}"`);
    const { bytes } = plan;
    const constants = this.arena.take(bytes.constant);
    for (const c of plan.constants) this.view(constants + c.at, c.values.length, c.dtype).set(c.values);
    const temporary = this.arena.take(bytes.temporary);
    const groupBytes = bytes.sums32 + bytes.sums64;
    const sums = this.arena.take(groupBytes * MAX_GROUPS);
    this.reserveWorkspaces();

    let shardBytes = 0;
    const slots = plan.slots.map((b) => {
      const at = shardBytes;
      shardBytes += b * plan.shardRows;
      return at;
    });
    const bases = {
      slot: 0,
      weights: this.slabs.weights,
      frozen: this.slabs.frozen,
      sums,
      temporary,
      constant: constants,
    };
    const place = (v: Value, own: number): number => (v.region === "slot" ? own + slots[v.at] : bases[v.region] + v.at);

    const opcode = (kernel: string): number => this.opcode(kernel);
    // A thread's records differ in where the tensors of its shard lie, and in nothing else.
    const encoded = this.workspaces.map((own) =>
      encodePlan(plan, {
        valueAt: (v) => place(v, own.slots),
        opcode,
        table: (numbers, dtype) => this.table(numbers, dtype),
        scratch: own.scratch,
      }),
    );
    const [{ code, bounds, patches }] = encoded;
    const stride = code.length * 4;
    const at = this.arena.take(64);
    const records = this.arena.take(stride * encoded.length);
    for (const [thread, { code }] of encoded.entries()) this.words(records + thread * stride, code.length).set(code);
    this.words(at, 15).set([
      ...bounds.map((b) => records + 4 * b),
      plan.shardRows,
      MAX_GROUPS,
      sums,
      bytes.sums32,
      groupBytes,
      0,
      0,
      0,
      stride,
    ]);

    const chunk = chunkRows(plan);
    const wordsOf = (p: Patch): number[] => encoded.map((_, thread) => records + thread * stride + 4 * p.word);
    const edge = (p: Patch): Edge => {
      const { rows, cols, dtype } = p.value;
      const buffer = this.arena.take(chunk * rows * cols * bytesOf(dtype));
      this.patch(wordsOf(p), [buffer]);
      return { at: buffer, words: wordsOf(p), cols, rows, dtype };
    };
    const edges = (op: string): Map<string, Edge> =>
      new Map(patches.filter((p) => p.op === op).map((p) => [p.name, edge(p)]));
    const paramOutputs = new Map<string, Edge>();
    for (const o of plan.outputs) {
      const v = plan.values[o.value];
      if (v.kind === "param")
        paramOutputs.set(o.name, { at: place(v, 0), words: [], cols: v.cols, rows: v.rows, dtype: v.dtype });
    }
    const banks = patches.filter((p) => p.op === "bankRows").map((p) => ({ name: p.name, words: wordsOf(p) }));
    const loaded: LoadedPlan = {
      plan,
      at,
      inputs: edges("input"),
      batchOutputs: edges("output"),
      paramOutputs,
      banks,
      sums,
      chunk,
    };
    this.loaded.set(name, loaded);
    return loaded;
  }

  /** Writes into the records of all threads. */
  private patch(words: readonly number[], values: readonly number[]): void {
    for (const at of words) this.words(at, values.length).set(values);
  }

  /** A thread's workspace serves all plans, so it is taken for the largest before any record is written. */
  private reserveWorkspaces(): void {
    if (this.workspaces.length > 0) return;
    const plans = Object.values(this.program.plans);
    const slots = Math.max(8, ...plans.map((plan) => plan.slots.reduce((a, b) => a + b, 0) * plan.shardRows));
    const scratch = Math.max(...plans.map((plan) => scratchOf(plan, this.kernels)));
    this.workspaces = this.shared.locals.map(() => ({
      slots: this.arena.take(slots),
      scratch: this.arena.take(scratch),
    }));
  }

  /** Runs a plan, by all threads. */
  private execute(...run: Parameters<SharedKernels["run"]>): number {
    const { control } = this.shared;
    return control > 0 ? this.kernels.lead(control, ...run) : this.kernels.run(...run);
  }

  async readWeights(slab: "weights" | "frozen" = "weights"): Promise<Float32Array> {
    return this.floats(this.slabs[slab], this.program[slab].bytes).slice();
  }
  async writeWeights(values: Float32Array, slab: "weights" | "frozen" = "weights"): Promise<void> {
    const { bytes } = this.program[slab];
    if (values.length * 4 !== bytes)
      throw new Error(`internal: ${slab} slab of ${bytes / 4} floats, got ${values.length}`);
    this.floats(this.slabs[slab], bytes).set(values);
  }
  async readGradient(plan: string): Promise<Float32Array> {
    return this.floats(this.load(plan).sums, this.program.weights.bytes).slice();
  }
  async writeBank(name: string, values: Float32Array): Promise<void> {
    const cols = this.program.banks[name];
    if (cols === undefined || values.length % cols !== 0)
      throw new Error(`internal: bank "${name}" of ${values.length} numbers in ${cols} columns`);
    let bank = this.banks.get(name);
    if (bank === undefined || bank.bytes < values.byteLength)
      bank = { at: this.arena.take(values.byteLength), rows: 0, bytes: values.byteLength };
    this.floats(bank.at, values.byteLength).set(values);
    this.banks.set(name, { ...bank, rows: values.length / cols });
  }

  private pointBanks(plan: LoadedPlan): void {
    for (const { name, words } of plan.banks) {
      const bank = this.banks.get(name);
      if (bank === undefined)
        throw new Error(`internal: plan "${plan.plan.name}" draws from bank "${name}", which was not written`);
      this.patch(words, [bank.at, bank.rows]);
    }
  }

  async run(name: string, options: RunOptions): Promise<Record<string, Rows>> {
    const plan = this.load(name);
    const { rows, inputs = {}, repeat = 1, seed = 0, step = 0 } = options;
    this.pointBanks(plan);
    this.checkInputs(plan, inputs, rows, repeat);
    const out: Record<string, Rows> = {};
    this.clearFault();
    for (const [key, e] of plan.batchOutputs) out[key] = this.allocate(rows * e.rows * e.cols, e.dtype);
    const { chunk } = plan;
    for (let start = 0; start < rows; start += chunk) {
      const count = Math.min(chunk, rows - start);
      this.feed(plan, inputs, repeat, start, count);
      this.execute(plan.at, count, start, rows, seed, step, 1);
      for (const [key, e] of plan.batchOutputs) {
        // Tile t of row i stands in row t·count + i of the buffer, and in row t·rows + i of the answer.
        for (let t = 0; t < e.rows; t++) {
          out[key].set(
            this.view(e.at + t * count * e.cols * bytesOf(e.dtype), count * e.cols, e.dtype),
            (t * rows + start) * e.cols,
          );
        }
      }
      if (options.onRows && start + count < rows) await options.onRows(start + count);
    }
    // Sums go on from part to part, so params are whole after the last.
    for (const [key, e] of plan.paramOutputs) out[key] = this.view(e.at, e.rows * e.cols, e.dtype).slice();
    return out;
  }

  private checkInputs(
    { plan, inputs: edges }: LoadedPlan,
    inputs: NonNullable<RunOptions["inputs"]>,
    rows: number,
    repeat: number,
  ): void {
    for (const { name, cols, repeat: repeats } of plan.inputs) {
      const want = Math.ceil(rows / (repeats ? repeat : 1)) * cols;
      const given = inputs[name]?.length;
      if (!edges.has(name) || given !== want)
        throw new Error(`internal: input "${name}" of plan "${plan.name}": expected ${want} numbers, got ${given}`);
    }
  }

  private allocate(count: number, dtype: DType): Rows {
    return dtype === "f32" ? new Float32Array(count) : new Float64Array(count);
  }

  /** Copies the rows of a chunk in; a `repeat` input is given from the row that serves the first of them. */
  private feed(
    plan: LoadedPlan,
    inputs: NonNullable<RunOptions["inputs"]>,
    repeat: number,
    start: number,
    count: number,
  ): void {
    for (const { name: key, repeat: repeats } of plan.plan.inputs) {
      const edge = plan.inputs.get(key) as Edge;
      const every = repeats ? repeat : 1;
      const first = Math.floor(start / every);
      const last = Math.floor((start + count - 1) / every);
      const given = inputs[key];
      const [from, to] = [first * edge.cols, (last + 1) * edge.cols];
      const part = ArrayBuffer.isView(given) ? given.subarray(from, to) : given.slice(from, to);
      this.view(edge.at, part.length, edge.dtype).set(part);
      // The kernel counts rows of the whole run when it divides: let it find row `first` at the start of the buffer.
      this.patch(edge.words, [edge.at - first * (every > 1 ? 1 : 0) * edge.cols * bytesOf(edge.dtype), every]);
    }
  }

  private settings(): NonNullable<typeof this.moments> {
    if (this.moments === null) throw new Error("internal: an executor without optimiser cannot train");
    return this.moments;
  }

  /** Grows in powers of two, so that many short calls and one long one cost the same memory. */
  private reserveTrace(steps: number): void {
    if (steps <= this.trace.steps) return;
    let size = 256;
    while (size < steps) size *= 2;
    this.trace = { rates: this.arena.take(size * 4), losses: this.arena.take(size * 8), steps: size };
  }

  async train(
    name: string,
    { rows, seed, firstStep, rates, loss, inputs = {} }: TrainOptions,
  ): Promise<{ done: number; losses: Float64Array }> {
    const plan = this.load(name);
    const moments = this.settings();
    const options = this.options.optimiser as NonNullable<ExecutorOptions["optimiser"]>;
    const scalar = plan.paramOutputs.get(loss);
    if (!plan.plan.hasGradient || scalar?.dtype !== "f64")
      throw new Error(`internal: plan "${name}" has no gradient or no f64 loss "${loss}"`);
    if (rows > plan.chunk && plan.inputs.size > 0) {
      throw new Error(`internal: plan "${name}" takes ${plan.chunk} rows a step from inputs, got ${rows}`);
    }
    this.pointBanks(plan);
    this.checkInputs(plan, inputs, rows, 1);
    this.feed(plan, inputs, 1, 0, rows);
    this.reserveTrace(rates.length);
    this.floats(this.trace.rates, rates.byteLength).set(rates);
    const floats = this.program.weights.bytes / 4;
    const { m, v, largest, settings } = moments;
    this.words(settings, 8).set([this.slabs.weights, plan.sums, m, v, largest, floats, this.trace.rates, firstStep]);
    this.doubles(settings + 32, 6).set([options.clip, options.beta1, options.beta2, options.epsilon, ...this.powers]);
    this.words(plan.at + 44, 3).set([settings, scalar.at, this.trace.losses]);
    this.clearFault();
    const done = this.execute(plan.at, rows, 0, rows, seed, firstStep, rates.length);
    this.words(plan.at + 44, 3).fill(0);
    this.updates += done;
    this.powers = [...this.doubles(settings + 64, 2)];
    return { done, losses: this.doubles(this.trace.losses, Math.min(done + 1, rates.length)).slice() };
  }

  async readOptimiser(): Promise<OptimiserState> {
    const { m, v, largest } = this.settings();
    const bytes = this.program.weights.bytes;
    return {
      updates: this.updates,
      m: this.floats(m, bytes).slice(),
      v: this.floats(v, bytes).slice(),
      largest: largest ? this.floats(largest, bytes).slice() : new Float32Array(0),
    };
  }
  async writeOptimiser(state: OptimiserState): Promise<void> {
    const { m, v, largest } = this.settings();
    const bytes = this.program.weights.bytes;
    this.updates = state.updates;
    const { beta1, beta2 } = this.options.optimiser as OptimiserOptions;
    // Multiplied up as the kernel does it, to the same bits: no pow.
    this.powers = [1, 1];
    for (let t = 0; t < state.updates; t++) this.powers = [this.powers[0] * beta1, this.powers[1] * beta2];
    this.floats(m, bytes).set(state.m);
    this.floats(v, bytes).set(state.v);
    if (largest) this.floats(largest, bytes).set(state.largest);
  }

  private clearFault(): void {
    for (const local of this.shared.locals) this.words(this.kernels.faultAddress(local), 1)[0] = 0;
  }
  fault(): string | undefined {
    return faultOf(this.kernels, this.shared.locals);
  }

  dispose(): void {
    this.loaded.clear(); // the instance's memory goes with the last reference to it
    if (this.shared.control > 0) this.kernels.release(this.shared.control);
  }
}

export interface WasmOptions extends ExecutorOptions {
  /** `auto`: relaxed where the host has it. */
  readonly build?: KernelBuild | "auto";
  /** Why it is not another backend, to be told with the device. */
  readonly remark?: string;
}

/** An executor of compiled kernels: of a build for threads, over the memory that they share. */
export const makeWasm = (
  module: WebAssembly.Module,
  build: KernelBuild,
  program: Program,
  options: ExecutorOptions,
  sharing?: Sharing,
): WasmExecutor => new WasmExecutor(module, build, program, options, sharing);

/** An executor on WebAssembly SIMD. @throws when the host lacks SIMD or the kernels cannot be loaded. */
export async function createWasm(
  program: Program,
  { build = "auto", ...options }: WasmOptions = {},
): Promise<Executor> {
  const chosen = chooseBuild(build);
  return makeWasm(await compileKernels(chosen), chosen, program, options);
}
