/** Sorts by whole numbers in a range, in linear time (Cormen et al., Introduction to Algorithms, §8.2). */

/** `items` in ascending order of their keys in 0..count − 1, equal keys in the order they had. */
export function countingSort(items: Int32Array, count: number, key: (item: number) => number): Int32Array {
  const start = new Int32Array(count + 1);
  for (const item of items) start[key(item) + 1]++;
  for (let i = 0; i < count; i++) start[i + 1] += start[i];
  const out = new Int32Array(items.length);
  for (const item of items) out[start[key(item)]++] = item;
  return out;
}

/** 0, 1, …, n − 1 */
export const upTo = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);
