import { test } from "uvu";
import * as assert from "uvu/assert";
import { disc, rectangle } from "../../src/fem/generators.ts";
import { locate, locator } from "../../src/fem/locate.ts";
import { makeMesh } from "../../src/fem/make-mesh.ts";
import type { Mesh } from "../../src/fem/mesh.ts";
import { processorSeconds } from "../helpers/clock.ts";
import { generator, messageOf } from "../helpers/store.ts";

/** The position that a triangle and weights stand for, and checks of the weights. */
function positions(mesh: Mesh, { triangles, weights }: ReturnType<typeof locate>): [number, number][] {
  return Array.from(triangles, (t, p) => {
    const w = weights.slice(3 * p, 3 * p + 3);
    assert.ok(w.every((x) => x >= 0 && x <= 1));
    assert.ok(Math.abs(w[0] + w[1] + w[2] - 1) < 1e-15);
    const at = [0, 0];
    for (let k = 0; k < 3; k++) for (const d of [0, 1]) at[d] += w[k] * mesh.points[2 * mesh.triangles[3 * t + k] + d];
    return [at[0], at[1]];
  });
}

function expectAt(mesh: Mesh, points: readonly (readonly [number, number])[], tolerance: number): void {
  const found = positions(mesh, locate(mesh, points));
  for (const [p, [x, y]] of found.entries()) {
    const off = Math.hypot(x - points[p][0], y - points[p][1]);
    assert.ok(off <= tolerance, `point ${points[p]} came out as ${x}, ${y}`);
  }
}

const random = generator(11);
const uniform = () => random() / 0x100000000;
const inBox = (count: number): [number, number][] => Array.from({ length: count }, () => [uniform(), uniform()]);

/** A slanted, strongly graded mesh: the unit square's grid, moved by a map that keeps straight lines apart. */
function slanted(): Mesh {
  const lines = Array.from({ length: 13 }, (_, i) => (i / 12) ** 4);
  const mesh = rectangle({ x: lines, y: lines });
  const points = mesh.points.map((x, i) => (i % 2 === 0 ? x + 20 * mesh.points[i + 1] : x));
  return makeMesh({ points, triangles: mesh.triangles });
}

test("the weights of points in a mesh reproduce their coordinates, so any linear function", () => {
  for (const mesh of [
    rectangle({ cells: [17, 9] }),
    rectangle({ x: [0, 1e-6, 1e-3, 1], y: [0, 1], cells: 40 }),
    rectangle({ cells: 1 }),
  ])
    expectAt(mesh, inBox(2000), 1e-15);
});

test("the triangle found is the one that holds the point", () => {
  const mesh = rectangle({ x: [0, 4], y: [0, 3], cells: [4, 3], diagonal: "right" });
  for (let j = 0; j < 3; j++) {
    for (let i = 0; i < 4; i++) {
      const { triangles } = locate(mesh, [i + 0.7, j + 0.2, i + 0.2, j + 0.7]);
      assert.equal([...triangles], [2 * (4 * j + i), 2 * (4 * j + i) + 1]);
    }
  }
});

test("points are found in slanted and graded cells", () => {
  const mesh = slanted();
  const points = inBox(2000).map(([x, y]): [number, number] => [x ** 4 + 20 * y ** 4, y ** 4]);
  expectAt(mesh, points, 21 * 1e-9);
});

test("points far from the origin are found, in a mesh that is small there", () => {
  const mesh = rectangle({ x: [1e6, 1e6 + 1e-3], y: [-1e6, -1e6 + 1e-3], cells: 8 });
  const points = inBox(200).map(([x, y]): [number, number] => [1e6 + 1e-3 * x, -1e6 + 1e-3 * y]);
  expectAt(mesh, points, 1e-9);
});

test("far from the origin, outside by rounding is what coordinates there round to", () => {
  const mesh = rectangle({ x: [1e6, 1e6 + 1e-3], y: [0, 1e-3], cells: 8 });
  expectAt(mesh, [[1e6 - 2 ** -33, 5e-4]], 2 ** -33); // the next number below the left edge
  assert.match(
    messageOf(() => locate(mesh, [1e6 - 2 ** -29, 5e-4])),
    /1\.86e-9 away/,
  );
});

test("corners of triangles, middles of edges and centroids are found", () => {
  for (const mesh of [rectangle({ x: [0.1, 0.7], y: [0.2, 0.9], cells: 7 }), disc({ rings: 6, centre: [0.3, 0.1] })]) {
    const { points, triangles } = mesh;
    const corner = (h: number): [number, number] => [points[2 * triangles[h]], points[2 * triangles[h] + 1]];
    const given: [number, number][] = [];
    for (let h = 0; h < triangles.length; h++) {
      const [[ax, ay], [bx, by]] = [corner(h), corner(h % 3 === 2 ? h - 2 : h + 1)];
      given.push([ax, ay], [(ax + bx) / 2, (ay + by) / 2], [0.3 * ax + 0.7 * bx, 0.3 * ay + 0.7 * by]);
    }
    expectAt(mesh, given, 3e-16);
  }
});

test("a point outside by rounding counts as the nearest point of the mesh", () => {
  const mesh = rectangle({ cells: 4 });
  const points: [number, number][] = [
    [-1e-10, 0.3],
    [1 + 1e-10, 0.3],
    [0.7, -9e-10],
    [1 + 5e-10, 1 + 5e-10],
  ];
  const expected = [
    [0, 0.3],
    [1, 0.3],
    [0.7, 0],
    [1, 1],
  ];
  for (const [p, [x, y]] of positions(mesh, locate(mesh, points)).entries())
    assert.ok(Math.hypot(x - expected[p][0], y - expected[p][1]) < 1e-15);
});

