// Finite-element models against solutions that linear elements represent exactly, and against identities that any solution obeys.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { disc, rectangle } from "../../src/fem/generators.ts";
import { gmsh } from "../../src/fem/gmsh.ts";
import { makeMesh } from "../../src/fem/make-mesh.ts";
import { areas, type Mesh } from "../../src/fem/mesh.ts";
import { poisson } from "../../src/fem/poisson.ts";
import type { PoissonSpec } from "../../src/fem/spec.ts";
import { sparseMatrix } from "../../src/sparse/matrix.ts";
import { backends } from "../helpers/backends.ts";
import { farthest, integrate, onNodes, onTriangles, type Plane, solutions } from "../helpers/fem.ts";
import { draw, generator } from "../helpers/random.ts";

const plate = gmsh(readFileSync(new URL("../../examples/plate.msh", import.meta.url), "utf8"));
const everywhere = (): boolean => true;
/** Rounding of solutions of order 1 to 10: condition numbers are 1e3 to 1e4 here. */
const ROUNDING = 1e-11;

/** Positive numbers, the same in every run. */
const positive = (count: number, seed = 1): Float64Array => draw(generator(seed), count, { low: 0.5, high: 4 });

const meshes: Readonly<Record<string, Mesh>> = {
  "a rectangle": rectangle({ x: [-1, 2], y: [0, 1], cells: [7, 5] }),
  "a disc": disc({ rings: 5, centre: [1, 1] }),
  "a plate with a hole from Gmsh": plate,
};

for (const [name, mesh] of Object.entries(meshes)) {
  test(`linear solutions are reproduced to rounding on ${name}, with two right-hand sides`, async () => {
    const u: Plane = (x, y) => 1 + 2 * x - 3 * y;
    const [a, c, h] = [2.5, 0.75, 1.25];
    // The slope along the normal of the edge at hand, which is found among all edges.
    const { points, edges } = mesh;
    const slope: Plane = (x, y) => {
      for (let s = 0; s < edges.length; s += 2) {
        const [p, q] = [2 * edges[s], 2 * edges[s + 1]];
        const [tx, ty] = [points[q] - points[p], points[q + 1] - points[p + 1]];
        const [dx, dy] = [x - points[p], y - points[p + 1]];
        const along = (dx * tx + dy * ty) / (tx * tx + ty * ty);
        if (Math.abs(dx * ty - dy * tx) < 1e-9 && along > 0.01 && along < 0.99)
          return (2 * ty + 3 * tx) / Math.sqrt(tx * tx + ty * ty); // the domain is on the left
      }
      throw new Error(`no edge at (${x}, ${y})`);
    };
    const middle = points.reduce((sum, p, i) => (i % 2 ? sum : sum + p), 0) / (points.length / 2);
    const model = poisson({
      mesh,
      dirichlet: [{ on: (x) => x < middle, value: [u, (x, y) => 2 * u(x, y)] }],
      neumann: [{ on: everywhere, flux: [(x, y) => a * slope(x, y), (x, y) => 2 * a * slope(x, y)] }],
      reaction: c,
      source: [(x, y) => c * u(x, y), (x, y) => 2 * c * u(x, y)],
      sensors: [
        [points[0], points[1]],
        [points[2], points[3]],
      ],
    });
    const { nodes, data } = await solutions(model, { a: new Float64Array(model.E).fill(a) });
    const want = onNodes(mesh, u);
    assert.ok(farthest(nodes[0], want) < ROUNDING, `${farthest(nodes[0], want)}`);
    const twice = want.map((v) => 2 * v);
    assert.ok(farthest(nodes[1], twice) < 2 * ROUNDING, `${farthest(nodes[1], twice)}`);
    assert.ok(farthest(data, [want[0], want[1], twice[0], twice[1]]) < 2 * ROUNDING);
    // A constant is one for any coefficients, within surroundings of the same value.
    const level = poisson({ mesh, robin: [{ on: everywhere, transfer: h, outside: 3 }], reaction: c, source: 3 * c });
    const flat = await solutions(level, { a: positive(model.E) });
    assert.ok(farthest(flat.nodes[0], want.fill(3)) < ROUNDING);
  });
}

/** Coefficients that vary along x alone, column of cells by column. */
function layered(columns: number, seed: number): { mesh: Mesh; a: Float64Array; at: Plane } {
  const mesh = rectangle({ cells: columns });
  const values = positive(columns, seed);
  const at: Plane = (x) => values[Math.min(columns - 1, Math.floor(x * columns))];
  return { mesh, a: onTriangles(mesh, at), at };
}

