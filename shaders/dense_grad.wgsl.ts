/**
 * The weight gradient of a dense layer, dW = [xᵀ·dz; Σ dz] (dense.wgsl.ts shows which product it is).
 *
 * Its sum runs over all rows, thousands of them, while dW is small. Groups divide it, `span` rows each, a number that depends only on
 * the shapes and the rows of the call, and a second kernel adds the parts in a fixed tree: every run gives the same answer, without
 * atomics. If a call is known to be short, one group sums all rows.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { columns, feature, QUADS, rowsOf, wholeRange } from "./dense.wgsl.ts";
import { type Kernel, type MakeKernels, operands, type Size } from "./kernel.ts";
import { powerBelow, tileColumns, tileConstants, tiledProduct, tileOf, tileRows } from "./tiles.ts";

/** Rows that one group sums alone. */
const SHORT = 256;
/** At least so many rows go to each of at most so many groups that share a sum. */
const LEAST_SPAN = 128;
const MOST_GROUPS = 256;

/** How groups divide a sum over rows: `span` rows each, the same in the host's words and in WGSL's. */
interface Cut {
  readonly least: number;
  readonly most: number;
  /** Spans are multiples of it. */
  readonly unit: number;
}
const roundUp = (x: number, unit: number): number => Math.ceil(x / unit) * unit;
const spanOf = ({ least, most, unit }: Cut, count: number): number =>
  Math.max(least, roundUp(Math.ceil(count / most), unit));
const partsOf = (cut: Cut, count: number): number => Math.ceil(count / spanOf(cut, count));
/** Most parts of calls of at most so many rows: shorter calls may be cut into more. */
const mostParts = ({ least, most }: Cut, count: number): number => Math.min(most, Math.ceil(count / least));
const cutConstants = ({ least, most, unit }: Cut): Record<string, number> => ({ LEAST: least, MOST: most, UNIT: unit });
const span = wgsl`
override LEAST: u32;
override MOST: u32;
override UNIT: u32;
fn span() -> u32 {
  let share = (columns() + MOST - 1u) / MOST;
  return max(LEAST, (share + UNIT - 1u) / UNIT * UNIT);
}`;

/** dW[at] = value, or dW[at] += value when earlier calls have left a sum. */
const accumulate = wgsl`
fn accumulate(at: u32, value: f32) {
  if (run.carry == 1u) { dw[at] += value; } else { dw[at] = value; }
}
/** Entries o to o + 3 of row i. */
fn leave(i: u32, o: u32, sum: vec4f) {
  for (var j = 0u; j < min(4u, OUTS - o); j++) { accumulate(i * OUTS + o + j, sum[j]); }
}`;

const loads = wgsl`${columns}
override INS: u32;
override OUTS: u32;
override ROWS: u32;
override BIAS: bool;
${feature("features", "x", "INS")}${feature("cotangents", "dz", "OUTS")}
/** The factor of dz: the features and then, for the bias, ones. */
fn inputs(i: u32, n: u32) -> vec4f {
  if (BIAS && i == INS) { return vec4f(1.0); }
  return features(i, n);
}
/** Without the padding of a tile. */
fn valid(o: u32, n: u32) -> vec4f {
  let row = n % run.padded;
  let v = cotangents(o, n);
  return select(vec4f(), v, vec4u(row, row + 1u, row + 2u, row + 3u) < vec4u(run.rows));
}
fn left(k: u32, m: u32) -> mat4x4f {
  return transpose(mat4x4f(inputs(m, k), inputs(m + 1u, k), inputs(m + 2u, k), inputs(m + 3u, k)));
}
fn right(k: u32, n: u32) -> mat4x4f {
  return transpose(mat4x4f(valid(n, k), valid(n + 1u, k), valid(n + 2u, k), valid(n + 3u, k)));
}`;

/** Threads of a group that adds parts. */
const ADDERS = 64;