test("rounding into a hole is forgiven where the edge of the hole is that of a bin", () => {
  const ring = (r: number) => [-r, -r, r, -r, r, r, -r, r];
  const triangles = [0, 1, 2, 3].flatMap((k) => [k, (k + 1) % 4, 4 + k, (k + 1) % 4, 4 + ((k + 1) % 4), 4 + k]);
  for (const r of [2 / 3, 0.5, 1]) {
    const frame = makeMesh({ points: [...ring(2), ...ring(r)], triangles });
    const d = r - 1e-9;
    const inHole: [number, number][] = [
      [d, 0],
      [-d, 0],
      [0, d],
      [0, -d],
    ];
    expectAt(frame, inHole, 1.1e-9);
  }
});

test("long slanted cells, whose boxes fill the domain, are no trouble", () => {
  const mesh = rectangle({ cells: [300, 1] });
  const points = mesh.points.map((x, i) => (i % 2 === 0 ? x + mesh.points[i + 1] : x));
  expectAt(
    makeMesh({ points, triangles: mesh.triangles }),
    inBox(500).map(([x, y]): [number, number] => [x + y, y]),
    2e-9,
  );
});

test("a point farther outside is refused with its index, place and distance, in a hole too", () => {
  const mesh = rectangle({ cells: 4 });
  for (const [point, message] of [
    [[1.5, 0.5], /^locate: expected points in the mesh, got \(1\.5, 0\.5\) at index 1, 0\.5 away from it$/],
    [[-3, -4], /got \(-3, -4\) at index 1, 5 away/],
    [[0.5, 1 + 2e-9], /got \(0\.5, 1\) at index 1, 2e-9 away/],
    [[1e300, 0], /1e\+300 at|1e\+300, 0\) at index 1/],
  ] as const) {
    const given = [[0.5, 0.5], point] as [number, number][];
    assert.match(
      messageOf(() => locate(mesh, given)),
      message,
    );
  }
  const ring = (r: number) => [-r, -r, r, -r, r, r, -r, r];
  const triangles = [0, 1, 2, 3].flatMap((k) => [k, (k + 1) % 4, 4 + k, (k + 1) % 4, 4 + ((k + 1) % 4), 4 + k]);
  const frame = makeMesh({ points: [...ring(2), ...ring(1)], triangles });
  assert.match(
    messageOf(() => locate(frame, [0.25, 0])),
    /got \(0\.25, 0\) at index 0, 0\.75 away/,
  );
});

test("points come flat or as pairs, and none at all is no error", () => {
  const mesh = rectangle({ cells: 3 });
  const at = locator(mesh);
  const pairs = [Float64Array.of(0.1, 0.2), [0.8, 0.9]];
  assert.equal(at([0.1, 0.2, 0.8, 0.9]), at(pairs));
  assert.equal(at(Float64Array.of(0.1, 0.2)), locate(mesh, [[0.1, 0.2]]));
  assert.equal(at([]), { triangles: new Int32Array(0), weights: new Float64Array(0) });
  const wrong: readonly [unknown, RegExp][] = [
    [[0.1], /points as a multiple of 2 numbers, got 1/],
    [[[0.1, 0.2, 0.3]], /each of points to be 2 numbers, got 3 at index 0/],
    [[[0.1, 0.2], 0.3], /each of points to be 2 numbers, got 0.3 at index 1/],
    [[0.1, NaN], /points of finite coordinates, got \(0.1, NaN\) at index 0/],
    [undefined, /points as an array of numbers, got undefined/],
  ];
  for (const [given, message] of wrong)
    assert.match(
      messageOf(() => at(given as number[])),
      message,
    );
});

test("the answer is that of a search through all triangles", () => {
  const mesh = disc({ rings: 9 });
  const { points, triangles } = mesh;
  const cross = (a: number, b: number, x: number, y: number) =>
    (points[2 * b] - points[2 * a]) * (y - points[2 * a + 1]) -
    (points[2 * b + 1] - points[2 * a + 1]) * (x - points[2 * a]);
  const holds = (t: number, x: number, y: number) =>
    [0, 1, 2].every((k) => cross(triangles[3 * t + k], triangles[3 * t + ((k + 1) % 3)], x, y) > 0);
  const at = locator(mesh);
  let [inside, outside] = [0, 0];
  for (let n = 0; n < 1000; n++) {
    const [x, y] = [2.2 * uniform() - 1.1, 2.2 * uniform() - 1.1];
    const expected = Array.from({ length: triangles.length / 3 }, (_, t) => t).find((t) => holds(t, x, y));
    if (expected === undefined) {
      assert.match(
        messageOf(() => at([x, y])),
        /away from it/,
      );
      outside++;
    } else {
      assert.is(at([x, y]).triangles[0], expected);
      inside++;
    }
  }
  assert.ok(inside > 500 && outside > 100);
});

test("a look-up does not search the mesh", () => {
  const at = locator(rectangle({ cells: 256 }));
  const given = inBox(20_000);
  // About 0.03 s; a search through 131,072 triangles for each of the points takes half a minute.
  assert.ok(processorSeconds(() => at(given)) < 2);
});

test.run();
