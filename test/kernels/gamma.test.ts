// lgamma, digamma and trigamma: published values, and all arguments that a type holds, on every backend.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CreateExecutor } from "../../src/backends/backend.ts";
import { createReference } from "../../src/backends/reference/executor.ts";
import * as g from "../../src/graph/build.ts";
import { wasmBuilds } from "../helpers/backends.ts";
import { noGpu, webgpu } from "../helpers/gpu.ts";
import { generator } from "../helpers/random.ts";
import { runGraph } from "../helpers/run.ts";

const ops = ["lgamma", "digamma", "trigamma"] as const;
/** The zero of digamma. */
const X0 = 1.4616321449683622;

// x, log Γ(x), ψ(x), ψ′(x), to 19 digits by mpmath 1.3 at the double that x names.
const known: readonly (readonly [number, number, number, number])[] = [
  [1e-300, 690.7755278982137052, -9.999999999999999749e299, Infinity],
  [1e-20, 46.05170185988091374, -1.000000000000000055e20, 1.00000000000000011e40],
  [0.001, 6.907178885383853662, -1000.57557193181028, 1000001.642533195827],
  [0.3, 1.095797994818075561, -3.502524222200133125, 12.2453645461077313],
  [0.75, 0.2032809514312953715, -1.08586087978647217, 2.541879647671606498],
  [1, 0, -0.5772156649015328606, 1.644934066848226436],
  [1.25, -0.09827183642181316146, -0.2274535333762654081, 1.197329154507110739],
  [X0, -0.1214862905358496081, -9.241265521729427479e-17, 0.967672245447621255],
  [2, 0, 0.4227843350984671394, 0.6449340668482264365],
  [2.5, 0.2846828704729191596, 0.7031566406452431872, 0.490357756100234865],
  [7.5, 7.534364236758732955, 1.946757484246086788, 0.1426158966967037998],
  [39.5, 104.7967743971583079, 3.663589037237031053, 0.02563962113037452693],
  [40, 106.6317602606434591, 3.676327374034843126, 0.02531510384129102816],
  [1000, 5905.220423209181212, 6.907255195648812052, 0.001000500166666633333],
  [1e10, 220258509288.8105815, 23.02585092989045684, 1.00000000005e-10],
  [1e300, 6.897755278982137415e302, 690.7755278982137053, 9.999999999999999475e-301],
];

const graphOf = (dtype: "f32" | "f64") => {
  const x = g.input("x", 1, { dtype });
  return { lgamma: g.lgamma(x), digamma: g.digamma(x), trigamma: g.trigamma(x) };
};
const backends: Readonly<Record<"f32" | "f64", readonly (readonly [string, CreateExecutor])[]>> = {
  f32: [...Object.entries(wasmBuilds), ...Object.entries(webgpu)],
  f64: Object.entries(wasmBuilds),
};

test("lgamma, digamma and trigamma have their known values in f64, to 1e-14", async () => {
  for (const [name, create] of [["reference", createReference] as const, ...backends.f64]) {
    const inputs = { x: known.map(([x]) => x) };
    const got = await runGraph(graphOf("f64"), { rows: known.length, inputs, create });
    known.forEach((row, i) => {
      ops.forEach((op, k) => {
        const want = row[k + 1];
        const scale = Math.max(Math.abs(want), op === "trigamma" ? 0 : 1); // absolute near zeros
        const close = Object.is(got[op][i], want) || Math.abs(got[op][i] - want) <= 1e-14 * scale;
        assert.ok(close, `${op}(${row[0]}) on ${name}: expected ${want}, got ${got[op][i]}`);
      });
    });
  }
});

/** Far and near: over all exponents, and dense where formulas change and values vanish. */
function argumentsOf(low: number, high: number): Float64Array {
  const next = generator(5);
  const log = (from: number, to: number): number => Math.exp(Math.log(from) + (Math.log(to) - Math.log(from)) * next());
  const around = [1, X0, 2, 3, 10, 40].flatMap((c) =>
    Array.from({ length: 200 }, () => c * (1 + (next() - 0.5) * 0.02)),
  );
  return Float64Array.from([
    ...Array.from({ length: 2000 }, () => log(low, high)),
    ...Array.from({ length: 4000 }, () => log(1e-3, 50)),
    ...around,
  ]);
}

// Errors in units of u, half a unit in the last place. In f64 (90 u = 1e-14) the error is absolute near zeros, where parts up to 13
// in size cancel. In f32 the zeros are factors and the error is relative, but for the rounding of the zero of digamma, 2^-37.
const bounds = { f32: 10, f64: 90 } as const;
for (const dtype of ["f32", "f64"] as const) {
  test(`lgamma, digamma and trigamma keep their accuracy over all of ${dtype}`, async () => {
    if (dtype === "f32" && noGpu) console.log(`SKIP ${noGpu}`);
    const u = dtype === "f32" ? 2 ** -24 : 2 ** -53;
    const x = argumentsOf(dtype === "f32" ? 1e-37 : 1e-300, dtype === "f32" ? 3e38 : 1e300);
    const inputs = { x: dtype === "f32" ? x.map(Math.fround) : x };
    const rows = x.length;
    const want = await runGraph(graphOf("f64"), { rows, inputs });
    for (const [name, create] of backends[dtype]) {
      const got = await runGraph(graphOf(dtype), { rows, inputs, create });
      for (const op of ops) {
        let worst = [0, 0];
        for (let i = 0; i < rows; i++) {
          const exact = dtype === "f32" ? Math.fround(want[op][i]) : want[op][i];
          if (Object.is(got[op][i], exact)) continue;
          const scale = Math.max(Math.abs(exact), dtype === "f64" && op !== "trigamma" ? 1 : 2 ** -100);
          const fixed = dtype === "f32" && op === "digamma" ? 2 ** -36 : 0;
          const error = Math.max(0, Math.abs(got[op][i] - want[op][i]) - fixed) / (scale * u);
          if (!(error <= worst[0])) worst = [error, inputs.x[i]];
        }
        assert.ok(worst[0] <= bounds[dtype], `${op} in ${dtype} on ${name}: off by ${worst[0]} u at ${worst[1]}`);
      }
    }
  });
}

test.run();
