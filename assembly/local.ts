// Scratch of kernels: packed columns, knots of a spline, a fault. There is one place for each instance; threads are instances
// that share their memory, so each but the first is given a place of its own.

/** Offsets from `local()`, in bytes: two columns of dense64.ts, a vector of pivots, a fault, a cell and knots of flow.ts. */
export const PACK: usize = 0, PIVOT: usize = 3072, FAULT: usize = 3088, CELL: usize = 3136, SPLINE: usize = 3344;
const BYTES: usize = SPLINE + 6 * 129 * 32;

const FIRST: usize = memory.data(3344 + 6 * 129 * 32, 16);
let own: usize = FIRST;

// A build without threads has one place, whose address is a constant.
// @ts-ignore: decorator
@inline export function local(): usize { return ASC_FEATURE_THREADS ? own : FIRST; }

export function localAddress(): usize { return local(); }
export function localBytes(): usize { return BYTES; }
/** Gives an instance that shares its memory a place of its own, once, before it works. */
export function setLocal(at: usize): void {
  if (ASC_FEATURE_THREADS) own = at;
}

/** Address of the faults of the instance whose place is `at`; the host clears the first word before a run. */
export function faultAddress(at: usize): usize { return at + FAULT; }
