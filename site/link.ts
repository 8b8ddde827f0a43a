/**
 * Links: the address after "#" holds the problem, its numbers and the seed, from which the same draws are made on any host.
 *
 *   #arm=1.6,0.3&seed=7     #plate=0.4,0.6&seed=2     #rod=0.9,…,0.1&seed=0
 */

/** The problems of the page, and how many numbers a link to each holds: data of the arm and the rod, the place of the plate's disc. */
export const sizes = { arm: 2, plate: 2, rod: 9 } as const;
export type LinkedProblem = keyof typeof sizes;

/** What an answer is made from. */
export interface Link {
  readonly problem: LinkedProblem;
  readonly numbers: readonly number[];
  /** Seed of the draws, and of the plate's noise; a whole number from 0 to 2³² − 1. */
  readonly seed: number;
}

/** The fragment of an address, with its "#". Numbers are written so that the same ones are read. */
export const formatLink = ({ problem, numbers, seed }: Link): string => `#${problem}=${numbers.join(",")}&seed=${seed}`;

/** What a fragment asks for; null where it is no link of this kind, or holds numbers that are out of range. */
export function parseLink(fragment: string): Link | null {
  const fields = new URLSearchParams(fragment.replace(/^#/, ""));
  for (const problem of Object.keys(sizes) as LinkedProblem[]) {
    const text = fields.get(problem);
    if (text === null) continue;
    const numbers = text.split(",").map((word) => (word.trim() === "" ? Number.NaN : Number(word)));
    const seed = Number(fields.get("seed") ?? 0);
    const good = numbers.length === sizes[problem] && numbers.every((x) => Math.abs(x) <= 1e3);
    return good && Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32 ? { problem, numbers, seed } : null;
  }
  return null;
}

/** Eight hexadecimal digits of the bits of draws (FNV-1a, 32 bits): equal draws have equal ones on every host. */
export function fingerprint(draws: Float32Array | Float64Array): string {
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(draws.buffer, draws.byteOffset, draws.byteLength))
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}
