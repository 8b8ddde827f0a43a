// The paper's networks, read from the reference folder, against the pairs that were published with them.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { paperEit, paperRod } from "../bench/paper.ts";
import { referenceFolder } from "../bench/reference.ts";
import { batchSum, input, slice, sumFeatures } from "../src/graph/build.ts";
import { grad } from "../src/graph/grad.ts";
import { type Problem, predict, simulate } from "../src/index.ts";
import { checkGradients } from "./helpers/differences.ts";

const folder = referenceFolder();
const checks = (name: string) => JSON.parse(readFileSync(`${folder}/forward-checks.json`, "utf8"))[name];

test("the paper's network of the rod gives the published potentials", async () => {
  if (folder === null) return console.log("SKIP the reference data are not here");
  const { xi, pinn } = checks("pde_f") as { xi: number[][]; pinn: number[][] };
  const y = await predict(paperRod(folder), xi.flat());
  // Both are printed with 7 decimals, and the network computes in f32.
  pinn.flat().forEach((v, k) => {
    assert.ok(Math.abs(y[k] - v) < 5e-7, `${y[k]}, expected ${v}`);
  });
});

test("the paper's networks of the plate give the published potentials, also outside of the box", async () => {
  if (folder === null) return console.log("SKIP the reference data are not here");
  const { xi, f_first4, columns } = checks("eit_f") as { xi: number[][]; f_first4: number[][]; columns: number[] };
  const y = await predict(paperEit(folder), xi.flat());
  f_first4.forEach((row, i) => {
    row.forEach((v, k) => {
      assert.ok(Math.abs(y[600 * i + columns[k]] - v) < 1e-6, `${y[600 * i + columns[k]]}, expected ${v}`); // 6 decimals
    });
  });
});

test("the paper's networks have the gradients that differences give", async () => {
  if (folder === null) return console.log("SKIP the reference data are not here");
  for (const [problem, theta] of [
    [paperRod(folder), [0.5, -0.25, 1, -1.5, 0.25]],
    [paperEit(folder), [0.40625, 0.59375]],
  ] as const) {
    const t = input("theta", problem.D, { dtype: "f64" });
    const y = (problem.forward as NonNullable<Problem["forward"]>)(t);
    const total = sumFeatures(batchSum(slice(y, 0, 9)));
    await checkGradients(total, [t], grad(total, [t]), { rows: 1, values: { theta: Float64Array.from(theta) } });
  }
});

test("data sets of the plate come from all of the box, and from beyond its edges", async () => {
  if (folder === null) return console.log("SKIP the reference data are not here");
  const { theta, clean } = await simulate(paperEit(folder), 2000, { seed: 3 });
  const within = Array.from({ length: 2000 }, (_, i) =>
    [theta[2 * i], theta[2 * i + 1]].every((x) => x >= 0.2 && x <= 0.8),
  ).filter((inside) => inside).length;
  assert.ok(within > 1000 && within < 1950, `${within} of 2000`);
  assert.ok(clean.every(Number.isFinite));
});

test.run();
