// slow (10 s): second derivatives on the reference
// Electrodes: reciprocity, power, limits of the models, derivatives, protocols, places. electrodes-disc.test.ts has a semi-analytic one.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createReference } from "../../src/backends/reference/executor.ts";
import { type Electrodes, type ElectrodesOptions, electrodes } from "../../src/fem/electrodes.ts";
import { disc, rectangle } from "../../src/fem/generators.ts";
import type { Mesh } from "../../src/fem/mesh.ts";
import { poisson } from "../../src/fem/poisson.ts";
import { tank } from "../../src/fem/tank.ts";
import { add, batchSum, input, sumFeatures } from "../../src/graph/build.ts";
import { mul, square } from "../../src/graph/elementwise.ts";
import { grad } from "../../src/graph/grad.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { wasmBuilds } from "../helpers/backends.ts";
import { checkGradients } from "../helpers/differences.ts";
import { dataOf, farthest, minus, norm, ones, plain } from "../helpers/fem.ts";
import { draw, generator } from "../helpers/random.ts";
import { runGraph } from "../helpers/run.ts";

// ---- what holds for every model

const round = tank({ electrodes: 8, edges: 2, size: 0.3, halvings: 1 });
const models: Readonly<Record<string, ElectrodesOptions>> = {
  complete: { mesh: round, impedance: [0.1, 0.2, 0.05, 0.1, 0.3, 0.1, 0.02, 0.1] },
  shunt: { mesh: round, model: "shunt" },
  gap: { mesh: round, model: "gap" },
  point: { mesh: round, model: "point", on: { count: 8 } },
  "complete on arcs that end within edges": {
    mesh: disc({ rings: 5 }),
    on: { count: 8, coverage: 0.4 },
    impedance: 0.1,
  },
};
/** Conductivities between 0.5 and 2. */
const uneven = (E: number, samples = 1): Float64Array =>
  Float64Array.from(draw(generator(5), samples * E, { low: 0.5, high: 2 }));

for (const [name, options] of Object.entries(models)) {
  test(`source and reading change places: ${name}`, async () => {
    const model = electrodes({ ...options, inject: { against: 0 }, measure: { against: 0 } });
    const u = await dataOf(model, uneven(model.E));
    const scale = Math.max(...u.map(Math.abs));
    for (let k = 0; k < 7; k++)
      for (let m = 0; m < k; m++) assert.ok(Math.abs(u[7 * k + m] - u[7 * m + k]) < 1e-12 * scale, `${k}, ${m}`);
  });

  test(`the power of the current is that of the field, and no current leaves elsewhere: ${name}`, async () => {
    const model = electrodes({ ...options, inject: { pairs: [[1, 5]] }, measure: { pairs: [[1, 5]] }, reference: 3 });
    const sigma = uneven(model.E);
    const a = input("a", model.E, { dtype: "f64" });
    const { u, v, p } = await runGraph(
      { u: model.solve(a)[0], v: model.observe(a), p: model.potentials(a) },
      { rows: 1, inputs: { a: sigma }, create: plain },
    );
    assert.ok(Math.abs(p[1] - p[5] - v[0]) < 1e-12 * v[0]);
    assert.is(p[3], 0, "the reference");
    let power = 0;
    const { points, triangles } = model.mesh;
    for (let e = 0; e < model.E; e++) {
      const [i, j, k] = triangles.subarray(3 * e, 3 * e + 3);
      const [ax, ay] = [points[2 * j] - points[2 * i], points[2 * j + 1] - points[2 * i + 1]];
      const [bx, by] = [points[2 * k] - points[2 * i], points[2 * k + 1] - points[2 * i + 1]];
      const twice = ax * by - ay * bx;
      const [du, dv] = [u[j] - u[i], u[k] - u[i]];
      const [gx, gy] = [(du * by - dv * ay) / twice, (dv * ax - du * bx) / twice];
      power += (sigma[e] * (gx * gx + gy * gy) * twice) / 2;
    }
    // The complete model loses more in its contacts: at least z I² / length at each, were the current spread evenly.
    if (options.model !== undefined) assert.ok(Math.abs(power - v[0]) < 1e-11 * v[0], `${power} and ${v[0]}`);
    else {
      const z =
        typeof options.impedance === "number" ? new Array(8).fill(options.impedance) : (options.impedance as number[]);
      assert.ok(v[0] - power > z[1] / model.lengths[1] + z[5] / model.lengths[5]);
    }
  });
}

