/**
 * Dense layers: y = act(x·W + b) and their input gradient dx = dz·Wᵀ; dense_grad.wgsl.ts has their weight gradient dW = [xᵀ·dz; Σ dz].
 * All three are one tiled product C = A·B (tiles.ts) with other loads and another end. Batches lie feature by feature, so that
 *
 *                   A (m, k)                      B (k, n)          C (m, n)
 *   dense           W[k][m], m along memory       x[k][n]           y[m][n] = act(C + b[m])
 *   denseInputGrad  W[m][k], k along memory       dz[k][n]          dx[m][n]
 *   denseWeightGrad x[m][k], k along memory,      dz[n][k]          dW[m][n], in parts
 *                   and a row of ones
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import type { Activation } from "../src/graph/names.ts";
import { type MakeKernels, operands, type Size } from "./kernel.ts";
import { type Tile, tileColumns, tileConstants, tiledProduct, tileOf, tileRows } from "./tiles.ts";

/** Rows that a call is taken to have where the plan does not say. */
const LIKELY_ROWS = 4096;
/** Rows of a tile of a plan, padding included. */
export const rowsOf = (rows: number): number => Math.ceil((rows > 0 ? rows : LIKELY_ROWS) / 8) * 8;

/** Entries of a feature: those of all tiles. */
export const columns = wgsl`
override TILES: u32;
fn columns() -> u32 { return TILES * run.padded; }`;

/** `name(f, n)`: entries n to n + 3 of feature f of a batch, 0 outside. */
export const feature = (name: string, buffer: string, count: string): string => wgsl`
fn ${name}(f: u32, n: u32) -> vec4f {
  if (f >= ${count} || n >= columns()) { return vec4f(); }
  return ${buffer}[(f * columns() + n) / 4u];
}`;

/** `weights(i, o)`: entries o to o + 3 of row i of W, 0 outside of its INS rows and OUTS columns. Whole quads are loaded as such. */
const weights = (quads: boolean): string => wgsl`
override INS: u32;
override OUTS: u32;
fn weights(i: u32, o: u32) -> vec4f {
  if (i >= INS || o >= OUTS) { return vec4f(); }
  let at = i * OUTS + o;
  #if ${quads}
  return w[at / 4u];
  #else
  return vec4f(
    w[at],
    select(0.0, w[at + 1u], o + 1u < OUTS),
    select(0.0, w[at + 2u], o + 2u < OUTS),
    select(0.0, w[at + 3u], o + 3u < OUTS));
  #endif
}`;

/** One group sums all of k. */
export const wholeRange = (depth: string): string => wgsl`fn range(z: u32) -> vec2u { return vec2u(0u, ${depth}); }`;

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

export const QUADS = "array<vec4f>";
const quadType = (cols: number): { type?: string } => (cols % 4 === 0 ? { type: QUADS } : {});

const dense: MakeKernels = (record, plan) => {
  const [y, x, w] = operands(record, plan);
  const { activation, bias } = record.attrs as { activation: Activation; bias: boolean };
  const tile = tileOf(y.cols, x.rows * rowsOf(plan.rows), x.cols);
  const quads = w.cols % 4 === 0;
  const code = tiledProduct(tile, {
    loads: wgsl`${columns}${feature("inputs", "x", "INS")}${weights(quads)}
fn left(k: u32, m: u32) -> mat4x4f {
  return mat4x4f(weights(k, m), weights(k + 1u, m), weights(k + 2u, m), weights(k + 3u, m));
}
fn right(k: u32, n: u32) -> mat4x4f {
  return mat4x4f(inputs(k, n), inputs(k + 1u, n), inputs(k + 2u, n), inputs(k + 3u, n));
}`,
    alongK: {},
    range: wholeRange("INS"),
    finish: wgsl`
fn finish(o: u32, n: u32, sum: vec4f, z: u32) {
  if (o >= OUTS || n >= columns()) { return; }
  #if ${bias && quads}
  let v = sum + vec4f(w[(INS * OUTS + o) / 4u][o % 4u]);
  #elif ${bias}
  let v = sum + vec4f(w[INS * OUTS + o]);
  #else
  let v = sum;
  #endif
  y[(o * columns() + n) / 4u] = ${activations[activation]};
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
    loads: wgsl`${columns}${feature("cotangents", "dz", "OUTS")}${weights(w.cols % 4 === 0)}
fn left(k: u32, m: u32) -> mat4x4f {
  return transpose(mat4x4f(weights(m, k), weights(m + 1u, k), weights(m + 2u, k), weights(m + 3u, k)));
}
fn right(k: u32, n: u32) -> mat4x4f {
  return mat4x4f(cotangents(k, n), cotangents(k + 1u, n), cotangents(k + 2u, n), cotangents(k + 3u, n));
}`,
    alongK: { left: true },
    range: wholeRange("OUTS"),
    finish: wgsl`
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

export const denseKernels: Readonly<Record<"dense" | "denseInputGrad", MakeKernels>> = { dense, denseInputGrad };
