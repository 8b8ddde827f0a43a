/** Detects rows that share one array: a caller that fills one buffer again and again returns the last row many times. */

/**
 * Records rows by the place of their numbers: an array, or the offset in a buffer at which a view begins. The result records a row, and
 * returns the earlier record of its place.
 */
export function notePlaces<T>(): (row: object, note: T) => T | undefined {
  const arrays = new WeakMap<object, T>();
  const buffers = new WeakMap<object, Map<number, T>>();
  return (row, note) => {
    if (!ArrayBuffer.isView(row)) {
      const before = arrays.get(row);
      arrays.set(row, note);
      return before;
    }
    const places = buffers.get(row.buffer) ?? new Map<number, T>();
    const before = places.get(row.byteOffset);
    buffers.set(row.buffer, places.set(row.byteOffset, note));
    return before;
  };
}