test("layers that jump let a gradient along them pass unchanged, and share one across them by their resistance", async () => {
  const { mesh, a, at } = layered(6, 3);
  const along = poisson({ mesh, neumann: [{ on: "top", flux: at }], dirichlet: [{ on: "bottom", value: 0 }] });
  const up = await solutions(along, { a });
  assert.ok(
    farthest(
      up.nodes[0],
      onNodes(mesh, (_, y) => y),
    ) < ROUNDING,
  );
  // Across: u = ∫ dx / a of the flow 1.
  const across = poisson({ mesh, neumann: [{ on: "right", flux: 1 }], dirichlet: [{ on: "left", value: 0 }] });
  const right = await solutions(across, { a });
  const rise = onNodes(mesh, (x) => {
    let sum = 0;
    for (let k = 0; k < Math.round(6 * x); k++) sum += 1 / (6 * at((k + 0.5) / 6, 0));
    return sum;
  });
  assert.ok(farthest(right.nodes[0], rise) < ROUNDING);
});

test("samples of a batch have their own solutions on every backend and in single precision", async () => {
  const mesh = rectangle({ cells: 6 });
  const spec: PoissonSpec = {
    mesh,
    dirichlet: [{ on: "left", value: [0, 1] }],
    robin: [{ on: "right", transfer: 2, outside: [1, 0] }],
    source: [(x, y) => x * y, 0],
    sensors: [
      [0.3, 0.4],
      [1, 1],
    ],
  };
  const model = poisson(spec);
  const rows = 11;
  const a = positive(rows * model.E, 5);
  const want = await solutions(model, { a, create: backends.reference });
  for (const [name, create] of Object.entries(backends)) {
    for (const [dtype, tolerance] of [
      ["f64", ROUNDING],
      ["f32", 2e-6],
    ] as const) {
      const got = await solutions(model, { a, create, dtype });
      const off = Math.max(farthest(got.data, want.data), farthest(got.nodes[1], want.nodes[1]));
      assert.ok(off < tolerance, `${name}, ${dtype}: ${off}`);
    }
  }
  const alone = await solutions(model, { a: a.subarray(4 * model.E, 5 * model.E) });
  assert.ok(farthest(want.data.subarray(4 * 4, 5 * 4), alone.data) < ROUNDING);
});

test("a Robin condition of large transfer is a Dirichlet condition, and one of small transfer lets nothing through", async () => {
  const mesh = disc({ rings: 4 });
  const upper = (_: number, y: number): boolean => y > -1e-9;
  const rest: Omit<PoissonSpec, "robin" | "dirichlet"> = { mesh, source: 1 };
  const base = { dirichlet: [{ on: (_: number, y: number) => y < 1e-9, value: (x: number) => 1 + x }], ...rest };
  const a = positive(mesh.triangles.length / 3);
  const of = async (spec: PoissonSpec) => (await solutions(poisson(spec), { a })).nodes[0];
  const held = await of({ ...base, dirichlet: [...base.dirichlet, { on: upper, value: (x) => 1 + x }] });
  const tight = await of({ ...base, robin: [{ on: upper, transfer: 1e9, outside: (x) => 1 + x }] });
  const open = await of(base);
  const loose = await of({ ...base, robin: [{ on: upper, transfer: 1e-9, outside: (x) => 1 + x }] });
  assert.ok(farthest(tight, held) < 1e-7 && farthest(tight, held) > 1e-12, `${farthest(tight, held)}`);
  assert.ok(farthest(loose, open) < 1e-7 && farthest(loose, open) > 1e-12, `${farthest(loose, open)}`);
});

// ---- pure Neumann problems

const pull = (mesh: Mesh): PoissonSpec => ({
  mesh,
  neumann: [
    { on: "left", flux: [-1, 0] },
    { on: "right", flux: [1, 0] },
    { on: "bottom", flux: [0, -2] },
    { on: "top", flux: [0, 2] },
  ],
  sensors: [
    [0.1, 0.2],
    [0.7, 0.7],
    [1, 0],
  ],
});

