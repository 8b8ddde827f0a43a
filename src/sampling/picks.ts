/**
 * Choice among existing draws. From S draws of equal weight, `count` are chosen at even distances with a random offset, and
 * shuffled: no draw is chosen twice before all are chosen once, and correlated neighbours in a chain are not chosen together.
 */
import type { Rows } from "../backends/backend.ts";
import { newRows } from "../backends/requests.ts";
import { randomWord, STREAMS, shuffle, uniformAt } from "../numbers/random.ts";

/** Shuffles `indices` in place. */
export const mix = (indices: Uint32Array, seed: number): Uint32Array =>
  shuffle(indices, (i) => randomWord(seed, STREAMS.picks, 1, i, 0) % (i + 1));

/** `count` indices among S. */
export function pickEvenly(S: number, count: number, seed: number): Uint32Array {
  const out = new Uint32Array(count);
  const shift = uniformAt(seed, STREAMS.picks, 0, 0, 0);
  const rest = count % S;
  for (let i = 0; i < count; i++) out[i] = i < count - rest ? i % S : Math.floor(((i % S) + shift) * (S / rest));
  return mix(out, seed);
}

/** Rows of draws (S, D) by index. */
export function rowsOf(draws: Rows, indices: Uint32Array, D: number): Rows {
  const out = newRows(indices.length * D, draws instanceof Float32Array ? "f32" : "f64");
  for (const [i, s] of indices.entries()) out.set(draws.subarray(s * D, (s + 1) * D), i * D);
  return out;
}
