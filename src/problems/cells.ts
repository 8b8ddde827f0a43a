/**
 * Exact draws by rejection, with an envelope that is constant on cells of the prior. With w(θ) ≤ b_c on cell c, whose share of the
 * prior's mass is v_c, the steps
 *
 *   choose c with probability b_c v_c / Σ b v,   θ from the prior within c,   keep it with probability w(θ) / b_c
 *
 * give independent draws of w(θ) p(θ) / ∫ w p for any cells. Cells with a large envelope are halved along every dimension, so that
 * more proposals are kept. Robert & Casella, Monte Carlo Statistical Methods, 2nd ed., §2.3.
 */
import { exp, log } from "../numbers/math.ts";
import { uniforms } from "../numbers/random.ts";

export interface Target {
  readonly name: string;
  readonly dimensions: number;
  /** The prior's quantile function, the same for every dimension; ±∞ at 0 and 1. */
  readonly quantile: (u: number) => number;
  /** log w(θ) */
  readonly logWeight: (theta: Float64Array) => number;
  /** An upper bound of log w over the box from `low` to `high`, whose edges may be infinite. */
  readonly bound: (low: Float64Array, high: Float64Array) => number;
}

/** Cell number `at` along each dimension, of `each` cells of equal prior mass. */
interface Cell {
  readonly at: readonly number[];
  readonly each: number;
  readonly bound: number;
}

/** Initial cells along each dimension. */
const COARSE = 8;
/** Cells with more than this share of the envelope are halved, up to ENOUGH_CELLS cells. */
const SHARE = 1 / 2000;
const ENOUGH_CELLS = 8000;
const MOST_PROPOSALS = 5e7;
/** Proposals whose uniform numbers are made together. */
const BLOCK = 256;

/**
 * A function that maps a uniform number u in [0, 1) to the first mass whose cumulative sum is larger than u times the sum of all. A
 * table says where the search starts (Chen & Asau, AIIE Trans. 6 (1974)); its length is a power of two, so that rounding never
 * makes the search start too late.
 */
function chooser(masses: readonly number[]): (u: number) => number {
  let sum = 0;
  const cumulative = Float64Array.from(masses, (mass) => (sum += mass));
  let size = 1;
  while (size < masses.length) size *= 2;
  const start = new Uint32Array(size);
  for (let k = 0, i = 0; k < size; k++) {
    while (cumulative[i] <= (k / size) * sum) i++;
    start[k] = i;
  }
  return (u) => {
    let i = start[Math.floor(u * size)];
    while (cumulative[i] <= u * sum && i < cumulative.length - 1) i++;
    return i;
  };
}

/** The parts of a cell that is cut into `cuts` along every dimension. */
function split(at: readonly number[], each: number, cuts: number, { dimensions, quantile, bound }: Target): Cell[] {
  const edges = at.map((a) => Array.from({ length: cuts + 1 }, (_, i) => quantile((a * cuts + i) / (each * cuts))));
  const [low, high] = [new Float64Array(dimensions), new Float64Array(dimensions)];
  let parts: number[][] = [[]];
  for (let d = 0; d < dimensions; d++) parts = parts.flatMap((p) => Array.from({ length: cuts }, (_, i) => [...p, i]));
  return parts.map((part) => {
    for (let d = 0; d < dimensions; d++) [low[d], high[d]] = [edges[d][part[d]], edges[d][part[d] + 1]];
    return { at: part.map((i, d) => at[d] * cuts + i), each: each * cuts, bound: bound(low, high) };
  });
}

/** Mass of the envelope in a cell, relative to the largest bound. */
function massesOf(cells: readonly Cell[]): number[] {
  const highest = cells.reduce((most, c) => Math.max(most, c.bound), -Infinity);
  return cells.map((c) => c.at.reduce((mass) => mass / c.each, exp(c.bound - highest)));
}

function divide(target: Target): Cell[] {
  let cells = split(new Array<number>(target.dimensions).fill(0), 1, COARSE, target);
  while (cells.length < ENOUGH_CELLS) {
    const masses = massesOf(cells);
    const limit = SHARE * masses.reduce((a, b) => a + b);
    if (masses.every((m) => m <= limit)) break;
    cells = cells.flatMap((c, i) => (masses[i] > limit ? split(c.at, c.each, 2, target) : [c]));
  }
  return cells;
}

/**
 * Calls `keep(theta, index)` for `count` independent draws; `theta` (dimensions) is overwritten between calls.
 * Uses streams of random numbers from 1 upwards; stream 0 is free for the caller.
 * @throws if hardly any proposal is kept, because the bounds are too loose for the data.
 */
export function sampleCells(
  target: Target,
  count: number,
  seed: number,
  keep: (theta: Float64Array, index: number) => void,
): void {
  const { name, dimensions, quantile, logWeight } = target;
  if (!Number.isInteger(count) || count < 0) throw new Error(`${name}: expected a whole number of draws, got ${count}`);
  const cells = divide(target);
  const choose = chooser(massesOf(cells));
  // Flat copies of the cells, because the loop below accesses them at random, millions of times for unusual data.
  const at = Int32Array.from(cells.flatMap((c) => c.at)); // (cells, dimensions)
  const each = Int32Array.from(cells, (c) => c.each);
  const bounds = Float64Array.from(cells, (c) => c.bound);
  const theta = new Float64Array(dimensions);
  const numbers = dimensions + 2; // for the cell, the place in it, and whether to keep it
  let u: Float64Array = new Float64Array(0);
  let kept = 0;
  for (let proposal = 0; kept < count; proposal++) {
    if (proposal >= MOST_PROPOSALS) {
      throw new Error(
        `${name}: expected data near what the model can make; got ${kept} of ${count} exact draws in ${proposal} proposals`,
      );
    }
    const first = (proposal % BLOCK) * numbers;
    if (first === 0) u = uniforms(seed, 1 + proposal / BLOCK, BLOCK * numbers);
    const cell = choose(u[first]);
    for (let d = 0; d < dimensions; d++)
      theta[d] = quantile((at[cell * dimensions + d] + u[first + 1 + d]) / each[cell]);
    const excess = logWeight(theta) - bounds[cell];
    if (excess > 1e-9) throw new Error(`internal: ${name}: a weight exceeds the bound of its cell by exp(${excess})`);
    if (log(u[first + numbers - 1]) < excess) keep(theta, kept++);
  }
}
