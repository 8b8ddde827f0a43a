// slow (44 s): every op at all widths and row counts, on every backend
// Every kernel against the f64 reference: all types, odd widths, odd row counts, tiles, broadcasts.
//
// Tolerances are in units of u, half a unit in the last place (2^-24, 2^-53), times a scale. A sum of K products in any order
// is within K u Σ|terms| of the exact one (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., §3.1), and
// rounding errors add up like √K in practice: 4 + 4 √K is allowed. Σ|terms| is the op itself on absolute values.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { apply } from "../../src/graph/apply.ts";
import * as g from "../../src/graph/build.ts";
import { type MapName, mapNames, maps } from "../../src/graph/names.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { wasmBuilds } from "../helpers/backends.ts";
import { linear } from "../helpers/cases.ts";
import { compareWithReference, roundoff } from "../helpers/compare.ts";
import { noGpu, webgpu } from "../helpers/gpu.ts";
import { batchOf, paramOf } from "../helpers/leaves.ts";
import { factorOf, scaleOf } from "../helpers/map-cases.ts";
import { families, rowsAt, WIDTHS } from "../helpers/op-cases.ts";
import { runGraph } from "../helpers/run.ts";

const backends = Object.values(wasmBuilds);

for (const [family, cases] of Object.entries(families)) {
  for (const dtype of ["f32", "f64"] as const) {
    test(`${family} in ${dtype} agree with the reference at all widths and row counts, in every build`, async () => {
      for (const width of WIDTHS) await compareWithReference(backends, dtype, cases(width, dtype), rowsAt(width));
    });
  }
}

test("sums that kernels take in several parts are complete", async () => {
  for (const dtype of ["f32", "f64"] as const) {
    for (const [ins, outs] of [
      [193, 3],
      [400, 2],
      [2, 577],
      [1, 200],
    ]) {
      const w = paramOf(ins + 1, outs);
      const shape = `${ins} → ${outs}`;
      const cases = [
        linear(`dense ${shape}`, [batchOf(ins), w], ins, (x, v) => g.dense(x, v)),
        linear(`denseInputGrad ${shape}`, [batchOf(outs), w], outs, (dz, v) => g.denseInputGrad(dz, v, ins)),
      ];
      await compareWithReference(backends, dtype, cases, [1, 17]);
    }
  }
});

// ---- edges

/** WebGPU, where there is one, computes in f32. */
const edgeBackends = { f32: [...backends, ...Object.values(webgpu)], f64: backends };
if (noGpu) test("edges on WebGPU", () => console.log(`SKIP ${noGpu}`));

const EDGES = [0, -0, 1, -1, 0.5, 100, -100, 1e30, -1e30, 1e-30, Infinity, -Infinity, NaN].map(Math.fround);
/** The derivatives of activations are only asked at what activations answer. */
const atEdges = mapNames.filter((op) => !op.endsWith("Grad") && op !== "where");

/** sin and cos promise nothing at huge arguments, whose neighbours are many periods apart. */
const isAsked = (op: MapName, x: number): boolean => !((op === "sin" || op === "cos") && Math.abs(x) === EDGES[7]);

test("maps are right at zeros, infinities and NaN, and where results overflow or underflow", async () => {
  for (const dtype of ["f32", "f64"] as const) {
    const inputs = { a: EDGES.flatMap((x) => EDGES.map(() => x)), b: EDGES.flatMap(() => EDGES) };
    const [a, b] = [g.input("a", 1, { dtype }), g.input("b", 1, { dtype })];
    const operands = (op: MapName): Tensor[] => [a, b].slice(0, maps[op].domain.length);
    const outputs = Object.fromEntries(atEdges.map((op) => [op, apply(op, operands(op))]));
    const rows = inputs.a.length;
    const want = await runGraph(outputs, { rows, inputs });
    // Below the least normal number a kernel may answer 0.
    const tiny = dtype === "f32" ? 2 ** -125 : 2 ** -1021;
    for (const create of edgeBackends[dtype]) {
      const got = await runGraph(outputs, { rows, inputs, create });
      for (const op of atEdges) {
        for (let i = 0; i < rows; i++) {
          if (!isAsked(op, inputs.a[i])) continue;
          const expected = dtype === "f32" ? Math.fround(want[op][i]) : want[op][i];
          const bound = factorOf(op, dtype) * roundoff[dtype] * (Math.abs(expected) + (scaleOf(op) ? 1 : 0)) + tiny;
          const right = Object.is(got[op][i] + 0, expected + 0) || Math.abs(got[op][i] - expected) <= bound;
          const of = operands(op).map((_, k) => (k === 0 ? inputs.a[i] : inputs.b[i]));
          assert.ok(right, `${op}_${dtype}(${of.join(", ")}): expected ${expected}, got ${got[op][i]}`);
        }
      }
    }
  }
});

