/**
 * The end of a training step: global-norm clipping and Adam / AMSGrad over whole slabs (assembly/adam.ts has the sources).
 *
 * Three kernels: partial sums of squares of the gradient; the scale and state of the step, by one work-group; the update of each
 * weight. A loss or a gradient that is not finite is detected by its bits, and stops this step and all that were submitted after it.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { TEAM, teamSum } from "./reduce.wgsl.ts";

/** State that the kernels of a step share with each other and with the host, in words. */
export const stateFields = ["stopped", "done", "scale", "unused"] as const;

/** Floats that one work-group squares and sums. */
export const NORM_CHUNK = 4096;

const state = wgsl`
struct State {
  stopped: u32,  // 1 from the first step on whose loss or gradient is not finite
  done: u32,     // updates made since the host cleared this
  scale: f32,    // of the gradient, by clipping
  unused: u32,
}`;

/** Bindings: g, part. */
export const squares = wgsl`
override count: u32;
${teamSum}
@compute @workgroup_size(${TEAM}) fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let end = min((group.x + 1u) * ${NORM_CHUNK}u, count);
  var own = 0.0;
  for (var i = group.x * ${NORM_CHUNK}u + thread; i < end; i += ${TEAM}u) { own += g[i] * g[i]; }
  let sum = teamSum(thread, own);
  if (thread == 0u) { parts[group.x] = sum; }
}`;

/** Bindings: parts, loss, losses, state. */
export const close = wgsl`
${state}
override count: u32;
override clip: f32;
${teamSum}
fn finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }
@compute @workgroup_size(${TEAM}) fn main(@builtin(local_invocation_index) thread: u32) {
  var own = 0.0;
  for (var i = thread; i < count; i += ${TEAM}u) { own += parts[i]; }
  let total = teamSum(thread, own);
  if (thread != 0u || state.stopped == 1u) { return; }
  losses[run.index] = loss[0];
  if (!finite(loss[0]) || !finite(total)) {
    state.stopped = 1u;
    return;
  }
  let norm = sqrt(total);
  state.scale = select(1.0, clip / norm, clip > 0.0 && norm > clip);
  state.done += 1u;
}`;

/** Bindings: w, g, m, v, (largest,) state. Moments below 1e-35 are 0, as on wasm. */
export const update = (amsgrad: boolean): string => wgsl`
${state}
override count: u32;
override beta1: f32;
override rest1: f32;  // 1 − β1
override beta2: f32;
override rest2: f32;
override epsilon: f32;
override columns: u32;
fn flush(x: f32) -> f32 { return select(0.0, x, abs(x) >= 1e-35); }
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * columns + id.x;
  if (id.x >= columns || i >= count || state.stopped == 1u) { return; }
  let slope = g[i] * state.scale;
  let first = flush(beta1 * m[i] + rest1 * slope);
  let second = flush(beta2 * v[i] + rest2 * (slope * slope));
  m[i] = first;
  v[i] = second;
  #if ${amsgrad}
  let most = max(second, largest[i]);
  largest[i] = most;
  #else
  let most = second;
  #endif
  w[i] -= run.rate * first / (sqrt(most) * run.secondScale + epsilon);
}`;
