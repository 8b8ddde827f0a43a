// The interpreter: one call runs many steps of a plan in linear memory (shards.ts has the layout).
import { adamApply, adamBytes } from "./adam";
import { soapApply, soapChunks } from "./soap";
import { closeStep, groupsOf, optimiserOf, prologue, reduceGroups, runGroup, sumBytes } from "./shards";
import { setRun, setStep } from "./state";

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
export { scanGrad_f32, scanGrad_f64, scan_f32, scan_f64 } from "./scan";
export * from "./flow";
export { denseForward, denseInputGrad, denseWeightGrad, denseWeightGradScratch } from "./dense";
export { faultAddress, localAddress, localBytes, setLocal } from "./local";
export { soapScratch } from "./soap";
/** Generated code (src/backends/wasm/loop-code.ts) reads it. */
export { shardBlocks } from "./state";
export { fillNormal, fillUniform, randomWord } from "./random";

/** The first free byte of memory. */
export function heapBase(): usize { return __heap_base; }

/**
 * Runs `steps` steps over `rows` rows of the buffers, which are rows runStart… of a run of `runRows`; the step counter
 * starts at `firstStep`. The call with the last rows of a run also computes params from sums. Returns the number of steps
 * done, which is smaller when a loss or a gradient is not finite.
 */
export function run(plan: usize, rows: i32, runStart: i32, runRows: i32, seed: i32, firstStep: i32, steps: i32): i32 {
  const groups = groupsOf(plan, rows), optimiser = optimiserOf(plan);
  setRun(seed, runRows, rows);
  for (let s = 0; s < steps; s++) {
    setStep(firstStep + s);
    prologue(plan, runStart);
    for (let g = 0; g < groups; g++) runGroup(plan, g, groups, 0, rows, runStart);
    reduceGroups(plan, groups, 0, sumBytes(plan));
    if (runStart + rows < runRows) continue;
    if (!closeStep(plan, runStart, firstStep, s)) return s;
    if (!optimiser) continue;
    const chunks = soapChunks(optimiser);
    if (!chunks) adamApply(optimiser, 0, adamBytes(optimiser));
    for (let c = 0; c < chunks; c++) soapApply(optimiser, c, 0);
  }
  return steps;
}
