/** Uniform steps over [start, end], and where the save times lie among them. */

/** Save times among n steps: states to save, or steps to save within. */
export interface Places {
  /** Size of a step. */
  readonly h: number;
  /** Index of the state before or at each save time, 0 … n. */
  readonly at: readonly number[];
  /** Share of the step from there to the save time; null where all save times are states. */
  readonly shares: readonly number[] | null;
}

/** Roundings, in units of 2^-52, that a time divided by a step may have gone through. */
const ROUNDINGS = 16;
const EPSILON = Number.EPSILON;

/** Whether a number of steps is whole but for rounding. */
const isWhole = (x: number, scale: number): boolean =>
  Math.abs(x - Math.round(x)) <= ROUNDINGS * EPSILON * Math.max(1, scale);

/** How many steps a time is after the start: whole numbers without their rounding. */
const stepsTo = (time: number, start: number, end: number, n: number): number => {
  const x = ((time - start) / (end - start)) * n;
  const scale = (n * Math.max(Math.abs(start), Math.abs(end))) / (end - start);
  return isWhole(x, scale) ? Math.round(x) : x;
};

/** Places of ascending save times from `start` on; the last is the end of the steps. */
export function placesOf(times: ArrayLike<number>, start: number, n: number): Places {
  const end = times[times.length - 1];
  const x = Array.from(times, (time) => stepsTo(time, start, end, n));
  const h = (end - start) / n;
  if (x.every(Number.isInteger)) return { h, at: x, shares: null };
  const at = x.map((v) => Math.min(Math.floor(v), n - 1));
  return { h, at, shares: x.map((v, j) => v - at[j]) };
}

/** Most cells of a common grid that steps are matched to. */
const MOST_CELLS = 4096;

/** The number of equal cells of [start, end] whose edges hold all the times; null where a few thousand do not. */
function cellsOf(times: readonly number[], start: number, end: number): number | null {
  const gaps = times.map((time, i) => time - (i === 0 ? start : times[i - 1])).filter((gap) => gap > 0);
  const least = Math.min(...gaps);
  for (let parts = 1; parts <= 4; parts++) {
    const cells = Math.round(((end - start) / least) * parts);
    if (cells > MOST_CELLS) return null;
    if (times.every((time) => Number.isInteger(stepsTo(time, start, end, cells)))) return cells;
  }
  return null;
}

/**
 * At least n steps: as many that the times, and the knots of forcing by straight lines, fall on steps where that takes at most
 * twice as many. Nothing is then interpolated, and no step lies across a kink.
 */
export function matchedSteps(n: number, times: ArrayLike<number>, start: number, knots: ArrayLike<number>): number {
  const end = times[times.length - 1];
  const inside = Array.from(knots).filter((t) => t > start && t < end);
  for (const list of [[...Array.from(times), ...inside].sort((a, b) => a - b), Array.from(times)]) {
    const cells = cellsOf(list, start, end);
    if (cells === null) continue;
    const matched = Math.ceil(n / cells) * cells;
    if (matched <= 2 * n) return matched;
  }
  return n;
}