test("scaling the conductivity by c and impedances by 1/c scales potentials by 1/c; data are linear in the current", async () => {
  const base = { mesh: round, inject: "trigonometric" } as const;
  const sigma = uneven(electrodes({ ...base, impedance: 1 }).E);
  const one = await dataOf(electrodes({ ...base, impedance: 0.3 }), sigma);
  const two = await dataOf(
    electrodes({ ...base, impedance: 0.15, current: 3 }),
    sigma.map((x) => 2 * x),
  );
  assert.ok(
    farthest(
      two,
      one.map((x) => 1.5 * x),
    ) <
      1e-12 * norm(one),
  );
});

test("the complete model goes over to the shunt for small impedances, and its contacts add z I / length for large ones", async () => {
  const base = { mesh: round, measure: "each", reference: "sink" } as const;
  const shunt = electrodes({ ...base, model: "shunt" });
  const sigma = uneven(shunt.E);
  const want = await dataOf(shunt, sigma);
  const [first, second] = [1e-5, 1e-7];
  const off = await Promise.all(
    [first, second].map(
      async (impedance) => norm(minus(await dataOf(electrodes({ ...base, impedance }), sigma), want)) / norm(want),
    ),
  );
  assert.ok(off[0] < 1e-3 && off[1] < 0.02 * off[0], `${off}: of first order in z`);

  const gap = await dataOf(electrodes({ ...base, model: "gap" }), sigma);
  const left = await Promise.all(
    [100, 1000].map(async (z) => {
      const large = electrodes({ ...base, impedance: z });
      const data = await dataOf(large, sigma);
      // With the current spread evenly, U_source − U_sink has the drops of both contacts, and other electrodes that of the sink.
      const drops = Array.from(large.injection, (k, g) => {
        const at = (l: number): number => (large.currents[8 * k + l] * z) / large.lengths[l];
        return at(large.reading[g]) - at((k + 1) % 8);
      });
      return norm(minus(minus(data, drops), gap)) / norm(gap);
    }),
  );
  assert.ok(
    left[0] < 1e-3 && left[1] < 0.11 * left[0],
    `${left}: what is left is the gap model, to first order in 1/z`,
  );
});

test("a point electrode reads what poisson reads for a flux there", async () => {
  const mesh = rectangle({ cells: 8 });
  const model = electrodes({
    mesh,
    model: "point",
    on: [
      [0, 0.5],
      [1, 0.5],
      [0.5, 1],
      [0.3, 0.3],
    ],
    inject: { pairs: [[0, 1]] },
    measure: "each",
  });
  const sigma = uneven(model.E);
  const u = await dataOf(model, sigma);
  // Unit current at a node: the limit of a flux on the two edges beside it, whose load is all on it for hat functions.
  const hat = (_: number, y: number): number => (Math.abs(y - 0.5) < 0.125 ? 8 * (1 - 8 * Math.abs(y - 0.5)) : 0);
  const wide = poisson({
    mesh,
    neumann: [
      { on: "left", flux: (x, y) => hat(x, y) },
      { on: "right", flux: (x, y) => -hat(x, y) },
    ],
    gauge: "sensors",
    sensors: [
      [0, 0.5],
      [1, 0.5],
      [0.5, 1],
      [0.3, 0.3],
    ],
  });
  const a = input("a", model.E, { dtype: "f64" });
  const { v } = await runGraph({ v: wide.observe(a) }, { rows: 1, inputs: { a: sigma }, create: plain });
  // Far from the electrodes they agree better: a flux over two edges of 1/8 is not a point.
  assert.ok(Math.abs(u[2] - u[3] - (v[2] - v[3])) < 0.02 * Math.abs(u[0] - u[1]));
  assert.ok(u[0] > v[0] && u[1] < v[1], "a point is singular");
  assert.ok(Math.abs(u.reduce((s, x) => s + x, 0)) < 1e-12);
});

// ---- derivatives and backends

const weighted = (t: Tensor, seed: number): Tensor =>
  batchSum(sumFeatures(mul(t, draw(generator(seed), t.cols, { low: -2, high: 2 }))));

const small = tank({ electrodes: 4, edges: 1, size: 0.9, halvings: 0 });
function setUp() {
  const model = electrodes({ mesh: small, reference: "sink", measure: "each" });
  const [a, z, g] = [model.E, 4, 4].map((cols, i) => input("azg"[i], cols, { dtype: "f64" }));
  const data = model.observe(a, { impedance: z, gains: g });
  const next = generator(9);
  const values = Object.fromEntries(
    [a, z, g].map((t, i) => ["azg"[i], draw(next, 2 * t.cols, { low: 0.75, high: 3 })]),
  );
  return { total: weighted(add(data, mul(square(data), 0.5)), 1), leaves: [a, z, g], values };
}

