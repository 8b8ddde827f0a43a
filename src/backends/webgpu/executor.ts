/**
 * Runs programs on WebGPU: WGSL kernels (shaders/), each with a pipeline and a bind group that are made once a plan. K training
 * steps are one submission; only the losses and the number of steps are read back. Everything is computed in f32, also where a
 * plan says f64.
 */
import type { Program } from "../../graph/program.ts";
import type {
  CreateExecutor,
  Executor,
  ExecutorOptions,
  OptimiserState,
  Rows,
  RunOptions,
  StepOptions,
} from "../backend.ts";
import {
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
import { SharedBuffers } from "./buffers.ts";
import { type Gpu, openGpu } from "./device.ts";
import { callRows, padded, refuseTooLarge } from "./limits.ts";
import { LoadedPlan } from "./loaded.ts";
import { Optimiser } from "./optimiser.ts";
import { Runs, STEPS } from "./runs.ts";
import { refuseUnknownOps, scheduleOf } from "./schedule.ts";
import { guarded, type Part, read, write } from "./transfer.ts";

class WebgpuExecutor implements Executor {
  readonly backend = "webgpu";
  readonly device: string;
  readonly lost: Promise<unknown>;
  private readonly gpu: Gpu;
  private readonly program: Program;
  private readonly shared: SharedBuffers;
  private readonly optimiser: Optimiser | undefined;
  private readonly runs: Runs;
  private readonly loaded = new Map<string, LoadedPlan>();

  constructor(gpu: Gpu, program: Program, { optimiser }: ExecutorOptions) {
    const { device } = gpu;
    this.gpu = gpu;
    this.device = gpu.name;
    this.lost = device.lost;
    this.program = program;
    this.shared = new SharedBuffers(device, program);
    this.optimiser = optimiser && new Optimiser(device, optimiser, program.weights.bytes, this.shared.weights);
    this.runs = new Runs(device);
  }

  private load(name: string): LoadedPlan {
    const known = this.loaded.get(name);
    if (known) return known;
    const loaded = new LoadedPlan(scheduleOf(planOf(this.program, name, this.backend)), this.shared);
    this.loaded.set(name, loaded);
    return loaded;
  }

  /** Runs work on the device. @throws the errors that the device reports. */
  private guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
    return guarded(this.gpu, what, work);
  }
  private readSlab(what: string, buffer: () => GPUBuffer, bytes: number): Promise<Float32Array> {
    return this.guarded(what, async () => (await read(this.gpu.device, [{ buffer: buffer(), floats: bytes / 4 }]))[0]);
  }

  async readWeights(slab: "weights" | "frozen" = "weights"): Promise<Float32Array> {
    return this.readSlab("the weights", () => this.shared[slab], this.program[slab].bytes);
  }
  async writeWeights(values: Float32Array, slab: "weights" | "frozen" = "weights"): Promise<void> {
    expectSlab(slab, this.program[slab], values);
    write(this.gpu.device, this.shared[slab], values);
  }
  async readGradient(plan: string): Promise<Float32Array> {
    return this.readSlab("the gradient", () => this.load(plan).sums, this.program.weights.bytes);
  }
  async writeBank(name: string, values: Float32Array): Promise<void> {
    rowsOfBank(this.program, name, values);
    await this.guarded(`bank "${name}"`, async () => this.shared.writeBank(name, values));
  }

  /** The rows of an input that a call needs; of a repeated input, the rows that serve it. */
  private feed(loaded: LoadedPlan, inputs: Inputs, repeat: number, start: number, count: number): void {
    for (const { name, cols, repeat: repeats } of loaded.plan.inputs) {
      const rows = servingRows(inputs[name], cols, repeats ? repeat : 1, start, count);
      write(this.gpu.device, loaded.edge("input", name), rows);
    }
  }

  async run(name: string, options: RunOptions): Promise<Record<string, Rows>> {
    const { rows, inputs = {}, repeat = 1, seed = 0, step = 0 } = options;
    const { device } = this.gpu;
    const loaded = this.load(name);
    const { plan } = loaded;
    expectInputs(plan, inputs, rows, repeat);
    const outputs = plan.outputs.map(({ name: key, value }) => ({ key, value: plan.values[value] }));
    const batches = outputs.filter(({ value }) => value.kind === "batch");
    const params = outputs.filter(({ value }) => value.kind === "param");
    const out: Record<string, Rows> = {};
    for (const { key, value } of batches) out[key] = newRows(rows * value.rows * value.cols, value.dtype);
    const chunk = callRows(loaded.schedule, device);
    for (let start = 0; start < rows; start += chunk) {
      const count = Math.min(chunk, rows - start);
      const last = start + count === rows;
      const parts = await this.guarded(`plan "${name}"`, async () => {
        const call = { rows: count, padded: padded(count), seed, step, start, total: rows, repeat, carry: start > 0 };
        loaded.reserve(call.padded);
        const { prologue, shard, epilogue, outputs: copies } = await loaded.dispatches();
        this.feed(loaded, inputs, repeat, start, count);
        this.runs.submit(name, [call], [...prologue, ...shard, ...copies, ...(last ? epilogue : [])]);
        const wanted: Part[] = batches.map(({ key, value }) => ({
          buffer: loaded.edge("output", key),
          floats: count * value.rows * value.cols,
        }));
        // Sums continue from call to call, so params are complete after the last one.
        if (last)
          for (const { value } of params) wanted.push({ ...loaded.placeOf(value), floats: value.rows * value.cols });
        return read(device, wanted);
      });
      batches.forEach(({ key, value: { rows: tiles, cols } }, i) => {
        for (let t = 0; t < tiles; t++)
          out[key].set(parts[i].subarray(t * count * cols, (t + 1) * count * cols), (t * rows + start) * cols);
      });
      parts.slice(batches.length).forEach((floats, i) => {
        const { key, value } = params[i];
        out[key] = value.dtype === "f32" ? floats.slice() : Float64Array.from(floats);
      });
      if (options.onRows && !last) await options.onRows(start + count);
    }
    return out;
  }

  async train(name: string, options: StepOptions): Promise<{ done: number; losses: Float64Array }> {
    const { rows, seed, firstStep, rates, loss, inputs = {} } = options;
    const { device } = this.gpu;
    const loaded = this.load(name);
    const { plan } = loaded;
    const optimiser = optimiserOf(this.optimiser);
    const scalar = lossOf(plan, loss);
    expectInputs(plan, inputs, rows, 1);
    const call = { rows, padded: padded(rows), seed, start: 0, total: rows, repeat: 1, carry: false };
    refuseTooLarge(loaded.schedule, call.padded, device);
    return this.guarded(`plan "${name}"`, async () => {
      loaded.reserve(call.padded);
      const { prologue, shard, epilogue } = await loaded.dispatches();
      optimiser.begin(rates.length);
      const own = await optimiser.dispatches(loaded.sums, loaded.placeOf(scalar));
      const dispatches = [...prologue, ...shard, ...epilogue, ...own];
      this.feed(loaded, inputs, 1, 0, rows);
      for (let from = 0; from < rates.length; from += STEPS) {
        const steps = Array.from({ length: Math.min(STEPS, rates.length - from) }, (_, k) => ({
          ...call,
          step: firstStep + from + k,
          index: from + k,
          ...optimiser.sizes(from + k, rates[from + k]),
        }));
        this.runs.submit(name, steps, dispatches);
      }
      const [state, losses] = await read(device, optimiser.results(rates.length));
      const done = optimiser.end(new Uint32Array(state.buffer, state.byteOffset, state.length)[1]);
      return { done, losses: Float64Array.from(losses.subarray(0, Math.min(done + 1, rates.length))) };
    });
  }

  async readOptimiser(): Promise<OptimiserState> {
    const optimiser = optimiserOf(this.optimiser);
    return this.guarded("the optimiser", () => optimiser.read());
  }
  async writeOptimiser(state: OptimiserState): Promise<void> {
    optimiserOf(this.optimiser).write(state);
  }

  /** Kernels on WebGPU report no faults. */
  fault(): string | undefined {
    return undefined;
  }

  dispose(): void {
    for (const plan of this.loaded.values()) plan.dispose();
    this.loaded.clear();
    this.shared.dispose();
    this.runs.dispose();
    this.optimiser?.dispose();
  }
}

/** An executor on WebGPU. @throws where there is no adapter, and on ops that it has no kernels for, with the reason. */
export const createWebgpu: CreateExecutor = async (program, options = {}) => {
  refuseUnknownOps(program);
  return new WebgpuExecutor(await openGpu(), program, options);
};