/** Adds parts [part][row][quad of columns]: LANES threads for each entry take every LANES-th part, and then add in a tree. */
const addParts = wgsl`${columns}${span}
override ROWS: u32;
override OUTS: u32;
override LANES: u32;
${accumulate}
var<workgroup> team: array<vec4f, ${ADDERS}>;
@compute @workgroup_size(${ADDERS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let quads = (OUTS + 3u) / 4u;
  let each = ${ADDERS}u / LANES;
  let entry = group.x * each + thread % each;
  let lane = thread / each;
  let count = (columns() + span() - 1u) / span();
  var sum = vec4f();
  if (entry < ROWS * quads) {
    for (var part = lane; part < count; part += LANES) { sum += parts[part * ROWS * quads + entry]; }
  }
  team[thread] = sum;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { team[thread] += team[thread + each * half]; }
  }
  if (lane == 0u && entry < ROWS * quads) { leave(entry / quads, entry % quads * 4u, team[thread]); }
}`;

const denseWeightGrad: MakeKernels = (record, plan) => {
  const [dw, x] = operands(record, plan);
  const likely = x.rows * rowsOf(plan.rows);
  const tile = tileOf(dw.rows, dw.cols, likely, Math.ceil(likely / SHORT));
  const groups = [Math.ceil(dw.cols / tileColumns(tile)), Math.ceil(dw.rows / tileRows(tile))] as const;
  const unit = 4 * tile.Q;
  const most = Math.max(1, Math.floor(MOST_GROUPS / (groups[0] * groups[1])));
  const cut: Cut = { least: roundUp(LEAST_SPAN, unit), most, unit };
  const alone = most === 1 || (plan.rows > 0 && (likely <= SHORT || partsOf(cut, likely) === 1));
  const count = ({ padded }: Size): number => x.rows * padded;
  const quads = dw.rows * Math.ceil(dw.cols / 4);
  const shape = { TILES: x.rows, ROWS: dw.rows, OUTS: dw.cols };
  const parts = { name: "parts", type: QUADS, scratch: (size: Size) => 4 * quads * mostParts(cut, count(size)) };
  const product: Kernel = {
    name: "denseWeightGrad",
    code: tiledProduct(tile, {
      loads,
      alongK: { left: true, right: true },
      range: wgsl`
#if ${alone}
${wholeRange("columns()")}
#else
${span}
fn range(z: u32) -> vec2u { return vec2u(z * span(), min((z + 1u) * span(), columns())); }
#endif`,
      finish: wgsl`
#if ${alone}
${accumulate}
#endif
fn finish(i: u32, o: u32, sum: vec4f, z: u32) {
  if (i >= ROWS || o >= OUTS) { return; }
  let v = select(sum, vec4f(), i == INS && !BIAS);
  #if ${alone}
  leave(i, o, v);
  #else
  parts[(z * ROWS + i) * ((OUTS + 3u) / 4u) + o / 4u] = v;
  #endif
}`,
    }),
    constants: {
      ...tileConstants(tile),
      ...shape,
      ...(alone ? {} : cutConstants(cut)),
      INS: x.cols,
      BIAS: Number(record.attrs.bias),
    },
    bindings: [
      { name: "x", type: QUADS, value: record.inputs[0] },
      { name: "dz", type: QUADS, value: record.inputs[1] },
      alone ? { name: "dw", value: record.output, write: true } : { ...parts, write: true },
    ],
    groups: (size) => [...groups, alone ? 1 : partsOf(cut, count(size))],
  };
  if (alone) return [product];
  const lanes = powerBelow(Math.min(16, Math.ceil(partsOf(cut, likely) / 4)));
  return [
    product,
    {
      name: "denseWeightGrad",
      code: addParts,
      constants: { ...shape, ...cutConstants(cut), LANES: lanes },
      bindings: [parts, { name: "dw", value: record.output, write: true }],
      groups: () => [Math.ceil((quads * lanes) / ADDERS), 1, 1],
    },
  ];
};

export const denseGradKernels: Readonly<Record<"denseWeightGrad", MakeKernels>> = { denseWeightGrad };
