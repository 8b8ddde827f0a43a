// The parts of a step that threads divide among themselves: records, groups of shards, and the sum over groups.
//
// A plan is a sequence of words: 0–5 start and end of the prologue, shard and epilogue records; 6 rows of a shard; 7 groups of
// shards; 8 sums, 9 bytes of their f32 part, 10 bytes of all; 11 settings of the optimiser (0: none); 12 the loss (f64,
// 0: none); 13 place for the loss of each step (f64); 14 bytes from the records of one thread to those of the next,
// which place the tensors of a shard differently.
import { adamPrepare, nonFinite } from "./adam";
import { setShard } from "./state";

// @ts-ignore: decorator
@inline export function shardsOf(plan: usize, rows: i32): i32 { return (rows + load<i32>(plan, 24) - 1) / load<i32>(plan, 24); }
// @ts-ignore: decorator
@inline export function groupsOf(plan: usize, rows: i32): i32 { return min<i32>(shardsOf(plan, rows), load<i32>(plan, 28)); }
// @ts-ignore: decorator
@inline export function sumsOf(plan: usize): usize { return <usize>load<u32>(plan, 32); }
/** Bytes of the sums of one group. */
// @ts-ignore: decorator
@inline export function sumBytes(plan: usize): usize { return <usize>load<u32>(plan, 40); }
// @ts-ignore: decorator
@inline export function optimiserOf(plan: usize): usize { return <usize>load<u32>(plan, 44); }

export function runRecords(from: usize, to: usize): void {
  while (from < to) {
    call_indirect<void>(load<i32>(from), from);
    from += load<u32>(from, 4);
  }
}

/** Runs once for each step, before the shards: params that depend on weights alone. */
export function prologue(plan: usize, runStart: i32): void {
  setShard(0, 0, runStart, 0);
  runRecords(load<u32>(plan), load<u32>(plan, 4));
}
/**
 * Runs once for each step, after the sum over shards: params that depend on sums. Keeps the loss of step s of a call, and
 * prepares the optimiser. Returns false, for no update, when the loss or the gradient is not finite.
 */
export function closeStep(plan: usize, runStart: i32, firstStep: i32, s: i32): bool {
  setShard(0, 0, runStart, 0);
  runRecords(load<u32>(plan, 16), load<u32>(plan, 20));
  const optimiser = optimiserOf(plan), loss = <usize>load<u32>(plan, 48), trace = <usize>load<u32>(plan, 52);
  if (loss) {
    const value = load<f64>(loss);
    store<f64>(trace + (<usize>s << 3), value);
    if (nonFinite(value)) return false;
  }
  return !optimiser || adamPrepare(optimiser, firstStep + s);
}

/** Shards ⌈g·shards/groups⌉ to ⌈(g + 1)·shards/groups⌉, one after another, into the sums of group g. */
export function runGroup(plan: usize, g: i32, groups: i32, thread: i32, rows: i32, runStart: i32): void {
  const shardRows = load<i32>(plan, 24), shards = shardsOf(plan, rows), bytes = sumBytes(plan);
  const shift = <usize>g * bytes;
  // A run in several calls continues to add to the sums of the first group.
  if (g > 0 || runStart == 0) memory.fill(sumsOf(plan) + shift, 0, bytes);
  const stride = <usize>load<u32>(plan, 56) * <usize>thread;
  const from = <usize>load<u32>(plan, 8) + stride, to = <usize>load<u32>(plan, 12) + stride;
  const last = ((g + 1) * shards + groups - 1) / groups;
  for (let i = (g * shards + groups - 1) / groups; i < last; i++) {
    const start = i * shardRows;
    setShard(start, min<i32>(shardRows, rows - start), runStart, shift);
    runRecords(from, to);
  }
}

/** Adds the sums of all groups to those of the first, in a fixed tree: bytes `from` to `to` of them, multiples of 16. */
export function reduceGroups(plan: usize, groups: i32, from: usize, to: usize): void {
  const sums = sumsOf(plan), bytes = sumBytes(plan);
  const singles = min<usize>(to, <usize>load<u32>(plan, 36)), doubles = max<usize>(from, singles);
  for (let distance = 1; distance < groups; distance <<= 1) {
    for (let g = 0; g + distance < groups; g += distance << 1) {
      const a = sums + <usize>g * bytes, b = a + <usize>distance * bytes;
      for (let p = from; p < singles; p += 16) v128.store(a + p, f32x4.add(v128.load(a + p), v128.load(b + p)));
      for (let p = doubles; p < to; p += 16) v128.store(a + p, f64x2.add(v128.load(a + p), v128.load(b + p)));
    }
  }
}
