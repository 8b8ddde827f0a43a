/**
 * The layout of a row of data that carries its circumstances: which of the data are missing, how large the noise is, when they were
 * taken. A row is one vector,
 *
 *   [ values (M), 0 where missing | mask (M), 1 observed and 0 missing | log of the noise scale (0, 1 or M) | times (T) ],
 *
 * each part only where it can vary. The row of a plain problem is its data.
 */
import { slice } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { log } from "../numbers/math.ts";

/** The parts of a row. */
export interface Layout {
  /** Number of data. */
  readonly M: number;
  /** Whether data may be missing. */
  readonly mask: boolean;
  /** Noise scales, factors of the noise of the problem: none, one for all data, or one for each. */
  readonly scale: 0 | 1 | "each";
  /** Number of times. */
  readonly times: number;
  /** Length of the row. */
  readonly width: number;
}

/** A layout of M data, by default without circumstances. */
export function layoutOf(M: number, parts: Partial<Pick<Layout, "mask" | "scale" | "times">> = {}): Layout {
  const { mask = false, scale = 0, times = 0 } = parts;
  const width = M + (mask ? M : 0) + (scale === "each" ? M : scale) + times;
  return Object.freeze({ M, mask, scale, times, width });
}

/** Whether a row is the data alone. */
export const isPlain = ({ M, width }: Layout): boolean => width === M;

/** The parts of rows (B, width), or of one row of numbers; null for those that the layout lacks. */
export interface Parts<T> {
  /** Values (B, M), 0 where missing. */
  readonly y: T;
  /** 1 where observed and 0 where missing, (B, M). */
  readonly mask: T | null;
  /** Logarithms of the noise scale, (B, 1) or (B, M). */
  readonly logScale: T | null;
  /** Times (B, T). */
  readonly times: T | null;
}

/** The parts of a row, which `take` cuts out of it. */
function cut<T>({ M, mask, scale, times }: Layout, take: (from: number, to: number) => T): Parts<T> {
  let at = 0;
  const next = (count: number): T | null => (count === 0 ? null : take(at, (at += count)));
  return {
    y: next(M) as T,
    mask: next(mask ? M : 0),
    logScale: next(scale === "each" ? M : scale),
    times: next(times),
  };
}

/** The parts of rows (B, width) in a graph. */
export const partsOf = (layout: Layout, row: Tensor): Parts<Tensor> => cut(layout, (from, to) => slice(row, from, to));

/** The parts of one row of numbers. */
export const unpackRow = (layout: Layout, row: Float64Array): Parts<Float64Array> =>
  cut(layout, (from, to) => row.slice(from, to));

/** An observation: data, NaN where missing, and its noise scale, one or M, where it is known. */
export interface Observed {
  readonly y: ArrayLike<number>;
  readonly scale?: ArrayLike<number> | undefined;
  readonly times?: ArrayLike<number> | undefined;
}

/**
 * The row (width) of an observation; scales that are not given are 1.
 * @throws where the layout has no room for what is missing, or for M scales.
 */
export function packRow(layout: Layout, { y, scale = [1], times = [] }: Observed): Float64Array {
  const { M, mask } = layout;
  const count = layout.scale === "each" ? M : layout.scale;
  const row = new Float64Array(layout.width);
  for (let m = 0; m < M; m++) {
    const seen = !Number.isNaN(y[m]);
    if (!seen && !mask) throw new Error("internal: a missing datum in a row without a mask");
    row[m] = seen ? y[m] : 0;
    if (mask) row[M + m] = seen ? 1 : 0;
  }
  if (scale.length > 1 && count === 1) throw new Error("internal: scales of each in a row of one");
  const at = mask ? 2 * M : M;
  for (let m = 0; m < count; m++) row[at + m] = log(scale[scale.length === 1 ? 0 : m]);
  row.set(Float64Array.from(times), at + count);
  return row;
}
