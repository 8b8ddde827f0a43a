// The interpreter: one call runs many steps of a plan that lies in linear memory.
//
// A plan is a run of words: 0–5 start and end of the prologue, shard and epilogue records; 6 rows of a shard; 7 groups of
// shards; 8 sums, 9 bytes of their f32 part, 10 bytes of all; 11 settings of the optimiser (0: none); 12 the loss (f64,
// 0: none); 13 where the loss of each step goes (f64).
import { adamUpdate, nonFinite } from "./adam";
import { setRun, setShard, setStep } from "./state";

export * from "./map";
export * from "./reduce";
export * from "./index_ops";
export { outerTril_f32, outerTril_f64, triMul_f32, triMul_f64, triSolve_f32, triSolve_f64 } from "./triangle";
export * from "./cholesky";
export * from "./sparse";
export { sparseCholesky_f32, sparseCholesky_f64, sparseLogDet_f32, sparseLogDet_f64 } from "./factor";
export { sparseInverse_f32, sparseInverse_f64 } from "./selected_inverse";
export { sparseSolve_f32, sparseSolve_f64 } from "./solve";
export { solveColumns32, solveColumns64, updatePanel32, updatePanel64 } from "./front";
export * from "./layer";
export * from "./flow";
export { denseForward, denseInputGrad, denseWeightGrad, denseWeightGradScratch } from "./dense";
export { faultAddress } from "./fault";
export { fillNormal, fillUniform, randomWord } from "./random";

/** Where memory is free. */
export function heapBase(): usize { return __heap_base; }

function runRecords(from: usize, to: usize): void {
  while (from < to) {
    call_indirect<void>(load<i32>(from), from);
    from += load<u32>(from, 4);
  }
}

/** Adds the sums of all groups to those of the first, in a fixed tree. */
function reduceGroups(sums: usize, bytes32: usize, bytes: usize, groups: i32): void {
  for (let distance = 1; distance < groups; distance <<= 1) {
    for (let g = 0; g + distance < groups; g += distance << 1) {
      const to = sums + <usize>g * bytes, from = to + <usize>distance * bytes;
      for (let p: usize = 0; p < bytes32; p += 16) v128.store(to + p, f32x4.add(v128.load(to + p), v128.load(from + p)));
      for (let p = bytes32; p < bytes; p += 16) v128.store(to + p, f64x2.add(v128.load(to + p), v128.load(from + p)));
    }
  }
}

/**
 * Runs `steps` steps over `rows` rows of the buffers, which are rows runStart… of a run of `runRows`; the step counter
 * starts at `firstStep`. The last rows of a run close it: what is made from sums is made then. Answers the number of steps done: fewer when a loss or a gradient was not finite.
 */
export function run(plan: usize, rows: i32, runStart: i32, runRows: i32, seed: i32, firstStep: i32, steps: i32): i32 {
  const shardRows = load<i32>(plan, 24);
  const sums = <usize>load<u32>(plan, 32), bytes32 = <usize>load<u32>(plan, 36), bytes = <usize>load<u32>(plan, 40);
  const optimiser = <usize>load<u32>(plan, 44), loss = <usize>load<u32>(plan, 48), trace = <usize>load<u32>(plan, 52);
  const shards = (rows + shardRows - 1) / shardRows;
  const groups = min<i32>(shards, load<i32>(plan, 28));
  setRun(seed, runRows, rows);
  for (let s = 0; s < steps; s++) {
    setStep(firstStep + s);
    setShard(0, 0, runStart, 0);
    // A run in parts goes on adding to the sums of the first group.
    const kept: usize = runStart > 0 ? bytes : 0;
    memory.fill(sums + kept, 0, bytes * groups - kept);
    runRecords(load<u32>(plan), load<u32>(plan, 4));
    for (let i = 0; i < shards; i++) {
      const start = i * shardRows;
      const group = (i * groups) / shards;
      setShard(start, min<i32>(shardRows, rows - start), runStart, <usize>group * bytes);
      runRecords(load<u32>(plan, 8), load<u32>(plan, 12));
    }
    reduceGroups(sums, bytes32, bytes, groups);
    if (runStart + rows < runRows) continue;
    setShard(0, 0, runStart, 0);
    runRecords(load<u32>(plan, 16), load<u32>(plan, 20));
    if (loss) {
      const value = load<f64>(loss);
      store<f64>(trace + (<usize>s << 3), value);
      if (nonFinite(value)) return s;
    }
    if (optimiser && !adamUpdate(optimiser, firstStep + s)) return s;
  }
  return steps;
}