test("each gauge sets its own mean to 0 and leaves differences alone", async () => {
  const mesh = rectangle({ cells: 5 });
  const N = mesh.points.length / 2;
  const own = new Float64Array(N);
  own[3] = 1.5;
  own[N - 1] = -0.5;
  const at = (i: number): [number, number] => [mesh.points[2 * i], mesh.points[2 * i + 1]];
  const levels: [NonNullable<PoissonSpec["gauge"]> | undefined, (u: Plane) => number][] = [
    [undefined, (u) => u(0.5, 0.5)], // linear: its mean over the square
    ["domain", (u) => u(0.5, 0.5)],
    ["sensors", (u) => (u(0.1, 0.2) + u(0.7, 0.7) + u(1, 0)) / 3],
    [own, (u) => 1.5 * u(...at(3)) - 0.5 * u(...at(N - 1))],
  ];
  for (const [gauge, level] of levels) {
    const model = poisson({ ...pull(mesh), ...(gauge && { gauge }) });
    const { nodes, data } = await solutions(model, { a: new Float64Array(model.E).fill(2) });
    const fields: Plane[] = [(x) => x / 2, (_, y) => y];
    fields.forEach((u, k) => {
      assert.ok(
        farthest(
          nodes[k],
          onNodes(mesh, (x, y) => u(x, y) - level(u)),
        ) < ROUNDING,
        `${gauge}`,
      );
      const sensors = [u(0.1, 0.2), u(0.7, 0.7), u(1, 0)].map((v) => v - level(u));
      assert.ok(farthest(data.subarray(3 * k, 3 * k + 3), sensors) < ROUNDING);
    });
  }
});

test("sensors are of u less the level times the sum of their weights, whatever the gauge", async () => {
  const mesh = rectangle({ cells: 4 });
  const node = (x: number, y: number): number =>
    onNodes(mesh, (u, v) => Number(Math.abs(u - x) + Math.abs(v - y) < 1e-9)).indexOf(1);
  const [left, right] = [node(0, 0.5), node(1, 0.5)];
  const N = mesh.points.length / 2;
  const sensors = sparseMatrix(N, 4, [
    [0, right, 1], // a difference
    [0, left, -1],
    [1, right, 2], // an amplifier
    [2, right, 0.5], // a mean
    [2, left, 0.5],
    [3, left, -1], // the other polarity
  ]);
  const heavy = new Float64Array(N);
  heavy[left] = 1;
  for (const [gauge, level] of [
    ["domain", 0.5],
    [heavy, 0],
  ] as const) {
    const model = poisson({ ...pull(mesh), sensors, gauge });
    const { data } = await solutions(model, { a: new Float64Array(model.E).fill(1) });
    const [l, r] = [-level, 1 - level]; // u = x − level at the left and at the right
    assert.ok(farthest(data.subarray(0, 4), [r - l, 2 * r, (l + r) / 2, -l]) < ROUNDING, `${data}`);
  }
});

test("source and flux that only quadrature or the polygon keeps from balancing are balanced; others are refused", async () => {
  // −Δu = 4 in the unit disc, ∂u/∂n = −2 on the circle: u = ½ − r², of mean 0. The polygon of 72 sides is 0.13 % smaller.
  const model = poisson({ mesh: disc({ rings: 12 }), neumann: [{ on: "boundary", flux: -2 }], source: 4 });
  const { nodes } = await solutions(model, { a: new Float64Array(model.E).fill(1) });
  const off = farthest(
    nodes[0],
    onNodes(model.mesh, (x, y) => 0.5 - x * x - y * y),
  );
  assert.ok(off < 0.01, `${off}`);
  assert.throws(
    () => poisson({ mesh: rectangle({ cells: 4 }), neumann: [{ on: "left", flux: [0, 1] }], source: 0 }),
    /^poisson: expected source and flux that balance, where no Dirichlet .*, got 1 in all for right-hand side 2$/,
  );
});

// ---- reactions

test("a reaction given as a tensor is the same as in the definition, and both add", async () => {
  const mesh = rectangle({ cells: 5 });
  const spec: PoissonSpec = {
    mesh,
    dirichlet: [{ on: "left", value: [1, (_, y) => y] }],
    source: [1, 0],
    sensors: [[0.6, 0.5]],
  };
  const a = positive(mesh.triangles.length / 3);
  const c = positive(a.length, 8);
  const half = c.map((x) => x / 2);
  const defined = await solutions(poisson({ ...spec, reaction: c }), { a });
  const tensor = await solutions(poisson(spec), { a, c });
  const both = await solutions(poisson({ ...spec, reaction: half }), { a, c: half });
  for (const { data, nodes } of [tensor, both]) {
    assert.ok(farthest(data, defined.data) < ROUNDING);
    assert.ok(farthest(nodes[1], defined.nodes[1]) < ROUNDING);
  }
  assert.ok(farthest((await solutions(poisson(spec), { a })).data, defined.data) > 1e-3, "it matters");
});