test("derivatives by conductivities, impedances and gains are those of finite differences, and so are second ones", async () => {
  const { total, leaves, values } = setUp();
  const first = grad(total, leaves) as Tensor[];
  await checkGradients(total, leaves, first, { rows: 2, values });
  const again = first.map((t, i) => weighted(t, 2 + i)).reduce((p, q) => add(p, q));
  await checkGradients(again, leaves, grad(again, leaves), { rows: 2, values });
});

test("one impedance for all electrodes is as many equal ones, from numbers or tensors", async () => {
  const fixed = electrodes({ mesh: round, impedance: 0.25 });
  const [a, z] = [input("a", fixed.E, { dtype: "f64" }), input("z", 1, { dtype: "f64" })];
  const open = electrodes({ mesh: round });
  const inputs = { a: uneven(fixed.E), z: [0.25] };
  const out = await runGraph(
    { x: fixed.observe(a), y: open.observe(a, { impedance: z }) },
    { rows: 1, inputs, create: plain },
  );
  assert.ok(farthest(out.x, out.y) < 1e-13 * norm(out.x));
});

for (const [backend, create] of Object.entries(wasmBuilds)) {
  test(`data and derivatives on ${backend} are those of the reference, in single precision too`, async () => {
    const { total, leaves, values } = setUp();
    const outputs = Object.fromEntries(grad(total, leaves).map((g, i) => [`g${i}`, g as Tensor]));
    const want = await runGraph(outputs, { rows: 2, inputs: values, create: createReference });
    const got = await runGraph(outputs, { rows: 2, inputs: values, create });
    for (const key of Object.keys(want)) assert.ok(farthest(got[key], want[key]) < 1e-11 * (1 + norm(want[key])), key);

    const model = electrodes({ mesh: round, impedance: 1e-6 }); // single precision could not solve with such contacts
    const [a, b] = [input("a", model.E, { dtype: "f64" }), input("b", model.E)];
    const sigma = uneven(model.E, 11).map(Math.fround);
    const { x, y } = await runGraph(
      { x: model.observe(a), y: model.observe(b) },
      { rows: 11, inputs: { a: sigma, b: sigma }, create },
    );
    assert.ok(farthest(x, y) < 2 ** -24 * Math.max(...x.map(Math.abs)) * 1.01);
  });
}

test("a conductivity that is not positive makes NaN of its sample alone", async () => {
  const model = electrodes({ mesh: round, impedance: 0.1 });
  const sigma = uneven(model.E, 3);
  sigma.fill(-1, model.E, 2 * model.E);
  const u = await dataOf(model, sigma);
  for (let r = 0; r < 3; r++) assert.is(u.subarray(r * model.M, (r + 1) * model.M).every(Number.isFinite), r !== 1);
});

// ---- protocols

test("injections that are combinations of others are not solved for, and have their data", async () => {
  const pairs = [
    [0, 2],
    [2, 4],
    [0, 4],
    [4, 6],
    [6, 0],
    [2, 0],
  ];
  const some = electrodes({ mesh: round, impedance: 0.1, inject: { pairs } });
  assert.is(some.independent, 3);
  const sigma = uneven(some.E);
  const together = await dataOf(some, sigma);
  for (const [k, pair] of pairs.entries()) {
    const alone = await dataOf(electrodes({ mesh: round, impedance: 0.1, inject: { pairs: [pair] } }), sigma);
    assert.ok(farthest(together.subarray(8 * k, 8 * k + 8), alone) < 1e-13 * norm(alone));
  }
});

