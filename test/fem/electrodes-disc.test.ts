// slow (20 s): three meshes and three conductivities beside a series of 16,000 terms
// Electrodes on a disc: the complete model against a semi-analytic solution.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { electrodes } from "../../src/fem/electrodes.ts";
import { areaFractions, mixedConductivity } from "../../src/fem/fractions.ts";
import { disc } from "../../src/fem/generators.ts";
import type { Mesh } from "../../src/fem/mesh.ts";
import { tank } from "../../src/fem/tank.ts";
import { input } from "../../src/graph/build.ts";
import { type Disc, discPotentials } from "../helpers/disc-electrodes.ts";
import { dataOf, minus, norm, ones, onNodes } from "../helpers/fem.ts";
import { runGraph } from "../helpers/run.ts";

/** The conductivity of a disc in a uniform body. */
async function discIn(mesh: Mesh, radius: number, inside: number): Promise<Float64Array> {
  const level = input("level", mesh.points.length / 2, { dtype: "f64" });
  const sigma = mixedConductivity(areaFractions(mesh)(level), inside, 1);
  const values = onNodes(mesh, (x, y) => radius - Math.sqrt(x * x + y * y));
  return Float64Array.from((await runGraph({ sigma }, { rows: 1, inputs: { level: values } })).sigma);
}

/** Adjacent potentials for adjacent injections, all of them. */
function adjacent(of: Disc): number[] {
  const L = of.electrodes;
  const currents = Array.from({ length: L }, (_, k) =>
    Array.from({ length: L }, (_, l) => (l === k ? 1 : l === (k + 1) % L ? -1 : 0)),
  );
  return discPotentials(of, currents).flatMap((u) => u.map((x, l) => x - u[(l + 1) % L]));
}
const sixteen: Disc = { electrodes: 16, half: Math.PI / 32, impedance: new Array<number>(16).fill(0.01), sigma: 1 };

test("the semi-analytic disc converges, and satisfies the complete model in the mean", () => {
  const coarse = adjacent({ ...sixteen, degree: 6, orders: 4000 });
  const fine = adjacent({ ...sixteen, degree: 16, orders: 16_000 });
  assert.ok(norm(minus(coarse, fine)) < 3e-4 * norm(fine), `${norm(minus(coarse, fine)) / norm(fine)}`);
});

test("the complete model is that of the semi-analytic disc: the empty one, and with an inclusion that conducts or insulates", async () => {
  const [L, radius] = [16, 0.5];
  const empty = adjacent(sixteen);
  /** Errors of the empty disc, and of differences, each as a share of itself. */
  const rows: string[] = [];
  const errors: number[][] = [];
  for (const [edges, size] of [
    [2, 0.2],
    [4, 0.1],
    [6, 0.05],
  ]) {
    const mesh = tank({ electrodes: L, edges, size });
    const model = electrodes({ mesh, impedance: 0.01 });
    const row: number[] = [];
    const uniform = await dataOf(model, ones(model.E));
    row.push(norm(minus(uniform, empty)) / norm(empty));
    for (const inside of [10, 0.05]) {
      const want = minus(adjacent({ ...sixteen, inclusion: { radius, sigma: inside } }), empty);
      const got = minus(await dataOf(model, await discIn(mesh, radius, inside)), uniform);
      row.push(norm(minus(got, want)) / norm(want));
    }
    errors.push(row);
    rows.push([model.N, ...row.map((x) => `${(100 * x).toFixed(2)} %`)].join("  "));
  }
  console.log(`nodes, errors: empty, conducting, insulating\n${rows.join("\n")}`);
  const [coarse, , fine] = errors;
  // At most 2 % with about 3400 nodes or fewer. The current at the ends of electrodes limits the first, the rim the others.
  for (const [i, error] of fine.entries()) assert.ok(error < 0.02, `case ${i}: ${error}`);
  assert.ok(coarse[0] > 2.5 * fine[0], "a third of the length of edges: order 1 and more");
});

test("equal arcs on a mesh without electrodes are the same electrodes, whose ends lie within edges", async () => {
  const mesh = disc({ rings: 33 });
  const model = electrodes({ mesh, on: { count: 16, coverage: 0.5 }, impedance: 0.01 });
  const want = adjacent(sixteen);
  // Without nodes at the ends, and with six edges on an electrode: 3.1 % (with nodes and finer ones there, 1.3 %).
  const error = norm(minus(await dataOf(model, ones(model.E)), want)) / norm(want);
  assert.ok(error < 0.04, `${error}`);
  const total = model.lengths.reduce((a, b) => a + b, 0);
  assert.ok(Math.abs(total - Math.PI) < 0.001, `half of the circle, not ${total}`);
});

test.run();
