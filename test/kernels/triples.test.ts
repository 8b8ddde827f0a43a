// Every op in the table has a kernel on each backend and a case among the comparisons with the reference.
import { readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileKernels } from "../../src/backends/wasm/kernels.ts";
import { hasKernels } from "../../src/backends/webgpu/schedule.ts";
import { rules } from "../../src/graph/rules.ts";
import { kernelsUsed } from "../helpers/compare.ts";
import { families } from "../helpers/op-cases.ts";

/** Names of the kernels of wasm, `op_dtype`. */
const onWasm = WebAssembly.Module.exports(await compileKernels("plain"))
  .map(({ name }) => name)
  .filter((name) => /_f(32|64)$/.test(name));
const without = (has: (op: string) => boolean): string[] =>
  Object.keys(rules)
    .filter((op) => !has(op))
    .sort();

test("every op has a kernel on wasm, except those whose numbers are in memory already", () => {
  assert.equal(
    without((op) => onWasm.includes(`${op}_f32`)),
    ["constant", "param", "placeholder", "scanSum"],
  );
});

test("every op has kernels on WebGPU, except loops, what only they are made of, and those of sparse systems", () => {
  const loops = ["combine", "placeholder", "scan", "scanGrad", "scanSum"];
  const sparse = ["sparseCholesky", "sparseInverse", "sparseLogDet", "sparseSolve"];
  assert.equal(without(hasKernels), [...loops, ...sparse]);
});

test("every kernel of wasm belongs to an op, and is in the comparisons of op-cases.ts or has a test of its own", () => {
  const used = new Set<string>();
  for (const cases of Object.values(families)) {
    for (const dtype of ["f32", "f64"] as const) for (const name of kernelsUsed(cases(3, dtype), dtype)) used.add(name);
  }
  // detach: gradients that are copied to their place (training); splines and draws: spline.test.ts, random.test.ts.
  // output: the edge of the graph, in all of them. Loops: scan.test.ts.
  assert.equal(onWasm.filter((name) => !used.has(name)).sort(), [
    "bankRows_f32",
    "detach_f32",
    "detach_f64",
    "output_f32",
    "output_f64",
    "scanGrad_f32",
    "scanGrad_f64",
    "scan_f32",
    "scan_f64",
    "splineGrad_f32",
    "spline_f32",
  ]);
});

test("the files of kernels in assembly/ and in shaders/ have the same names", () => {
  const folder = (name: string): URL => new URL(`../../${name}/`, import.meta.url);
  const named = (name: string, ending: string): string[] =>
    readdirSync(folder(name)).flatMap((file) => (file.endsWith(ending) ? [file.slice(0, -ending.length)] : []));
  const [assembly, shaders] = [named("assembly", ".ts"), named("shaders", ".wgsl.ts")];
  const makesOps = (name: string): boolean =>
    /^export function \w+_f32\(/m.test(readFileSync(new URL(`${name}.ts`, folder("assembly")), "utf8"));
  // math: simd.ts on wasm.
  assert.equal(
    shaders.filter((name) => !assembly.includes(name)),
    ["math"],
  );
  // Sparse systems and loops, which WebGPU refuses by name; layer: records for dense.ts and dense_grad.ts.
  assert.equal(assembly.filter((name) => makesOps(name) && !shaders.includes(name)).sort(), [
    "factor",
    "layer",
    "scan",
    "selected_inverse",
    "solve",
  ]);
});

test.run();
