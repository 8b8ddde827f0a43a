// Triangles that a curve cuts: areas against polygons and discs, derivatives, and what one conductivity makes of two.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { areaFractions, mixedConductivity } from "../../src/fem/fractions.ts";
import { rectangle } from "../../src/fem/generators.ts";
import { makeMesh } from "../../src/fem/make-mesh.ts";
import { areas } from "../../src/fem/mesh.ts";
import { batchSum, input, sumFeatures } from "../../src/graph/build.ts";
import { grad } from "../../src/graph/grad.ts";
import { checkGradients } from "../helpers/differences.ts";
import { onNodes } from "../helpers/fem.ts";
import { draw, generator } from "../helpers/random.ts";
import { runGraph } from "../helpers/run.ts";

const one = makeMesh({ points: [0, 0, 1, 0, 0, 1], triangles: [0, 1, 2] });

/** Area of the part of the triangle (0, 0), (1, 0), (0, 1) where a linear function is above 0, by clipping. */
function clipped(values: readonly number[]): number {
  const corners = [
    [0, 0],
    [1, 0],
    [0, 1],
  ];
  const polygon: number[][] = [];
  for (let i = 0; i < 3; i++) {
    const j = (i + 1) % 3;
    if (values[i] > 0) polygon.push(corners[i]);
    if (values[i] > 0 !== values[j] > 0) {
      const t = values[i] / (values[i] - values[j]);
      polygon.push([0, 1].map((k) => corners[i][k] + t * (corners[j][k] - corners[i][k])));
    }
  }
  return polygon.reduce((sum, [x, y], i) => {
    const [u, v] = polygon[(i + 1) % polygon.length];
    return sum + (x * v - y * u) / 2;
  }, 0);
}

test("fractions are those of clipped triangles, with corners at 0 and beyond too", async () => {
  const cases = [
    ...Array.from({ length: 200 }, (_, s) => [...draw(generator(s), 3, { low: -1, high: 1 })]),
    ...[-1, 0, 1].flatMap((a) => [-1, 0, 1].flatMap((b) => [-1, 0, 1].map((c) => [a, b, c]))),
    [1e-200, -1, -1],
    [1e9, -1e-9, -1e9],
  ];
  for (const dtype of ["f64", "f32"] as const) {
    const level = input("level", 3, { dtype });
    const inputs = { level: Float64Array.from(cases.flat()) };
    const { f } = await runGraph({ f: areaFractions(one)(level) }, { rows: cases.length, inputs });
    cases.forEach((values, r) => {
      // Corners at 0 are on the rim: nothing of a triangle is inside unless a corner is.
      assert.ok(Math.abs(f[r] - 2 * clipped(values)) < 1e-12, `${values}: ${f[r]}`);
    });
  }
});

test("the area of a disc from its signed distance is right to second order", async () => {
  const errors: number[] = [];
  for (const cells of [16, 32, 64]) {
    const mesh = rectangle({ cells });
    const level = input("level", mesh.points.length / 2, { dtype: "f64" });
    const { f } = await runGraph(
      { f: areaFractions(mesh)(level) },
      { rows: 1, inputs: { level: onNodes(mesh, (x, y) => 0.3 - Math.sqrt((x - 0.5) ** 2 + (y - 0.47) ** 2)) } },
    );
    const area = areas(mesh).reduce((sum, a, e) => sum + a * f[e], 0);
    errors.push(Math.abs(area - Math.PI * 0.09));
  }
  // The rim is a polygon of chords c ≈ h: it lacks c²/12R of its width on average, 2π h²/12 in all.
  for (const [i, error] of errors.entries()) assert.ok(error < (Math.PI / 3) * (1 / (16 << i)) ** 2, `${errors}`);
});

test("derivatives of fractions and mixtures are those of finite differences", async () => {
  const level = input("level", 3, { dtype: "f64" });
  const [inside, outside] = ["inside", "outside"].map((name) => input(name, 1, { dtype: "f64" }));
  const total = batchSum(sumFeatures(mixedConductivity(areaFractions(one)(level), inside, outside)));
  const values = {
    level: [1, -0.5, -2, 0.75, 1.5, -0.25, -1, -0.5, -2, 1, 2, 3],
    inside: [0.5, 3, 2, 8],
    outside: [2, 0.25, 1, 1.5],
  };
  const leaves = [level, inside, outside];
  await checkGradients(total, leaves, grad(total, leaves), { rows: 4, values, relative: 1e-5 });
});

test("a mixture is one of its parts where there is no other, between their means elsewhere, and stores the energy that it is for", async () => {
  const [f, inside] = [input("f", 5, { dtype: "f64" }), input("inside", 1, { dtype: "f64" })];
  const shares = [0, 0.25, 0.5, 0.9, 1];
  const list = [1e-6, 0.1, 1, 3, 1e7];
  const outside = 2;
  const inputs = { f: list.flatMap(() => shares), inside: list };
  const { x } = await runGraph({ x: mixedConductivity(f, inside, outside) }, { rows: 5, inputs });
  list.forEach((s, r) => {
    shares.forEach((share, k) => {
      const got = x[5 * r + k];
      const along = share * s + (1 - share) * outside;
      const across = 1 / (share / s + (1 - share) / outside);
      assert.ok(got > across * (1 - 1e-12) && got < along * (1 + 1e-12), `${share} of ${s}: ${got}`);
      if (share === 0) assert.ok(Math.abs(got - outside) < 1e-9 * outside);
      if (share === 1) assert.is(got, s);
      const [left, right] = [got - along, s * s * (1 / got - 1 / across)]; // (σ − σ_along) E² = (1/σ − 1/σ_across) D²
      assert.ok(Math.abs(left - right) <= 1e-9 * (along + (s * s) / across), `${share} of ${s}: ${left} and ${right}`);
    });
  });
});

test("levels of another size are refused", () => {
  assert.throws(
    () => areaFractions(one)(input("x", 4)),
    /^areaFractions: expected a level \(B, 3\), one number a node, got/,
  );
  assert.throws(() => areaFractions({} as never), /^areaFractions: expected a mesh/);
});

test.run();
