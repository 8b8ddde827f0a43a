/**
 * Exact draws by rejection, with an envelope that is constant on cells of the prior. With w(θ) ≤ b_c on cell c, which
 * holds the share v_c of the prior's mass:
 *
 *   choose c with probability b_c v_c / Σ b v,   θ from the prior within c,   keep it with probability w(θ) / b_c
 *
 * gives independent draws of w(θ) p(θ) / ∫ w p, whatever the cells; cells are halved along every dimension where the
 * envelope is large, so that more proposals are kept. Robert & Casella, Monte Carlo Statistical Methods, 2nd ed., §2.3.
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

/** Cells along each dimension at first. */
const COARSE = 8;
/** Cells above this share of the envelope are halved, until there are so many. */
const SHARE = 1 / 2000;
const ENOUGH_CELLS = 8000;
const MOST_PROPOSALS = 5e7;
/** Proposals whose uniform numbers are made at once. */
const BLOCK = 256;

/** Index of the first entry of an ascending list that is larger than x. */
function search(ascending: Float64Array, x: number): number {
  let [from, to] = [0, ascending.length - 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (ascending[middle] > x) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** The parts of a cell when it is cut into `cuts` along every dimension. */
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

/** What a cell holds of the envelope, with the largest bound as unit. */
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
 * Takes streams of random numbers from 1 upwards; stream 0 is left to the caller.
 * @throws when hardly any proposal is kept: the bounds are too loose for such data.
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
  let sum = 0;
  const cumulative = Float64Array.from(massesOf(cells), (mass) => (sum += mass));
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
    const cell = cells[search(cumulative, u[first] * sum)];
    for (let d = 0; d < dimensions; d++) theta[d] = quantile((cell.at[d] + u[first + 1 + d]) / cell.each);
    const excess = logWeight(theta) - cell.bound;
    if (excess > 1e-9) throw new Error(`internal: ${name}: a weight exceeds the bound of its cell by exp(${excess})`);
    if (log(u[first + numbers - 1]) < excess) keep(theta, kept++);
  }
}
