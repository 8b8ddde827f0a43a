/** Tells whether rows are arrays of their own: a caller that fills one buffer again and again gives the last row many times. */

/**
 * Notes rows by where their numbers lie: an array, or the place in a buffer at which a view begins. The result notes a row, and
 * answers what was noted of its place before.
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
