/** Buffers on the device, among them those that all plans of a program share. */
import type { Program } from "../../graph/program.ts";
import { bankOf } from "../requests.ts";
import { usage } from "./device.ts";
import { write } from "./transfer.ts";

const { storage, copySrc, copyDst } = usage;
/** A buffer of at least a few bytes, because no buffer may be empty. */
export const newBuffer = (device: GPUDevice, bytes: number, label: string, more = 0): GPUBuffer =>
  device.createBuffer({
    label,
    size: Math.max(256, Math.ceil(bytes / 4) * 4),
    usage: storage | copySrc | copyDst | more,
  });

export class SharedBuffers {
  readonly device: GPUDevice;
  readonly weights: GPUBuffer;
  readonly frozen: GPUBuffer;
  private readonly banks = new Map<string, GPUBuffer>();
  private readonly tables = new Map<object, GPUBuffer>();
  private largest: GPUBuffer | undefined;

  constructor(device: GPUDevice, { weights, frozen }: Program) {
    this.device = device;
    this.weights = newBuffer(device, weights.bytes, "weights");
    this.frozen = newBuffer(device, frozen.bytes, "frozen");
  }

  /** @throws where it was not written. */
  bank(name: string, plan: string): GPUBuffer {
    return bankOf(this.banks, name, plan);
  }

  writeBank(name: string, values: Float32Array): void {
    this.banks.get(name)?.destroy();
    // The size must be exact, because kernels read the length of a bank from its buffer.
    const bank = this.device.createBuffer({
      label: `bank ${name}`,
      size: values.byteLength,
      usage: storage | copyDst,
    });
    this.banks.set(name, bank);
    write(this.device, bank, values);
  }

  /** A buffer of fixed numbers, which are stored once. */
  table(numbers: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>): GPUBuffer {
    let buffer = this.tables.get(numbers);
    if (buffer === undefined) {
      buffer = newBuffer(this.device, numbers.byteLength, "table");
      this.device.queue.writeBuffer(buffer, 0, numbers);
      this.tables.set(numbers, buffer);
    }
    return buffer;
  }

  /** Makes the scratch buffer, which all records share, hold at least so many floats. */
  scratch(floats: number): GPUBuffer {
    if (this.largest === undefined || this.largest.size < 4 * floats) {
      this.largest?.destroy();
      this.largest = newBuffer(this.device, 4 * floats, "scratch");
    }
    return this.largest;
  }

  dispose(): void {
    for (const buffer of [this.weights, this.frozen, ...this.banks.values(), ...this.tables.values()]) buffer.destroy();
    this.largest?.destroy();
  }
}
