// slow (6 s): solutions of the plate on meshes that are refined
// The plate against finer grids, and against finite volumes on 395² cells.
import { existsSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { input } from "../src/graph/build.ts";
import { eit, plateForward } from "../src/problems/eit.ts";
import { predict } from "../src/simulate/predict.ts";
import { parseCsv } from "../src/store/csv.ts";
import { runGraph } from "./helpers/run.ts";

const reference = new URL("../../shared/reference/eit/forward.csv", import.meta.url);

/** Root mean square difference of row i of two tables of 600 columns. */
function rms(a: ArrayLike<number>, b: ArrayLike<number>, i: number): number {
  let sum = 0;
  for (let j = 600 * i; j < 600 * (i + 1); j++) sum += (a[j] - b[j]) ** 2;
  return Math.sqrt(sum / 600);
}

/** Data of centres (N, 2) on a grid. */
async function data(cells: number, theta: readonly number[]): Promise<ArrayLike<number>> {
  const forward = plateForward(cells);
  const y = forward(input("theta", 2, { dtype: "f64" }));
  const inputs = { theta: Float64Array.from(theta) };
  return (await runGraph({ y }, { rows: theta.length / 2, inputs, create: createWasm })).y;
}

test("data of the plate change little on a finer grid, and less between two finer ones", async () => {
  const centres = [0.5, 0.5, 0.4, 0.6, 0.2, 0.8, 0.25, 0.25, 0.313, 0.672, 0.7771, 0.551];
  const [coarse, used, fine] = [await data(24, centres), await data(64, centres), await data(160, centres)];
  for (let i = 0; i < centres.length / 2; i++) {
    // The noise has sd 5e-3; a coherent error of 1e-4 moves a posterior by a third of its sd.
    assert.ok(rms(used, fine, i) < 3e-5, `${rms(used, fine, i)}`);
    assert.ok(rms(used, fine, i) < rms(coarse, fine, i));
  }
});

test("the mean over the sensors of each experiment is 0, and the first is the sum of the others", async () => {
  const y = await predict(eit, [0.37, 0.61]);
  for (let k = 0; k < 3; k++) {
    const sensors = y.subarray(200 * k, 200 * (k + 1));
    assert.ok(Math.abs(sensors.reduce((a, b) => a + b, 0)) < 1e-12);
  }
  for (let j = 0; j < 200; j++) assert.ok(Math.abs(y[j] - y[200 + j] - y[400 + j]) < 1e-14);
});

test("outside of the box the disc stays at its edge", async () => {
  const y = await predict(eit, [0.1, 0.5, 0.2, 0.5, 0.9, 0.95, 0.8, 0.8]);
  assert.equal(y.slice(0, 600), y.slice(600, 1200));
  assert.equal(y.slice(1200, 1800), y.slice(1800, 2400));
});

test("data of the plate are those of finite volumes on 395² cells", async () => {
  if (!existsSync(reference)) {
    console.log("SKIP the reference folder is not there");
    return;
  }
  const { rows } = parseCsv(readFileSync(reference, "utf8"));
  const got = await predict(
    eit,
    rows.flatMap((row) => [row[0], row[1]]),
  );
  const want = rows.flatMap((row) => Array.from(row.subarray(2)));
  const worst = Math.max(...rows.map((_, i) => rms(got, want, i)));
  console.log(`eit forward: rms over 600 data, worst of ${rows.length} centres: ${worst.toExponential(2)}`);
  assert.ok(worst <= 1e-4, `${worst}`);
});

test.run();
