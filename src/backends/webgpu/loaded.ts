/** A plan on the device: its buffers, for the most rows requested so far, and the dispatches of a call. */
import type { Binding, Kernel, Size } from "../../../shaders/kernel.ts";
import type { Plan, Value } from "../../graph/plan.ts";
import { newBuffer, type SharedBuffers } from "./buffers.ts";
import { type Pipeline, pipelinesOf } from "./pipelines.ts";
import type { Schedule } from "./schedule.ts";

export interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly groups: Kernel["groups"];
  readonly name: string;
}
export interface Dispatches {
  readonly prologue: readonly Dispatch[];
  readonly shard: readonly Dispatch[];
  readonly epilogue: readonly Dispatch[];
  readonly outputs: readonly Dispatch[];
}

export class LoadedPlan {
  readonly schedule: Schedule;
  readonly sums: GPUBuffer;
  private readonly shared: SharedBuffers;
  private readonly temporary: GPUBuffer;
  private readonly constant: GPUBuffer;
  private slots: GPUBuffer[] = [];
  private edges = new Map<string, GPUBuffer>();
  private made: Dispatches | undefined;
  /** The bank and scratch buffers that the bind groups were made with. */
  private seen: readonly GPUBuffer[] = [];
  /** Padded rows that the slots hold. */
  capacity = 0;

  constructor(schedule: Schedule, shared: SharedBuffers) {
    this.schedule = schedule;
    this.shared = shared;
    const { bytes, constants, name } = schedule.plan;
    const { device } = shared;
    this.sums = newBuffer(device, bytes.sums32 + bytes.sums64, `${name} sums`);
    this.temporary = newBuffer(device, bytes.temporary, `${name} temporary`);
    this.constant = newBuffer(device, bytes.constant, `${name} constants`);
    for (const { at, values } of constants) device.queue.writeBuffer(this.constant, at, Float32Array.from(values));
  }

  get plan(): Plan {
    return this.schedule.plan;
  }

  /** Rows of an input or output buffer, in floats. */
  edge(kind: "input" | "output", name: string): GPUBuffer {
    return this.edges.get(`${kind} ${name}`) as GPUBuffer;
  }

  /** Makes the buffers large enough for calls of so many padded rows. */
  reserve(padded: number): void {
    if (padded <= this.capacity) return;
    this.release();
    const { device } = this.shared;
    const { slots, inputs, outputs, values, name } = this.plan;
    this.capacity = padded;
    this.slots = slots.map((bytes, i) => newBuffer(device, bytes * padded, `${name} slot ${i}`));
    for (const { name: own, cols } of inputs)
      this.edges.set(`input ${own}`, newBuffer(device, 4 * padded * cols, `${name} input ${own}`));
    for (const { name: own, value } of outputs) {
      const { kind, rows, cols } = values[value];
      if (kind === "batch")
        this.edges.set(`output ${own}`, newBuffer(device, 4 * padded * rows * cols, `${name} output ${own}`));
    }
  }

  private bufferOf(binding: Binding, size: Size): GPUBufferBinding {
    if ("table" in binding) return { buffer: this.shared.table(binding.table) };
    if ("scratch" in binding) return { buffer: this.shared.scratch(binding.scratch(size)) };
    if ("edge" in binding)
      return {
        buffer:
          binding.edge === "bank" ? this.shared.bank(binding.of, this.plan.name) : this.edge(binding.edge, binding.of),
      };
    return this.placeOf(this.plan.values[binding.value]);
  }

  /** The part of a buffer that holds a value; of a batch, for all rows that fit. */
  placeOf({ region, at, rows, cols }: Value): { buffer: GPUBuffer; offset?: number; size?: number } {
    if (region === "slot") return { buffer: this.slots[at] };
    const { weights, frozen } = this.shared;
    const buffer = { weights, frozen, sums: this.sums, temporary: this.temporary, constant: this.constant }[region];
    return { buffer, offset: at, size: 4 * rows * cols };
  }

  /** The dispatches, with the present buffers. */
  async dispatches(): Promise<Dispatches> {
    const size = { padded: this.capacity };
    const all = [
      ...this.schedule.prologue,
      ...this.schedule.shard,
      ...this.schedule.epilogue,
      ...this.schedule.outputs,
    ];
    const moving = all.flatMap(({ bindings }) =>
      bindings.filter((b) => "scratch" in b || ("edge" in b && b.edge === "bank")),
    );
    // The largest scratch first, so that one buffer serves all.
    const floats = moving.map((b) => ("scratch" in b ? b.scratch(size) : 0));
    if (floats.some((n) => n > 0)) this.shared.scratch(Math.max(...floats));
    const seen = moving.map((b) => this.bufferOf(b, size).buffer);
    if (this.made !== undefined && seen.every((buffer, i) => buffer === this.seen[i])) return this.made;
    this.seen = seen;
    const phase = (kernels: readonly Kernel[]): Promise<Dispatch[]> =>
      Promise.all(kernels.map((kernel) => this.dispatch(kernel, size)));
    const { prologue, shard, epilogue, outputs } = this.schedule;
    this.made = {
      prologue: await phase(prologue),
      shard: await phase(shard),
      epilogue: await phase(epilogue),
      outputs: await phase(outputs),
    };
    return this.made;
  }

  private async dispatch(kernel: Kernel, size: Size): Promise<Dispatch> {
    const { device } = this.shared;
    const bound = kernel.bindings.map((binding) => this.bufferOf(binding, size));
    // A buffer that a dispatch writes through one binding is bound for writing in all of its bindings.
    const written = new Set(bound.filter((_, i) => kernel.bindings[i].write).map(({ buffer }) => buffer));
    const { pipeline, layout }: Pipeline = await pipelinesOf(device).get(
      kernel,
      bound.map(({ buffer }) => written.has(buffer)),
    );
    const group = device.createBindGroup({
      label: kernel.name,
      layout,
      entries: bound.map((resource, binding) => ({ binding, resource })),
    });
    return { pipeline, group, groups: kernel.groups, name: kernel.name };
  }

  private release(): void {
    for (const buffer of [...this.slots, ...this.edges.values()]) buffer.destroy();
    this.slots = [];
    this.edges = new Map();
    this.made = undefined;
  }

  dispose(): void {
    this.release();
    for (const buffer of [this.sums, this.temporary, this.constant]) buffer.destroy();
  }
}
