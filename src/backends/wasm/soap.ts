/** SOAP in linear memory: the chunks and settings that assembly/soap.ts reads, and its state. */
import type { Slab } from "../../graph/plan.ts";
import type { OptimiserState } from "../backend.ts";
import { freshFactors, GATHER_EVERY, REFRESH_EVERY, REFRESH_FIRST, type SoapMatrix, soapMatrices } from "../soap.ts";
import type { Arena } from "./arena.ts";
import type { Kernels } from "./kernels.ts";

const WORDS = 9;

/** Moments of a matrix (a, b) in memory: panels of the transpose, (⌈a/8⌉, b, 8). */
const panelFloats = ({ entry: { rows, cols } }: SoapMatrix): number => 8 * Math.ceil(rows / 8) * cols;

export class WasmSoap {
  private readonly arena: Arena;
  private readonly matrices: readonly SoapMatrix[];
  private readonly floats: number;
  private readonly factors: number;
  /** Where m and v of each matrix are. */
  private readonly moments: readonly (readonly [m: number, v: number])[];
  /** The settings from byte 96 on. */
  readonly words: readonly number[];

  constructor(arena: Arena, kernels: Pick<Kernels, "soapScratch">, slab: Slab, threads: number) {
    this.arena = arena;
    const { matrices, floats } = soapMatrices(slab);
    this.matrices = matrices;
    this.floats = floats;
    this.factors = arena.take(4 * floats);
    this.moments = matrices.map((m) => [arena.take(4 * panelFloats(m)), arena.take(4 * panelFloats(m))]);
    const at = (offset: number | undefined): number => (offset === undefined ? 0 : this.factors + 4 * offset);
    const own = matrices.map(({ entry: { rows, cols, offset }, left, right }, i) => [
      ...[rows, cols, offset, ...this.moments[i]],
      ...[left?.factor, left?.basis, right?.factor, right?.basis].map(at),
    ]);
    const known = new Set(matrices.map(({ entry }) => entry.name));
    const ends = [...slab.entries.slice(1).map(({ offset }) => offset), slab.bytes];
    const rest = slab.entries.flatMap(({ name, offset }, i) =>
      known.has(name) ? [] : [[0, ends[i] - offset, offset, ...new Array(WORDS - 3).fill(0)]],
    );
    const chunks = [...own, ...rest];
    const table = arena.take(4 * WORDS * chunks.length);
    arena.words(table, WORDS * chunks.length).set(chunks.flat());
    const scratch = Math.max(0, ...matrices.map(({ entry }) => kernels.soapScratch(entry.rows, entry.cols)));
    const bytes = 64 * Math.ceil(scratch / 64);
    this.words = [table, chunks.length, arena.take(bytes * threads), bytes, REFRESH_EVERY, REFRESH_FIRST, GATHER_EVERY];
    arena.floats(this.factors, floats).set(freshFactors(slab));
  }

  /** Copies moments of matrices between slabs and memory. */
  private copy(slabs: readonly [m: Float32Array, v: Float32Array], into: "memory" | "slabs"): void {
    this.matrices.forEach((matrix, k) => {
      const { rows, cols, offset } = matrix.entry;
      slabs.forEach((slab, which) => {
        const panels = this.arena.floats(this.moments[k][which], panelFloats(matrix));
        for (let i = 0, at = offset / 4; i < rows; i++) {
          for (let j = 0; j < cols; j++, at++) {
            const inPanels = ((i >> 3) * cols + j) * 8 + (i & 7);
            if (into === "memory") panels[inPanels] = slab[at];
            else slab[at] = panels[inPanels];
          }
        }
      });
    });
  }

  /** Completes slabs by the moments of matrices. Returns the factors and bases. */
  read(...slabs: readonly [m: Float32Array, v: Float32Array]): Float32Array {
    this.copy(slabs, "slabs");
    return this.arena.floats(this.factors, this.floats).slice();
  }

  /** @throws when the factors are those of other weights. */
  write({ m, v, factors }: OptimiserState): void {
    if (factors.length !== this.floats)
      throw new Error(
        `resume: expected ${this.floats} numbers of SOAP's factors, got ${factors.length}; the checkpoint is damaged, start afresh`,
      );
    this.copy([m, v], "memory");
    this.arena.floats(this.factors, this.floats).set(factors);
  }
}
