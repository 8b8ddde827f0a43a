/**
 * Runs programs on WebGPU: WGSL kernels (shaders/), a pipeline and a bind group each, made once a plan. K training steps are one
 * submission; back come the losses and how many steps were done. All is f32: where a plan says f64, so much is lost.
 */
import type { Plan } from "../../graph/plan.ts";
import type { Program } from "../../graph/program.ts";
import {
  type CreateExecutor,
  DeviceLost,
  type Executor,
  type ExecutorOptions,
  type OptimiserState,
  type Rows,
  type RunOptions,
  type TrainOptions,
} from "../backend.ts";
import { type Gpu, MAP_READ, openGpu, usage } from "./device.ts";
import { type Dispatch, LoadedPlan, newBuffer, type Shared } from "./loaded.ts";
import { makeOptimiser, type Optimiser, STEPS } from "./optimiser.ts";
import { pipelinesOf } from "./pipelines.ts";
import { refuseUnknownOps, scheduleOf } from "./schedule.ts";

/** Bytes of `Run`, and from one of them to the next. */
const RUN_WORDS = 12;
const RUN_STRIDE = 256;
/** Rows of a tile are a multiple of this. */
const BLOCK = 8;
/** Bytes that the tensors of one call may take, where a run can be cut into calls. */
const CALL_BYTES = 268_435_456;

/** What of `Run` a call sets. */
interface Run {
  readonly rows: number;
  readonly padded: number;
  readonly seed: number;
  readonly step: number;
  readonly start: number;
  readonly total: number;
  readonly repeat: number;
  readonly carry: boolean;
  readonly index?: number;
  readonly rate?: number;
  readonly power2?: number;
}

class WebgpuExecutor implements Executor {
  readonly backend = "webgpu";
  readonly device: string;
  readonly lost: Promise<unknown>;
  private readonly gpu: Gpu;
  private readonly program: Program;
  private readonly slabs: { readonly weights: GPUBuffer; readonly frozen: GPUBuffer };
  private readonly banks = new Map<string, GPUBuffer>();
  private readonly tables = new Map<object, GPUBuffer>();
  private readonly loaded = new Map<string, LoadedPlan>();
  private readonly optimiser: Optimiser | null;
  private readonly runs: GPUBuffer;
  private readonly runGroup: GPUBindGroup;
  private readonly shared: Shared;
  private scratch: GPUBuffer | undefined;

  constructor(gpu: Gpu, program: Program, { optimiser }: ExecutorOptions) {
    const { device } = gpu;
    this.gpu = gpu;
    this.device = gpu.name;
    this.lost = device.lost;
    this.program = program;
    this.slabs = {
      weights: newBuffer(device, program.weights.bytes, "weights"),
      frozen: newBuffer(device, program.frozen.bytes, "frozen"),
    };
    this.runs = newBuffer(device, RUN_STRIDE * STEPS, "run", usage.uniform);
    this.runGroup = device.createBindGroup({
      label: "run",
      layout: pipelinesOf(device).runLayout,
      entries: [{ binding: 0, resource: { buffer: this.runs, size: 4 * RUN_WORDS } }],
    });
    this.shared = {
      device,
      ...this.slabs,
      bank: (name) => {
        const bank = this.banks.get(name);
        if (bank === undefined) throw new Error(`internal: a plan draws from bank "${name}", which was not written`);
        return bank;
      },
      table: (numbers) => {
        let buffer = this.tables.get(numbers);
        if (buffer === undefined) {
          buffer = newBuffer(device, numbers.byteLength, "table");
          device.queue.writeBuffer(buffer, 0, numbers);
          this.tables.set(numbers, buffer);
        }
        return buffer;
      },
      scratch: (floats) => {
        if (this.scratch === undefined || this.scratch.size < 4 * floats) {
          this.scratch?.destroy();
          this.scratch = newBuffer(device, 4 * floats, "scratch");
        }
        return this.scratch;
      },
    };
    this.optimiser = optimiser ? makeOptimiser(device, optimiser, program.weights.bytes, this.slabs.weights) : null;
  }

  private load(name: string): LoadedPlan {
    const known = this.loaded.get(name);
    if (known) return known;
    const plan = this.program.plans[name];
    if (plan === undefined)
      throw new Error(`webgpu: expected a plan of ${Object.keys(this.program.plans).join(", ")}, got "${name}"`);
    const loaded = new LoadedPlan(scheduleOf(plan), this.shared);
    this.loaded.set(name, loaded);
    return loaded;
  }

