/** Sums over features, one thread for each row, and over the batch, one work-group for each feature, in a fixed tree without atomics. */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { LANES, type MakeKernels, operands, overRows } from "./kernel.ts";

const entry = wgsl`@compute @workgroup_size(${LANES}) fn main(@builtin(global_invocation_id) id: vec3u)`;

/** Threads that sum together. */
export const TEAM = 256;

/** `sum` of each thread to that of all, in thread 0. */
export const teamSum = wgsl`
var<workgroup> part: array<f32, ${TEAM}>;
fn teamSum(thread: u32, own: f32) -> f32 {
  part[thread] = own;
  for (var half = ${TEAM / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread < half) { part[thread] += part[thread + half]; }
  }
  workgroupBarrier();
  return part[0];
}`;

/** One thread for each row; `body` reads x[f · rows + n] and writes y. */
const byRow =
  (name: string, body: (attrs: Readonly<Record<string, unknown>>) => string): MakeKernels =>
  (record, plan) => {
    const [, x] = operands(record, plan);
    return [
      {
        name,
        code: wgsl`
override tiles: u32;
override cols: u32;
${entry} {
  let rows = tiles * run.padded;
  let n = id.x;
  if (n >= rows) { return; }
  ${body(record.attrs)}
}`,
        constants: { tiles: x.rows, cols: x.cols },
        bindings: [
          { name: "x", value: record.inputs[0] },
          { name: "y", value: record.output, write: true },
        ],
        groups: overRows(x.rows),
      },
    ];
  };

const sumOfRows = byRow(
  "sumFeatures",
  () => wgsl`
  var sum = vec4f(0.0);
  var f = 0u;
  for (; f + 4u <= cols; f += 4u) {
    sum += vec4f(x[f * rows + n], x[(f + 1u) * rows + n], x[(f + 2u) * rows + n], x[(f + 3u) * rows + n]);
  }
  for (; f < cols; f++) { sum.x += x[f * rows + n]; }
  y[n] = (sum.x + sum.y) + (sum.z + sum.w);`,
);

/** All entries of a param. */
const sumOfParam: MakeKernels = (record, plan) => {
  const [, x] = operands(record, plan);
  return [
    {
      name: "sumFeatures",
      code: wgsl`
override count: u32;
${teamSum}
@compute @workgroup_size(${TEAM}) fn main(@builtin(local_invocation_index) thread: u32) {
  var own = 0.0;
  for (var i = thread; i < count; i += ${TEAM}u) { own += x[i]; }
  let sum = teamSum(thread, own);
  if (thread == 0u) { y[0] = sum; }
}`,
      constants: { count: x.rows * x.cols },
      bindings: [
        { name: "x", value: record.inputs[0] },
        { name: "y", value: record.output, write: true },
      ],
      groups: () => [1, 1, 1],
    },
  ];
};

const sumFeatures: MakeKernels = (record, plan) =>
  (plan.values[record.inputs[0]].kind === "param" ? sumOfParam : sumOfRows)(record, plan);

const logSumExp = byRow(
  "logSumExp",
  () => wgsl`
  var top = x[n];
  for (var f = 1u; f < cols; f++) { top = max(top, x[f * rows + n]); }
  var sum = 0.0;
  for (var f = 0u; f < cols; f++) { sum += exp32(x[f * rows + n] - top); }
  y[n] = top + log32(sum);`,
);

const cumsum = byRow(
  "cumsum",
  ({ reverse }) => wgsl`
  var sum = 0.0;
  for (var k = 0u; k < cols; k++) {
    #if ${reverse as boolean}
    let at = (cols - 1u - k) * rows + n;
    #else
    let at = k * rows + n;
    #endif
    sum += x[at];
    y[at] = sum;
  }`,
);

const batchSum: MakeKernels = (record, plan) => {
  const [, x] = operands(record, plan);
  return [
    {
      name: "batchSum",
      code: wgsl`
override tiles: u32;
${teamSum}
@compute @workgroup_size(${TEAM}) fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let rows = tiles * run.padded;
  let first = group.x * rows;
  var own = 0.0;
  for (var n = thread; n < rows; n += ${TEAM}u) {
    if (n % run.padded < run.rows) { own += x[first + n]; }
  }
  let sum = teamSum(thread, own);
  if (thread == 0u) { y[group.x] = select(0.0, y[group.x], run.carry == 1u) + sum; }
}`,
      constants: { tiles: x.rows },
      bindings: [
        { name: "x", value: record.inputs[0] },
        { name: "y", value: record.output, write: true },
      ],
      groups: () => [x.cols, 1, 1],
    },
  ];
};

export const reduceKernels = { sumFeatures, logSumExp, cumsum, batchSum } satisfies Record<string, MakeKernels>;
