// State that kernels read: the current shard, and the layout of a record.
//
// A record is a sequence of 32-bit words:
//   0 opcode   1 bytes to the next record   2 output pointer   3 output rows (tiles, or R)   4 output columns
//   5 output is a param   6 number of inputs   then for each input: pointer, rows, columns, is a param
//   then the attributes of the op.

/** Blocks of 8 rows in the current shard, of the untiled batch. */
export let shardBlocks: i32 = 0;
/** Rows of the shard that are not padding. */
export let shardValid: i32 = 0;
/** Row of the buffers (inputs, outputs) at which the shard starts. */
export let bufferRow: i32 = 0;
/** Rows that the buffers hold in this call. */
export let bufferRows: i32 = 0;
/** Row of the whole run at which the shard starts: the row counter of random draws. */
export let logicalRow: i32 = 0;
/** Rows of the whole run: tile t of row i draws as row t·runRows + i. */
export let runRows: i32 = 0;
/** Counter and key of random draws. */
export let step: i32 = 0;
export let seed: i32 = 0;
/** Bytes from the first group's sums to those of the current group. */
export let sumShift: usize = 0;

export function setRun(seedOf: i32, rows: i32, buffer: i32): void {
  seed = seedOf;
  runRows = rows;
  bufferRows = buffer;
}
export function setStep(value: i32): void {
  step = value;
}
export function setShard(start: i32, valid: i32, runStart: i32, shift: usize): void {
  bufferRow = start;
  shardValid = valid;
  shardBlocks = (valid + 7) >> 3;
  logicalRow = runStart + start;
  sumShift = shift;
}

// @ts-ignore: decorator
@inline export function outPtr(r: usize): usize { return load<u32>(r, 8); }
// @ts-ignore: decorator
@inline export function outRows(r: usize): i32 { return load<i32>(r, 12); }
// @ts-ignore: decorator
@inline export function outCols(r: usize): i32 { return load<i32>(r, 16); }
// @ts-ignore: decorator
@inline export function outIsParam(r: usize): bool { return load<i32>(r, 20) != 0; }
// @ts-ignore: decorator
@inline export function inPtr(r: usize, i: i32): usize { return load<u32>(r + (<usize>i << 4), 28); }
// @ts-ignore: decorator
@inline export function inRows(r: usize, i: i32): i32 { return load<i32>(r + (<usize>i << 4), 32); }
// @ts-ignore: decorator
@inline export function inCols(r: usize, i: i32): i32 { return load<i32>(r + (<usize>i << 4), 36); }
// @ts-ignore: decorator
@inline export function inIsParam(r: usize, i: i32): bool { return load<i32>(r + (<usize>i << 4), 40) != 0; }
/** Where the attributes of a record with `inputs` inputs start. */
// @ts-ignore: decorator
@inline export function attrs(r: usize, inputs: i32): usize { return r + 28 + (<usize>inputs << 4); }

/** Blocks of the output: a param counts as one block of ⌈RC/8⌉ features, since its slot has slack for whole vectors. */
// @ts-ignore: decorator
@inline export function outBlocks(r: usize): i32 { return outIsParam(r) ? 1 : outRows(r) * shardBlocks; }
// @ts-ignore: decorator
@inline export function outFeatures(r: usize): i32 {
  return outIsParam(r) ? (outRows(r) * outCols(r) + 7) >> 3 : outCols(r);
}