test("protocols have the rows that their names say, and active or missing electrodes leave the data that are left", () => {
  const of = (more: object): Electrodes => electrodes({ mesh: round, impedance: 1, ...more });
  const all = of({});
  assert.equal([all.K, all.M, all.independent], [8, 64, 7]);
  assert.equal([...all.currents.subarray(0, 8)], [1, -1, 0, 0, 0, 0, 0, 0]);
  assert.equal([...all.currents.subarray(56, 64)], [-1, 0, 0, 0, 0, 0, 0, 1]);
  assert.equal([...of({ inject: { skip: 2 }, current: 2 }).currents.subarray(0, 8)], [2, 0, 0, -2, 0, 0, 0, 0]);
  assert.is(of({ inject: "opposite" }).K, 4);
  assert.equal([of({ inject: "trigonometric" }).K, of({ inject: "trigonometric" }).independent], [7, 7]);
  assert.is(of({ inject: { against: 3 } }).K, 7);
  const passive = of({ measureActive: false });
  assert.is(passive.M, 8 * 5);
  passive.injection.forEach((k, i) => {
    const m = passive.reading[i];
    assert.not.ok([k, (k + 1) % 8].some((l) => l === m || l === (m + 1) % 8));
  });
  const fewer = of({ off: [0, 1] });
  assert.equal([fewer.K, fewer.M], [5, 25]);
});

test("the reference is what readings of single electrodes are relative to", async () => {
  const sigma = uneven(electrodes({ mesh: round, impedance: 1 }).E);
  const of = async (reference: "mean" | "sink" | number): Promise<Float64Array> =>
    dataOf(electrodes({ mesh: round, impedance: 0.1, measure: "each", reference }), sigma);
  const [mean, sink, third] = [await of("mean"), await of("sink"), await of(3)];
  for (let k = 0; k < 8; k++) {
    const row = (x: Float64Array): Float64Array => x.subarray(8 * k, 8 * k + 8);
    assert.ok(Math.abs(row(mean).reduce((a, b) => a + b, 0)) < 1e-12);
    assert.is(row(sink)[(k + 1) % 8], 0);
    assert.is(row(third)[3], 0);
    assert.ok(
      farthest(
        row(mean).map((x) => x - row(mean)[3]),
        row(third),
      ) < 1e-12,
    );
  }
});

// ---- places and meshes

test("equal arcs are where they are said to be: numbered counter-clockwise from the top, or clockwise from elsewhere", () => {
  const mesh = tank({ electrodes: 8 });
  const middle = (m: Mesh, tag: string): [number, number] => {
    const nodes = m.edgeTags[tag].flatMap((s) => [m.edges[2 * s], m.edges[2 * s + 1]]);
    return [0, 1].map((i) => nodes.reduce((sum, node) => sum + m.points[2 * node + i], 0) / nodes.length) as [
      number,
      number,
    ];
  };
  const near = ([x, y]: [number, number], angle: number): boolean =>
    Math.abs(Math.atan2(Math.sin(angle), Math.cos(angle)) - Math.atan2(y, x)) < 1e-6;
  assert.ok(near(middle(mesh, "e0"), Math.PI / 2));
  assert.ok(near(middle(mesh, "e1"), (3 * Math.PI) / 4));
  assert.ok(near(middle(tank({ electrodes: 8, clockwise: true, first: 0.2 }), "e1"), 0.2 - Math.PI / 4));
});

test("a thorax has electrodes of equal lengths at equal distances, and arcs by place are those of its tags", async () => {
  const mesh = tank({ outline: "thorax", electrodes: 16, edges: 4, size: 0.15, halvings: 1 });
  const tagged = electrodes({ mesh, impedance: 0.05 });
  const placed = electrodes({ mesh, on: { count: 16, coverage: 0.5 }, impedance: 0.05 });
  const longest = Math.max(...tagged.lengths);
  assert.ok(Math.min(...tagged.lengths) > 0.995 * longest, "but for chords");
  // Lengths along the polygon are not quite those along the outline, and the centre of the box is not that of the outline.
  const [u, v] = [
    await dataOf(tagged, ones(mesh.triangles.length / 3)),
    await dataOf(placed, ones(mesh.triangles.length / 3)),
  ];
  assert.ok(norm(minus(u, v)) < 0.2 * norm(u));
});

test("meshes of tanks have their electrodes and no thin triangles, in all sizes", () => {
  for (const outline of ["circle", "thorax"] as const) {
    for (const [electrodes, edges, size, halvings] of [
      [2, 1, 1, 0],
      [8, 3, 0.2, 2],
      [16, 2, 0.1, 4],
      [32, 4, 0.07, 3],
    ]) {
      const mesh = tank({ outline, electrodes, edges, size, halvings });
      assert.is(Object.keys(mesh.edgeTags).length, electrodes + 1);
      let least = Math.PI;
      for (let h = 0; h < mesh.triangles.length; h++) {
        const t = h - (h % 3);
        const [a, b, c] = [h, t + ((h + 1) % 3), t + ((h + 2) % 3)].map((k) => 2 * mesh.triangles[k]);
        const angle = (k: number): number =>
          Math.atan2(mesh.points[k + 1] - mesh.points[a + 1], mesh.points[k] - mesh.points[a]);
        const between = Math.abs(angle(b) - angle(c));
        least = Math.min(least, between, 2 * Math.PI - between);
      }
      assert.ok(least > 0.12, `${outline}, ${electrodes} electrodes: an angle of ${(least * 180) / Math.PI}°`);
    }
  }
});