  /** Bytes of a row in all buffers of a plan, and in the largest. */
  private bytesOfRow({ slots, inputs, outputs, values }: Plan): { all: number; largest: number } {
    const batches = outputs.map(({ value }) => values[value]).filter(({ kind }) => kind === "batch");
    const sizes = [
      ...slots,
      ...inputs.map(({ cols }) => 4 * cols),
      ...batches.map(({ rows, cols }) => 4 * rows * cols),
    ];
    return { all: sizes.reduce((a, b) => a + b, 0), largest: Math.max(4, ...sizes) };
  }

  /** Rows of one call, a multiple of a block. */
  private callRows(plan: Plan): number {
    const { all, largest } = this.bytesOfRow(plan);
    const { maxStorageBufferBindingSize, maxBufferSize } = this.gpu.device.limits;
    const most = Math.min(
      CALL_BYTES / Math.max(1, all),
      Math.min(maxStorageBufferBindingSize, maxBufferSize) / largest,
    );
    return Math.max(BLOCK, Math.floor(most / BLOCK) * BLOCK);
  }

  /** @throws when a batch that cannot be cut does not fit. */
  private refuseTooLarge({ plan }: LoadedPlan["schedule"], rows: number): void {
    const { largest } = this.bytesOfRow(plan);
    const { maxStorageBufferBindingSize, maxBufferSize } = this.gpu.device.limits;
    const limit = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    if (rows * largest <= limit) return;
    throw new Error(
      `webgpu: expected plan "${plan.name}" to fit buffers of ${limit} bytes, got ${rows * largest} bytes for ${rows} rows; take ${Math.floor(limit / largest)} rows or fewer, or backend "wasm"`,
    );
  }

  private writeRuns(runs: readonly Run[]): void {
    const words = new Uint32Array((RUN_STRIDE / 4) * runs.length);
    const floats = new Float32Array(words.buffer);
    runs.forEach((r, i) => {
      const at = (RUN_STRIDE / 4) * i;
      const { rows, padded, seed, step, start, total, repeat, carry, index = 0, rate = 0, power2 = 0 } = r;
      words.set([rows, padded, seed, step, start, total, repeat, Number(carry), index], at);
      floats.set([rate, power2], at + 9);
    });
    this.gpu.device.queue.writeBuffer(this.runs, 0, words);
  }

