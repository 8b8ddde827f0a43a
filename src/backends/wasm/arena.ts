/** Linear memory: handed out, 64-byte aligned, and seen as numbers. It only grows, and goes with the instance that owns it. */
import type { DType } from "../../graph/tensor.ts";
import type { Rows } from "../backend.ts";

const MIB = 1_048_576;
const PAGE = 65_536;

/** Views are of the memory as it is: after the next `take` they may be of none, so nobody keeps one. */
export class Arena {
  private readonly memory: WebAssembly.Memory;
  private top: number;

  /** Of what lies behind `base`. */
  constructor(memory: WebAssembly.Memory, base: number) {
    this.memory = memory;
    this.top = Math.ceil(base / 256) * 256;
  }

  /** @throws when the host does not give so much memory. */
  take(bytes: number): number {
    const at = this.top;
    this.top += Math.ceil((bytes + 64) / 64) * 64; // slack: kernels may read 16 bytes past the end
    const missing = this.top - this.memory.buffer.byteLength;
    if (missing <= 0) return at;
    try {
      this.memory.grow(Math.ceil(missing / PAGE));
    } catch {
      const need = Math.ceil(this.top / MIB);
      throw new Error(
        `wasm: expected ${need} MiB of memory, which this host does not give; use a smaller batch or bank`,
      );
    }
    return at;
  }

  words(at: number, count: number): Int32Array {
    return new Int32Array(this.memory.buffer, at, count);
  }
  floats(at: number, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, at, count);
  }
  doubles(at: number, count: number): Float64Array {
    return new Float64Array(this.memory.buffer, at, count);
  }
  rows(at: number, count: number, dtype: DType): Rows {
    return dtype === "f32" ? this.floats(at, count) : this.doubles(at, count);
  }
}