test("what does not fit is refused by name", () => {
  const base = { mesh: round, impedance: 1 };
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ mesh: round, impedence: 1 }, /expected options mesh, on, .*; got "impedence"/],
    [{ ...base, model: "shunt" }, /expected no impedance for model "shunt", got 1/],
    [{ mesh: round, impedance: [1, 2] }, /expected impedance as a number above 0, or 8 of them/],
    [{ mesh: round, impedance: 0 }, /expected finite impedances above 0, got 0 of electrode 0/],
    [{ ...base, inject: "adjacnt" }, /expected inject as "adjacent", .*, got "adjacnt"/],
    [{ ...base, inject: "each" }, /expected inject with a source and a sink, got "each"/],
    [
      { ...base, inject: [[1, 0, 0, 0, 0, 0, 0, 0]] },
      /expected currents that sum to 0 .*, got a sum of 1 in injection 0/,
    ],
    [{ ...base, inject: [[0, 0, 0, 0, 0, 0, 0, 0]] }, /expected currents that sum to 0 .*, got none in injection 0/],
    [{ ...base, inject: [[1, -1]] }, /expected each of rows of inject, .* to be 8 numbers, got 2 at index 0/],
    [{ ...base, inject: { pairs: [[0, 8]] } }, /expected electrodes 0 to 7 in inject, got 8 in pair 0/],
    [{ ...base, measure: { pairs: [[1, 1]] } }, /expected pairs of two electrodes in measure, got 1 twice in pair 0/],
    [{ ...base, inject: { skip: 7 } }, /expected a skip from 0 to 6 in inject, got 7/],
    [{ ...base, off: [8] }, /expected electrodes 0 to 7 in off, got 8/],
    [{ ...base, reference: 8 }, /expected reference below 8/],
    [{ ...base, on: ["e0"] }, /expected at least two electrodes, got 1/],
    [{ ...base, on: ["e0", "e0"] }, /expected electrodes that share no edge, got electrodes 0 and 1 on edge/],
    [{ ...base, on: ["e0", "e9"] }, /selectEdges: expected one of the edge tags/],
    [{ mesh: disc({ rings: 3 }), impedance: 1 }, /where the mesh has no edge tags e0, e1, …, got the tags boundary/],
    [
      { mesh: disc({ rings: 3 }), impedance: 1, on: { count: 4, width: 2 } },
      /expected electrodes narrower than .*, got 2/,
    ],
    [
      { mesh: disc({ rings: 3 }), model: "shunt", on: { count: 5 } },
      /expected arcs that end in nodes of the mesh for model "shunt"/,
    ],
    [{ mesh: round, model: "point", on: ["e0", "e1"] }, /expected on as points \(L, 2\) or \{ count \}/],
    [
      {
        mesh: round,
        model: "point",
        on: [
          [0, 0],
          [5, 5],
        ],
      },
      /expected points in the mesh, got \(5, 5\) at index 1/,
    ],
    [
      { mesh: tank({ electrodes: 5, edges: 1 }), impedance: 1, inject: "opposite" },
      /an even number of electrodes for "opposite", got 5/,
    ],
  ];
  for (const [options, message] of refused) assert.throws(() => electrodes(options as ElectrodesOptions), message);
  const model = electrodes({ mesh: round });
  const a = input("a", model.E, { dtype: "f64" });
  assert.throws(() => model.observe(a), /expected impedance in the definition, or beside the conductivity/);
  assert.throws(() => model.observe(input("b", 3)), /expected conductivities \(B, \d+\), got/);
  assert.throws(() => model.observe(a, { impedance: input("z", 3) }), /expected impedance \(B, 8\) or \(B, 1\)/);
  assert.throws(() => electrodes(base).observe(a, { gains: [1, 2] }), /expected gains \(B, 8\) or 8 finite numbers/);
  assert.throws(() => electrodes(base).observe(a, { gain: [1] } as never), /expected only \{ impedance, gains \}/);
  assert.throws(() => tank({ outline: () => -1 }), /expected an outline of finite distances above 0, got -1/);
});

test.run();