test("sin and cos keep their relative accuracy far from 0", async () => {
  // Up to 1e6 in every build; on WebGPU of every f32 there is. Beside multiples of π/2 nothing is lost either.
  const near = Array.from({ length: 600 }, (_, k) => Math.fround((Math.PI / 2) * (k * 1063 - 300 * 1063)));
  const far = Array.from({ length: 600 }, (_, k) => Math.fround(1.3 ** (36 + (k % 300)) * (k < 300 ? 1 : -1)));
  far.push(16367173 * 2 ** 72); // of all floats the closest to a multiple of π/2
  const x = g.input("x", 1);
  const graph = { sin: g.sin(x), cos: g.cos(x) };
  for (const [list, inputs] of [
    [edgeBackends.f32, { x: near }],
    [Object.values(webgpu), { x: far.filter(Number.isFinite) }],
  ] as const) {
    const rows = inputs.x.length;
    const want = await runGraph(graph, { rows, inputs });
    for (const create of list) {
      const got = await runGraph(graph, { rows, inputs, create });
      for (const op of ["sin", "cos"] as const) {
        got[op].forEach((v, i) => {
          const error = Math.abs(v - want[op][i]);
          assert.ok(
            error <= 5 * roundoff.f32 * Math.abs(want[op][i]),
            `${op}(${inputs.x[i]}): expected ${want[op][i]}, got ${v}`,
          );
        });
      }
    }
  }
});

test("a pivot that is not positive gives NaN from there on in its sample, and in no other", async () => {
  for (const dtype of ["f32", "f64"] as const) {
    const rows = 21; // of three blocks, the last one padded
    const good = [4, 1, 3, -1, 0.5, 2]; // (2, 3, 5): positive pivots
    const bad: Readonly<Record<number, readonly number[]>> = {
      3: [0, 1, 3, -1, 0.5, 2],
      10: [4, 4, 4, -1, 0.5, 2], // the second pivot is 0
      20: [4, 1, 3, -1, 0.5, -1],
    };
    const a = Array.from({ length: rows }, (_, r) => bad[r] ?? good.map((v) => v * (1 + r / 64))).flat();
    const x = g.input("a", 6, { dtype });
    const l = g.cholesky(x);
    const graph = { l, grad: g.choleskyGrad(l, x) };
    const want = await runGraph(graph, { rows, inputs: { a } });
    for (const create of edgeBackends[dtype]) {
      const got = await runGraph(graph, { rows, inputs: { a }, create });
      for (let r = 0; r < rows; r++) {
        for (const name of ["l", "grad"] as const) {
          for (let k = 6 * r; !(r in bad) && k < 6 * r + 6; k++) {
            const error = Math.abs(got[name][k] - want[name][k]);
            assert.ok(error < 512 * roundoff[dtype], `${name} ${k}: ${got[name][k]}, ${want[name][k]}`);
          }
        }
        const nan = Array.from(got.l.subarray(6 * r, 6 * r + 6), Number.isNaN);
        const from = ({ 3: 0, 10: 2, 20: 5 } as Record<number, number>)[r] ?? 6;
        assert.is(nan.indexOf(true), from === 6 ? -1 : from, `row ${r}: ${nan}`);
        assert.is(nan[5], r in bad, `row ${r}: the last pivot tells`);
      }
    }
  }
});

test.run();