  private encode(pass: GPUComputePassEncoder, dispatches: readonly Dispatch[], padded: number, index = 0): void {
    for (const { pipeline, group, groups } of dispatches) {
      const [x, y, z] = groups({ padded });
      if (x === 0 || y === 0) continue;
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, this.runGroup, [RUN_STRIDE * index]);
      pass.setBindGroup(1, group);
      pass.dispatchWorkgroups(x, y, z);
    }
  }

  /** Does work on the device, and tells what it finds wrong with it. */
  private async guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
    const { device, lost } = this.gpu;
    const refuse = (): void => {
      if (lost.reason !== undefined)
        throw new DeviceLost(
          `webgpu: the device was lost (${lost.reason}); use backend "wasm", or try again for a new device`,
        );
    };
    refuse();
    device.pushErrorScope("out-of-memory");
    device.pushErrorScope("validation");
    let result: T;
    try {
      result = await work();
    } catch (error) {
      void device.popErrorScope();
      void device.popErrorScope();
      await Promise.resolve(); // a loss is told before what it broke
      refuse();
      throw error;
    }
    const [invalid, memory] = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
    refuse();
    if (memory) throw new Error(`webgpu: ${what} does not fit in the device's memory: ${memory.message}`);
    if (invalid) throw new Error(`internal: webgpu refuses ${what}: ${invalid.message}`);
    return result;
  }

  /** Floats of buffers, in one copy and one wait. */
  private async read(
    parts: readonly { buffer: GPUBuffer; offset?: number; floats: number }[],
  ): Promise<Float32Array[]> {
    const { device } = this.gpu;
    const total = parts.reduce((sum, { floats }) => sum + floats, 0);
    const staging = device.createBuffer({
      label: "readback",
      size: Math.max(4, 4 * total),
      usage: usage.mapRead | usage.copyDst,
    });
    try {
      const encoder = device.createCommandEncoder();
      let at = 0;
      for (const { buffer, offset = 0, floats } of parts) {
        if (floats > 0) encoder.copyBufferToBuffer(buffer, offset, staging, at, 4 * floats);
        at += 4 * floats;
      }
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(MAP_READ);
      const all = new Float32Array(staging.getMappedRange().slice(0));
      let from = 0;
      return parts.map(({ floats }) => all.subarray(from, (from += floats)));
    } finally {
      staging.destroy();
    }
  }

  async readWeights(slab: "weights" | "frozen" = "weights"): Promise<Float32Array> {
    return this.guarded("the weights", async () => {
      const [values] = await this.read([{ buffer: this.slabs[slab], floats: this.program[slab].bytes / 4 }]);
      return values;
    });
  }
  async writeWeights(values: Float32Array, slab: "weights" | "frozen" = "weights"): Promise<void> {
    const { bytes } = this.program[slab];
    if (values.length * 4 !== bytes)
      throw new Error(`internal: ${slab} slab of ${bytes / 4} floats, got ${values.length}`);
    this.write(this.slabs[slab], values);
  }
  private write(buffer: GPUBuffer, values: Rows | readonly number[], offset = 0): void {
    const floats = values instanceof Float32Array ? (values as Float32Array<ArrayBuffer>) : Float32Array.from(values);
    if (floats.length > 0) this.gpu.device.queue.writeBuffer(buffer, offset, floats);
  }
  async readGradient(plan: string): Promise<Float32Array> {
    return this.guarded("the gradient", async () => {
      const [values] = await this.read([{ buffer: this.load(plan).sums, floats: this.program.weights.bytes / 4 }]);
      return values;
    });
  }
  async writeBank(name: string, values: Float32Array): Promise<void> {
    const cols = this.program.banks[name];
    if (cols === undefined || values.length % cols !== 0)
      throw new Error(`internal: bank "${name}" of ${values.length} numbers in ${cols} columns`);
    await this.guarded(`bank "${name}"`, async () => {
      this.banks.get(name)?.destroy();
      const { device } = this.gpu;
      // Of the very size: kernels ask a bank how long it is.
      const bank = device.createBuffer({
        label: `bank ${name}`,
        size: values.byteLength,
        usage: usage.storage | usage.copyDst,
      });
      this.banks.set(name, bank);
      this.write(bank, values);
    });
  }

  private checkInputs(
    { name, inputs: wanted }: Plan,
    inputs: NonNullable<RunOptions["inputs"]>,
    rows: number,
    repeat: number,
  ): void {
    for (const { name: key, cols, repeat: repeats } of wanted) {
      const want = Math.ceil(rows / (repeats ? repeat : 1)) * cols;
      const given = inputs[key]?.length;
      if (given !== want)
        throw new Error(`internal: input "${key}" of plan "${name}": expected ${want} numbers, got ${given}`);
    }
  }

  /** Rows of a call, of a repeated input those that serve it. */
  private feed(
    loaded: LoadedPlan,
    inputs: NonNullable<RunOptions["inputs"]>,
    repeat: number,
    start: number,
    count: number,
  ): void {
    for (const { name, cols, repeat: repeats } of loaded.schedule.plan.inputs) {
      const every = repeats ? repeat : 1;
      const [first, last] = [Math.floor(start / every), Math.floor((start + count - 1) / every)];
      const given = inputs[name];
      const [from, to] = [first * cols, (last + 1) * cols];
      this.write(
        loaded.edge("input", name),
        ArrayBuffer.isView(given) ? given.subarray(from, to) : given.slice(from, to),
      );
    }
  }

  async run(name: string, options: RunOptions): Promise<Record<string, Rows>> {
    const { rows, inputs = {}, repeat = 1, seed = 0, step = 0 } = options;
    const loaded = this.load(name);
    const { plan } = loaded.schedule;
    this.checkInputs(plan, inputs, rows, repeat);
    const out: Record<string, Rows> = {};
    const make = (count: number, dtype: string): Rows =>
      dtype === "f32" ? new Float32Array(count) : new Float64Array(count);
    const outputs = plan.outputs.map(({ name: key, value }) => ({ key, value: plan.values[value] }));
    const batches = outputs.filter(({ value }) => value.kind === "batch");
    for (const { key, value } of batches) out[key] = make(rows * value.rows * value.cols, value.dtype);
    const chunk = this.callRows(plan);
    for (let start = 0; start < rows; start += chunk) {
      const count = Math.min(chunk, rows - start);
      const parts = await this.guarded(`plan "${name}"`, async () => {
        const padded = Math.ceil(count / BLOCK) * BLOCK;
        loaded.reserve(padded);
        const { prologue, shard, epilogue, outputs: copies } = await loaded.dispatches();
        this.feed(loaded, inputs, repeat, start, count);
        this.writeRuns([{ rows: count, padded, seed, step, start, total: rows, repeat, carry: start > 0 }]);
        const encoder = this.gpu.device.createCommandEncoder({ label: name });
        const pass = encoder.beginComputePass({ label: name });
        const last = start + count === rows;
        for (const part of [prologue, shard, copies, ...(last ? [epilogue] : [])]) this.encode(pass, part, padded);
        pass.end();
        this.gpu.device.queue.submit([encoder.finish()]);
        return this.read([
          ...batches.map(({ key, value }) => ({
            buffer: loaded.edge("output", key),
            floats: count * value.rows * value.cols,
          })),
          ...(last ? outputs.filter(({ value }) => value.kind === "param") : []).map(({ value }) => ({
            ...loaded.placeOf(value),
            floats: value.rows * value.cols,
          })),
        ]);
      });
      batches.forEach(({ key, value: { rows: tiles, cols } }, i) => {
        for (let t = 0; t < tiles; t++)
          out[key].set(parts[i].subarray(t * count * cols, (t + 1) * count * cols), (t * rows + start) * cols);
      });
      if (start + count === rows) {
        outputs
          .filter(({ value }) => value.kind === "param")
          .forEach(({ key, value }, i) => {
            const floats = parts[batches.length + i];
            out[key] = value.dtype === "f32" ? floats.slice() : Float64Array.from(floats);
          });
      } else if (options.onRows) await options.onRows(start + count);
    }
    return out;
  }

  async train(name: string, options: TrainOptions): Promise<{ done: number; losses: Float64Array }> {
    const { rows, seed, firstStep, rates, loss, inputs = {} } = options;
    const loaded = this.load(name);
    const { plan } = loaded.schedule;
    const { optimiser } = this;
    if (optimiser === null) throw new Error("internal: an executor without optimiser cannot train");
    const scalar = plan.outputs.find((o) => o.name === loss);
    if (!plan.hasGradient || scalar === undefined || plan.values[scalar.value].kind !== "param")
      throw new Error(`internal: plan "${name}" has no gradient or no loss "${loss}"`);
    this.checkInputs(plan, inputs, rows, 1);
    const padded = Math.ceil(rows / BLOCK) * BLOCK;
    this.refuseTooLarge(loaded.schedule, padded);
    return this.guarded(`plan "${name}"`, async () => {
      const { device } = this.gpu;
      loaded.reserve(padded);
      const { prologue, shard, epilogue } = await loaded.dispatches();
      optimiser.begin(rates.length);
      const own = await optimiser.dispatches(loaded.sums, loaded.placeOf(plan.values[scalar.value]));
      this.feed(loaded, inputs, 1, 0, rows);
      const call = { rows, padded, seed, start: 0, total: rows, repeat: 1, carry: false };
      for (let from = 0; from < rates.length; from += STEPS) {
        const steps = Math.min(STEPS, rates.length - from);
        this.writeRuns(
          Array.from({ length: steps }, (_, k) => ({
            ...call,
            step: firstStep + from + k,
            index: from + k,
            ...optimiser.sizes(from + k, rates[from + k]),
          })),
        );
        const encoder = device.createCommandEncoder({ label: name });
        const pass = encoder.beginComputePass({ label: name });
        for (let k = 0; k < steps; k++)
          for (const part of [prologue, shard, epilogue, own]) this.encode(pass, part, padded, k);
        pass.end();
        device.queue.submit([encoder.finish()]);
      }
      const [state, losses] = await this.read(optimiser.results(rates.length));
      const done = optimiser.end(new Uint32Array(state.buffer, state.byteOffset, state.length)[1]);
      return { done, losses: Float64Array.from(losses.subarray(0, Math.min(done + 1, rates.length))) };
    });
  }

  async readOptimiser(): Promise<OptimiserState> {
    const { optimiser } = this;
    if (optimiser === null) throw new Error("internal: an executor without optimiser has no state");
    return this.guarded("the optimiser", async () => {
      const floats = this.program.weights.bytes / 4;
      const [m, v, largest] = await this.read(
        [optimiser.m, optimiser.v, optimiser.largest].map((buffer) => ({
          buffer: buffer ?? optimiser.m,
          floats: buffer === null ? 0 : floats,
        })),
      );
      return { updates: optimiser.updates, m: m.slice(), v: v.slice(), largest: largest.slice() };
    });
  }
  async writeOptimiser(state: OptimiserState): Promise<void> {
    const { optimiser } = this;
    if (optimiser === null) throw new Error("internal: an executor without optimiser has no state");
    optimiser.resume(state.updates);
    this.write(optimiser.m, state.m);
    this.write(optimiser.v, state.v);
    if (optimiser.largest) this.write(optimiser.largest, state.largest);
  }

  /** Kernels here have nothing to tell but numbers. */
  fault(): string | undefined {
    return undefined;
  }

  dispose(): void {
    for (const plan of this.loaded.values()) plan.dispose();
    this.loaded.clear();
    const { weights, frozen } = this.slabs;
    for (const buffer of [weights, frozen, this.runs, ...this.banks.values(), ...this.tables.values()])
      buffer.destroy();
    this.scratch?.destroy();
    this.optimiser?.dispose();
  }
}

export { openGpu };

/** An executor on WebGPU. @throws where there is no adapter, and on ops that it has no kernels for, with the reason. */
export const createWebgpu: CreateExecutor = async (program, options = {}) => {
  refuseUnknownOps(program);
  return new WebgpuExecutor(await openGpu(), program, options);
};
