/** Test data: the same numbers in every run, coarse enough that f32 holds them, and small steps from them, exactly. */

/** A linear congruential generator (Numerical Recipes, 3rd ed., §7.1.3's quick and dirty one), uniform on [0, 1). */
export function generator(seed: number): () => number {
  let state = Math.imul(seed + 1, 2654435761) >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  for (let i = 0; i < 8; i++) next(); // seeds that differ little start alike
  return next;
}

/** Where test data lie: multiples of `spacing`, plus `offset`, in (low, high). */
export interface Range {
  readonly low: number;
  readonly high: number;
  /** By default 2^-12. */
  readonly spacing?: number;
  readonly offset?: number;
}

export function draw(
  next: () => number,
  count: number,
  { low, high, spacing = 2 ** -12, offset = 0 }: Range,
): Float64Array {
  return Float64Array.from({ length: count }, () => {
    const x = low + (high - low) * next();
    return Math.round((x - offset) / spacing) * spacing + offset;
  });
}