test("a reaction alone fixes the constant: without flux u = f / c", async () => {
  const mesh = disc({ rings: 3 });
  const model = poisson({ mesh, reaction: 0, source: 3 });
  const c = new Float64Array(model.E).fill(0.5);
  const { nodes } = await solutions(model, { a: positive(model.E), c });
  assert.ok(farthest(nodes[0], new Float64Array(model.N).fill(6)) < ROUNDING);
});

// ---- sensors

test("sensors as functionals give the same data as points, and any other functionals of u besides", async () => {
  const mesh = rectangle({ cells: 4 });
  const { points } = mesh;
  const spec: PoissonSpec = { mesh, dirichlet: [{ on: "left", value: 0 }], source: [1, (x) => x] };
  const N = points.length / 2;
  const [p, q] = [7, 18];
  const at = [p, q].map((i) => [points[2 * i], points[2 * i + 1]] as const);
  const a = positive(mesh.triangles.length / 3);
  const pointwise = await solutions(poisson({ ...spec, sensors: at }), { a });
  const flat = await solutions(poisson({ ...spec, sensors: Float64Array.from(at.flat()) }), { a });
  const functionals = sparseMatrix(N, 3, [
    [0, p, 1],
    [1, q, 1],
    [2, p, -1],
    [2, q, 2],
  ]);
  const model = poisson({ ...spec, sensors: functionals });
  assert.is(model.S, 3);
  const { data } = await solutions(model, { a });
  assert.equal([...flat.data], [...pointwise.data]);
  for (const k of [0, 1]) {
    const [u, v] = pointwise.data.subarray(2 * k, 2 * k + 2);
    assert.ok(farthest(data.subarray(3 * k, 3 * k + 3), [u, v, 2 * v - u]) < ROUNDING);
  }
});

// ---- what every solution obeys

test("the work of the sources is the energy of the solution, and half-way measurements are mutual", async () => {
  const mesh = plate;
  const [E, N] = [mesh.triangles.length / 3, mesh.points.length / 2];
  const each = areas(mesh);
  const places = [10, 200, 500];
  // Sources of strength 1 in three triangles, which are also where u is read, as means.
  const sources = places.map((e) => {
    const f = new Float64Array(E);
    f[e] = 1 / each[e];
    return f;
  });
  const means = places.flatMap((e, s) => [0, 1, 2].map((k) => [s, mesh.triangles[3 * e + k], 1 / 3] as const));
  const [a, c, h] = [positive(E, 4), positive(E, 6), 0.7];
  const model = poisson({
    mesh,
    dirichlet: [{ on: "left", value: 0 }],
    robin: [{ on: "hole", transfer: h, outside: 0 }],
    source: sources,
    sensors: sparseMatrix(N, 3, means),
  });
  const { nodes, data } = await solutions(model, { a, c });
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < i; j++)
      assert.ok(Math.abs(data[3 * i + j] - data[3 * j + i]) < ROUNDING, `source ${i} at ${j}`);
    const u = nodes[i];
    const inside = integrate(mesh, u, (_, v, [gx, gy], e) => a[e] * (gx * gx + gy * gy) + c[e] * v * v);
    let through = 0;
    for (const s of mesh.edgeTags.hole) {
      const [p, q] = [mesh.edges[2 * s], mesh.edges[2 * s + 1]];
      const [x, y] = [mesh.points[2 * q] - mesh.points[2 * p], mesh.points[2 * q + 1] - mesh.points[2 * p + 1]];
      through += (h * Math.sqrt(x * x + y * y) * (u[p] * u[p] + u[p] * u[q] + u[q] * u[q])) / 3;
    }
    assert.ok(Math.abs(data[3 * i + i] - inside - through) < ROUNDING, `${data[4 * i]}, energy ${inside + through}`);
  }
});

test("pieces of a mesh that do not touch are solved side by side", async () => {
  const square = (x: number) => [x, 0, x + 1, 0, x + 1, 1, x, 1];
  const mesh = makeMesh({ points: [...square(0), ...square(5)], triangles: [0, 1, 2, 0, 2, 3, 4, 5, 6, 4, 6, 7] });
  const model = poisson({
    mesh,
    dirichlet: [
      { on: (x) => x < 1e-9, value: 1 },
      { on: (x) => x > 6 - 1e-9, value: 2 },
    ],
  });
  const { nodes } = await solutions(model, { a: positive(4) });
  assert.ok(farthest(nodes[0], [1, 1, 1, 1, 2, 2, 2, 2]) < ROUNDING);
});

test.run();
