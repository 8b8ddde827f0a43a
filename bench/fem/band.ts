// A banded solver written by hand, to check those from npm; and the interface of a solver.

import { SIDES, type Systems } from "./systems.ts";

export interface Solver {
  readonly name: string;
  /** Whether it takes tens of times as long as the fastest. */
  readonly isSlow: boolean;
  /** Factors one matrix, given by its sparser entries, and solves for all right-hand sides: x (n, SIDES), valid until the next call. */
  solve(entries: Float64Array): Float64Array;
}

/** Largest distance of an entry from the diagonal, with rows numbered along the grid. */
export function bandwidth({ sparser: { rows, cols } }: Systems): number {
  let width = 0;
  for (let e = 0; e < rows.length; e++) width = Math.max(width, rows[e] - cols[e]);
  return width;
}

/** Cholesky of a band in typed arrays, row by row. */
export function byHand(systems: Systems): Solver {
  const { n, sparser, load } = systems;
  const { rows, cols } = sparser;
  const w = bandwidth(systems);
  const pitch = w + 1; // row i holds columns i − w … i
  const place = Int32Array.from(rows, (i, e) => i * pitch + w - i + cols[e]);
  const l = new Float64Array(n * pitch);
  const x = new Float64Array(n * SIDES);
  return {
    name: "by hand, a band in JavaScript",
    isSlow: false,
    solve: (entries) => {
      l.fill(0);
      for (let e = 0; e < place.length; e++) l[place[e]] = entries[e];
      for (let i = 0; i < n; i++) {
        const row = i * pitch + w - i;
        for (let j = Math.max(0, i - w); j <= i; j++) {
          const other = j * pitch + w - j;
          let sum = l[row + j];
          for (let k = Math.max(0, i - w); k < j; k++) sum -= l[row + k] * l[other + k];
          l[row + j] = j < i ? sum * l[other + j] : 1 / Math.sqrt(sum);
        }
      }
      x.set(load);
      for (let i = 0; i < n; i++) {
        const row = i * pitch + w - i;
        for (let c = 0; c < SIDES; c++) {
          let sum = x[i * SIDES + c];
          for (let k = Math.max(0, i - w); k < i; k++) sum -= l[row + k] * x[k * SIDES + c];
          x[i * SIDES + c] = sum * l[row + i];
        }
      }
      for (let i = n - 1; i >= 0; i--) {
        const row = i * pitch + w - i;
        for (let c = 0; c < SIDES; c++) {
          const v = x[i * SIDES + c] * l[row + i];
          x[i * SIDES + c] = v;
          for (let k = Math.max(0, i - w); k < i; k++) x[k * SIDES + c] -= l[row + k] * v;
        }
      }
      return x;
    },
  };
}
