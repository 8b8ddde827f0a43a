// The first fault of a run, which the host reports: a pivot that is not positive.
import { FAULT, local } from "./local";
import { logicalRow, shardBlocks, step } from "./state";

// 0 number of faults (i32)   4 tile   8 row of the run   12 unknown   16 element, −1: none given   20 step   24 pivot (f64)
// 32 coefficient (f64). Each thread records its own; the first of the run has the smallest step, then the smallest row.

/** Counts a fault, and keeps the details of the first: the sample is a lane of a block of all tiles. */
export function reportPivot(block: i32, lane: i32, unknown: i32, pivot: f64, element: i32, coefficient: f64): void {
  const at = local() + FAULT;
  const count = load<i32>(at);
  store<i32>(at, count + 1);
  if (count > 0) return;
  store<i32>(at, block / shardBlocks, 4);
  store<i32>(at, logicalRow + ((block % shardBlocks) << 3) + lane, 8);
  store<i32>(at, unknown, 12);
  store<i32>(at, element, 16);
  store<i32>(at, step, 20);
  store<f64>(at, pivot, 24);
  store<f64>(at, coefficient, 32);
}
