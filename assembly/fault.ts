// What went wrong first in a run, for the host to tell: a pivot that is not positive.
import { logicalRow, shardBlocks } from "./state";

// 0 how many (i32)   4 tile   8 row of the run   12 unknown   16 element, −1: none given   24 pivot (f64)   32 coefficient (f64)
const FAULT: usize = memory.data(40, 8);

/** Where the report is; the host clears its first word before a run. */
export function faultAddress(): usize { return FAULT; }

/** Counts a fault, and keeps what is known of the first: the sample is a lane of a block of all tiles. */
export function reportPivot(block: i32, lane: i32, unknown: i32, pivot: f64, element: i32, coefficient: f64): void {
  const count = load<i32>(FAULT);
  store<i32>(FAULT, count + 1);
  if (count > 0) return;
  store<i32>(FAULT, block / shardBlocks, 4);
  store<i32>(FAULT, logicalRow + ((block % shardBlocks) << 3) + lane, 8);
  store<i32>(FAULT, unknown, 12);
  store<i32>(FAULT, element, 16);
  store<f64>(FAULT, pivot, 24);
  store<f64>(FAULT, coefficient, 32);
}
