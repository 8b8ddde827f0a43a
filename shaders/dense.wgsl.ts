/**
 * Dense layers: y = act(x·W + b), their input gradient dx = dz·Wᵀ and their weight gradient dW = [xᵀ·dz; Σ dz]. All three are one
 * tiled product C = A·B (tiles.ts) with other loads and another end. Batches lie feature by feature, so that
 *
 *                   A (m, k)                      B (k, n)          C (m, n)
 *   dense           W[k][m], m along memory       x[k][n]           y[m][n] = act(C + b[m])
 *   denseInputGrad  W[m][k], k along memory       dz[k][n]          dx[m][n]
 *   denseWeightGrad x[m][k], k along memory,      dz[n][k]          dW[m][n], in parts
 *                   and a row of ones
 *
 * The sum of a weight gradient runs over all rows, thousands of them, while C is small: groups share it, each over `span` rows, a
 * number that depends on the shapes and the rows of the call only, and a second kernel adds the parts in a fixed tree, so that the
 * answer is one and the same everywhere, without atomics. Where a call is known to be short, one group does it all.
 */
import type { Activation } from "../src/graph/ops.ts";
import { type Kernel, type MakeKernels, operands, type Size } from "./kernel.ts";
import { powerBelow, type Tile, tileColumns, tileConstants, tiledProduct, tileOf, tileRows } from "./tiles.ts";

/** Rows that a call is taken to have where the plan does not say. */
const LIKELY_ROWS = 4096;
/** Rows that one group sums alone, of weight gradients. */
const SHORT = 256;
/** At least so many rows go to each of at most so many groups that share a sum. */
const LEAST_SPAN = 128;
const MOST_GROUPS = 256;

const rowsOf = (rows: number): number => Math.ceil((rows > 0 ? rows : LIKELY_ROWS) / 8) * 8;

const columns = `
override TILES: u32;
fn columns() -> u32 { return TILES * run.padded; }`;

/** `name(f, n)`: entries n to n + 3 of feature f of a batch, 0 outside. */
const feature = (name: string, buffer: string, count: string): string => `
fn ${name}(f: u32, n: u32) -> vec4f {
  if (f >= ${count} || n >= columns()) { return vec4f(); }
  return ${buffer}[(f * columns() + n) / 4u];
}`;

/** `weights(i, o)`: entries o to o + 3 of row i of W, 0 outside of its INS rows and OUTS columns. Whole quads are loaded as such. */
const weights = (quads: boolean): string => `
override INS: u32;
override OUTS: u32;
fn weights(i: u32, o: u32) -> vec4f {
  if (i >= INS || o >= OUTS) { return vec4f(); }
  let at = i * OUTS + o;
  ${
    quads
      ? "return w[at / 4u];"
      : `return vec4f(
    w[at],
    select(0.0, w[at + 1u], o + 1u < OUTS),
    select(0.0, w[at + 2u], o + 2u < OUTS),
    select(0.0, w[at + 3u], o + 3u < OUTS));`
  }
}`;

const inputRange = (depth: string): string => `fn range(z: u32) -> vec2u { return vec2u(0u, ${depth}); }`;

const four = (name: string): string => `vec4f(${["x", "y", "z", "w"].map((c) => `${name}(v.${c})`).join(", ")})`;
/** NaN stays NaN. */
const activations: Readonly<Record<Activation, string>> = {
  linear: "v",
  relu: "select(v, vec4f(), v < vec4f())",
  leakyRelu: "select(v, 0.01 * v, v < vec4f())",
  tanh: four("tanh32"),
  sigmoid: four("sigmoid32"),
  softplus: four("softplus32"),
};

/** Work-groups of a product whose n are the rows of the batch. */
const groupsOverRows =
  (tile: Tile, m: number, tiles: number) =>
  ({ padded }: Size): readonly [number, number, number] => [
    Math.ceil((tiles * padded) / tileColumns(tile)),
    Math.ceil(m / tileRows(tile)),
    1,
  ];

const QUADS = "array<vec4f>";
const quadType = (cols: number): { type?: string } => (cols % 4 === 0 ? { type: QUADS } : {});

