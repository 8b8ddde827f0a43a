/** Hands out linear memory, 64-byte aligned; it only grows, and goes with the instance that owns it. */
const MIB = 1_048_576;
const PAGE = 65_536;

export interface Arena {
  /** @throws when the host does not give so much memory. */
  take(bytes: number): number;
}

export function makeArena(memory: WebAssembly.Memory, base: number): Arena {
  let top = Math.ceil(base / 256) * 256;
  return {
    take(bytes) {
      const at = top;
      top += Math.ceil((bytes + 64) / 64) * 64; // slack: kernels may read 16 bytes past the end
      const missing = top - memory.buffer.byteLength;
      if (missing <= 0) return at;
      try {
        memory.grow(Math.ceil(missing / PAGE));
      } catch {
        const need = Math.ceil(top / MIB);
        throw new Error(
          `wasm: expected ${need} MiB of memory, which this host does not give; use a smaller batch or bank`,
        );
      }
      return at;
    },
  };
}
