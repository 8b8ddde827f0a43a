/** Adam and AMSGrad on the device: the kernels of shaders/adam.wgsl.ts, their buffers, and the state that the host keeps. */
import { close, NORM_CHUNK, squares, stateFields, update } from "../../../shaders/adam.wgsl.ts";
import type { Kernel } from "../../../shaders/kernel.ts";
import { type OptimiserOptions, type OptimiserState, powersAfter } from "../backend.ts";
import { newBuffer } from "./buffers.ts";
import type { Dispatch } from "./loaded.ts";
import { pipelinesOf } from "./pipelines.ts";
import { STEPS } from "./runs.ts";
import { type Part, read, write } from "./transfer.ts";

/** Threads of one row of work-groups: the update of a large slab takes several rows. */
const COLUMNS = 64 * 32_768;

export class Optimiser {
  private readonly m: GPUBuffer;
  private readonly v: GPUBuffer;
  private readonly largest: GPUBuffer | null;
  private updates = 0;
  private readonly device: GPUDevice;
  private readonly options: OptimiserOptions;
  private readonly floats: number;
  private readonly weights: GPUBuffer;
  private readonly parts: GPUBuffer;
  private readonly state: GPUBuffer;
  private losses: GPUBuffer;
  /** β1ᵗ and β2ᵗ after each update that is not yet counted. */
  private powers: [number, number] = [1, 1];
  private ahead: [number, number][] = [];
  private made: { sums: GPUBuffer; loss: GPUBuffer; losses: GPUBuffer; dispatches: readonly Dispatch[] } | undefined;

  constructor(device: GPUDevice, options: OptimiserOptions, bytes: number, weights: GPUBuffer) {
    if (options.soap)
      throw new Error(
        'optimiser "soap": expected a backend that has it, got "webgpu"; use backend "wasm", or optimiser "adam"',
      );
    this.device = device;
    this.options = options;
    this.floats = bytes / 4;
    this.weights = weights;
    this.m = newBuffer(device, bytes, "m");
    this.v = newBuffer(device, bytes, "v");
    this.largest = options.amsgrad ? newBuffer(device, bytes, "largest v") : null;
    this.parts = newBuffer(device, 4 * Math.ceil(this.floats / NORM_CHUNK), "squares");
    this.state = newBuffer(device, 16, "state");
    this.losses = newBuffer(device, 4 * STEPS, "losses");
  }

  /** The dispatches at the end of a step, from the gradient in a plan's sums and its loss. */
  async dispatches(sums: GPUBuffer, loss: GPUBufferBinding & { buffer: GPUBuffer }): Promise<readonly Dispatch[]> {
    const { made, losses } = this;
    if (made?.sums === sums && made.loss === loss.buffer && made.losses === losses) return made.dispatches;
    const { clip, beta1, beta2, epsilon, amsgrad } = this.options;
    const count = this.floats;
    const chunks = Math.ceil(count / NORM_CHUNK);
    const columns = Math.min(COLUMNS, Math.ceil(count / 64) * 64);
    const gradient = { buffer: sums, size: 4 * count };
    const state = { name: "state", type: "State", write: true, at: { buffer: this.state } };
    const bound = (name: string, at: GPUBufferBinding, write = false) => ({ name, write, at });
    const squaresKernel = {
      name: "gradient norm",
      code: squares,
      constants: { count },
      bindings: [bound("g", gradient), bound("parts", { buffer: this.parts }, true)],
      groups: [chunks, 1, 1] as const,
    };
    const closeKernel = {
      name: "end of step",
      code: close,
      constants: { count: chunks, clip },
      bindings: [
        bound("parts", { buffer: this.parts }),
        bound("loss", { ...loss, size: 4 }),
        bound("losses", { buffer: losses }, true),
        state,
      ],
      groups: [1, 1, 1] as const,
    };
    const updateKernel = {
      name: amsgrad ? "amsgrad" : "adam",
      code: update(amsgrad),
      constants: { count, columns, beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2, epsilon },
      bindings: [
        bound("w", { buffer: this.weights }, true),
        bound("g", gradient),
        bound("m", { buffer: this.m }, true),
        bound("v", { buffer: this.v }, true),
        ...(this.largest ? [bound("largest", { buffer: this.largest }, true)] : []),
        { ...state, write: false },
      ],
      groups: [columns / 64, Math.ceil(count / columns), 1] as const,
    };
    const dispatches = await Promise.all(
      [squaresKernel, closeKernel, updateKernel].map(async ({ groups, bindings, ...rest }): Promise<Dispatch> => {
        const kernel = { ...rest, bindings, groups: () => groups } as unknown as Kernel;
        const writes = bindings.map(({ write }) => write);
        const { pipeline, layout } = await pipelinesOf(this.device).get(kernel, writes);
        const entries = bindings.map(({ at }, binding) => ({ binding, resource: at }));
        return {
          pipeline,
          group: this.device.createBindGroup({ label: rest.name, layout, entries }),
          groups: kernel.groups,
          name: rest.name,
        };
      }),
    );
    this.made = { sums, loss: loss.buffer, losses, dispatches };
    return dispatches;
  }

  /** Called before a run of so many steps. */
  begin(steps: number): void {
    if (this.losses.size < 4 * steps) {
      this.losses.destroy();
      this.losses = newBuffer(this.device, 8 * steps, "losses");
    }
    this.device.queue.writeBuffer(this.state, 0, new Uint32Array(stateFields.length));
    this.ahead = [];
  }

  /** The factor of the rate in a step of this run; steps are counted from 0 and must be asked for in order. */
  sizes(index: number, rate: number): { rate: number; secondScale: number } {
    const { beta1, beta2 } = this.options;
    const [power1, secondScale] = index === 0 ? this.powers : this.ahead[index - 1];
    // Powers by repeated multiplication in f64, as on wasm: no pow.
    this.ahead[index] = [power1 * beta1, secondScale * beta2];
    return { rate: rate / (1 - this.ahead[index][0]), secondScale: 1 / Math.sqrt(1 - this.ahead[index][1]) };
  }

  /** The buffers that hold the state and the losses of a run. */
  results(steps: number): readonly Part[] {
    return [
      { buffer: this.state, floats: stateFields.length },
      { buffer: this.losses, floats: steps },
    ];
  }

  /** Called after a run that made so many updates. */
  end(done: number): number {
    if (done > 0) this.powers = this.ahead[done - 1];
    this.updates += done;
    return done;
  }

  async read(): Promise<OptimiserState> {
    const { device, updates, floats } = this;
    const slabs = [this.m, this.v, ...(this.largest ? [this.largest] : [])];
    const [m, v, largest = new Float32Array(0)] = await read(
      device,
      slabs.map((buffer) => ({ buffer, floats })),
    );
    return { updates, m: m.slice(), v: v.slice(), largest: largest.slice(), factors: new Float32Array(0) };
  }

  write({ updates, m, v, largest }: OptimiserState): void {
    this.updates = updates;
    this.powers = powersAfter(updates, this.options);
    write(this.device, this.m, m);
    write(this.device, this.v, v);
    if (this.largest) write(this.device, this.largest, largest);
  }

  dispose(): void {
    for (const buffer of [this.m, this.v, this.largest, this.parts, this.state, this.losses]) buffer?.destroy();
  }
}