const dense: MakeKernels = (record, plan) => {
  const [y, x, w] = operands(record, plan);
  const { activation, bias } = record.attrs;
  const tile = tileOf(y.cols, x.rows * rowsOf(plan.rows), x.cols);
  const quads = w.cols % 4 === 0;
  const last = quads ? "w[(INS * OUTS + o) / 4u][o % 4u]" : "w[INS * OUTS + o]";
  const code = tiledProduct(tile, {
    loads: `${columns}${feature("inputs", "x", "INS")}${weights(quads)}
fn left(k: u32, m: u32) -> mat4x4f {
  return mat4x4f(weights(k, m), weights(k + 1u, m), weights(k + 2u, m), weights(k + 3u, m));
}
fn right(k: u32, n: u32) -> mat4x4f {
  return mat4x4f(inputs(k, n), inputs(k + 1u, n), inputs(k + 2u, n), inputs(k + 3u, n));
}`,
    alongK: {},
    range: inputRange("INS"),
    finish: `
fn finish(o: u32, n: u32, sum: vec4f, z: u32) {
  if (o >= OUTS || n >= columns()) { return; }
  let v = sum${bias ? ` + vec4f(${last})` : ""};
  y[(o * columns() + n) / 4u] = ${activations[activation as Activation]};
}`,
  });
  return [
    {
      name: "dense",
      code,
      constants: { ...tileConstants(tile), TILES: x.rows, INS: x.cols, OUTS: w.cols },
      bindings: [
        { name: "x", type: QUADS, value: record.inputs[0] },
        { name: "w", ...quadType(w.cols), value: record.inputs[1] },
        { name: "y", type: QUADS, value: record.output, write: true },
      ],
      groups: groupsOverRows(tile, y.cols, x.rows),
    },
  ];
};

const denseInputGrad: MakeKernels = (record, plan) => {
  const [dx, dz, w] = operands(record, plan);
  const tile = tileOf(dx.cols, dz.rows * rowsOf(plan.rows), dz.cols);
  const code = tiledProduct(tile, {
    loads: `${columns}${feature("cotangents", "dz", "OUTS")}${weights(w.cols % 4 === 0)}
fn left(k: u32, m: u32) -> mat4x4f {
  return transpose(mat4x4f(weights(m, k), weights(m + 1u, k), weights(m + 2u, k), weights(m + 3u, k)));
}
fn right(k: u32, n: u32) -> mat4x4f {
  return mat4x4f(cotangents(k, n), cotangents(k + 1u, n), cotangents(k + 2u, n), cotangents(k + 3u, n));
}`,
    alongK: { left: true },
    range: inputRange("OUTS"),
    finish: `
fn finish(i: u32, n: u32, sum: vec4f, z: u32) {
  if (i < INS && n < columns()) { dx[(i * columns() + n) / 4u] = sum; }
}`,
  });
  return [
    {
      name: "denseInputGrad",
      code,
      constants: { ...tileConstants(tile), TILES: dz.rows, INS: dx.cols, OUTS: w.cols },
      bindings: [
        { name: "dz", type: QUADS, value: record.inputs[0] },
        { name: "w", ...quadType(w.cols), value: record.inputs[1] },
        { name: "dx", type: QUADS, value: record.output, write: true },
      ],
      groups: groupsOverRows(tile, dx.cols, dz.rows),
    },
  ];
};

/** How the groups that share a sum over rows cut it: `span` rows each, the same in the host's words and in WGSL's. */
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
const span = `
override LEAST: u32;
override MOST: u32;
override UNIT: u32;
fn span() -> u32 {
  let share = (columns() + MOST - 1u) / MOST;
  return max(LEAST, (share + UNIT - 1u) / UNIT * UNIT);
}`;

/** dW[at] = value, or that on top of what earlier calls have left. */
const accumulate = `
fn accumulate(at: u32, value: f32) {
  if (run.carry == 1u) { dw[at] += value; } else { dw[at] = value; }
}
/** Entries o to o + 3 of row i. */
fn leave(i: u32, o: u32, sum: vec4f) {
  for (var j = 0u; j < min(4u, OUTS - o); j++) { accumulate(i * OUTS + o + j, sum[j]); }
}`;

const gradLoads = `${columns}
override INS: u32;
override OUTS: u32;
override ROWS: u32;
override BIAS: bool;
${feature("features", "x", "INS")}${feature("cotangents", "dz", "OUTS")}
/** What meets dz: the features and then, for the bias, ones. */
fn inputs(i: u32, n: u32) -> vec4f {
  if (BIAS && i == INS) { return vec4f(1.0); }
  return features(i, n);
}
/** Without what pads a tile. */
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

/** Adds parts [part][row][quad of columns]: LANES threads an entry take every LANES-th part, and then add in a tree. */
const addParts = `${columns}${span}
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
      loads: gradLoads,
      alongK: { left: true, right: true },
      range: alone
        ? inputRange("columns()")
        : `${span}
fn range(z: u32) -> vec2u { return vec2u(z * span(), min((z + 1u) * span(), columns())); }`,
      finish: `${alone ? accumulate : ""}
fn finish(i: u32, o: u32, sum: vec4f, z: u32) {
  if (i >= ROWS || o >= OUTS) { return; }
  let v = select(sum, vec4f(), i == INS && !BIAS);
  ${alone ? "leave(i, o, v);" : "parts[(z * ROWS + i) * ((OUTS + 3u) / 4u) + o / 4u] = v;"}
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

export const denseKernels: Record<"dense" | "denseInputGrad" | "denseWeightGrad", MakeKernels> = {
  dense,
  denseInputGrad,
  denseWeightGrad,
};
