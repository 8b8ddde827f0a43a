import { test } from "uvu";
import * as assert from "uvu/assert";
import { type MeshSpec, makeMesh } from "../../src/fem/make-mesh.ts";
import { areas, centroids } from "../../src/fem/mesh.ts";
import { selectEdges, selectTriangles } from "../../src/fem/select.ts";
import { processorSeconds } from "../helpers/clock.ts";
import { generator, messageOf } from "../helpers/store.ts";

/** Two triangles on the unit square, with its diagonal from the origin. */
const square = {
  points: [
    [0, 0],
    [1, 0],
    [1, 1],
    [0, 1],
  ],
  triangles: [
    [0, 1, 2],
    [0, 2, 3],
  ],
};

test("a mesh knows its boundary, directed with the domain on its left", () => {
  const mesh = makeMesh(square);
  assert.equal([...mesh.edges], [0, 1, 1, 2, 2, 3, 3, 0]);
  assert.equal([...areas(mesh)], [0.5, 0.5]);
  const thirds = [2, 1, 1, 2].map((n) => n / 3);
  for (const [i, x] of centroids(mesh).entries()) assert.ok(Math.abs(x - thirds[i]) < 1e-15);
  assert.is(mesh.interiorLines, undefined);
});

test("flat arrays, typed arrays and lists of rows give the same mesh, and are copied", () => {
  const points = Float64Array.from(square.points.flat());
  const triangles = Uint16Array.from(square.triangles.flat());
  const mesh = makeMesh({ points, triangles });
  assert.equal(mesh, makeMesh(square));
  assert.equal(mesh, makeMesh({ points: [...points], triangles: [...triangles] }));
  points[0] = 7;
  assert.is(mesh.points[0], 0);
});

test("a mesh that is clockwise throughout is turned round", () => {
  const clockwise = makeMesh({ ...square, triangles: square.triangles.map(([a, b, c]) => [c, b, a]) });
  assert.equal([...areas(clockwise)], [0.5, 0.5]);
  const pairs = (edges: Int32Array) => Array.from({ length: 4 }, (_, s) => edges.slice(2 * s, 2 * s + 2).join()).sort();
  assert.equal(pairs(clockwise.edges), pairs(makeMesh(square).edges));
});

test("a domain with a hole has the hole's boundary, clockwise", () => {
  // A square ring: outer corners 0 to 3, inner corners 4 to 7.
  const ring = (r: number) => [-r, -r, r, -r, r, r, -r, r];
  const triangles = [0, 1, 2, 3].flatMap((k) => [k, (k + 1) % 4, 4 + k, (k + 1) % 4, 4 + ((k + 1) % 4), 4 + k]);
  const mesh = makeMesh({ points: [...ring(2), ...ring(1)], triangles });
  assert.is(
    areas(mesh).reduce((a, b) => a + b),
    12,
  );
  const hole = selectEdges(mesh, (x, y) => Math.max(Math.abs(x), Math.abs(y)) < 1.5);
  assert.equal(hole.map((s) => [...mesh.edges.slice(2 * s, 2 * s + 2)]).sort(), [
    [4, 7],
    [5, 4],
    [6, 5],
    [7, 6],
  ]);
  // By Green's theorem the boundary, domain on its left, encloses the area: Σ (x_a y_b − x_b y_a) / 2 = 12.
  const at = (i: number) => [mesh.points[2 * i], mesh.points[2 * i + 1]];
  let enclosed = 0;
  for (let s = 0; s < mesh.edges.length; s += 2) {
    const [[ax, ay], [bx, by]] = [at(mesh.edges[s]), at(mesh.edges[s + 1])];
    enclosed += (ax * by - bx * ay) / 2;
  }
  assert.is(enclosed, 12);
});

test("tags name edges in either direction, and triangles", () => {
  const mesh = makeMesh({
    ...square,
    edgeTags: {
      floor: [[1, 0]],
      sides: [1, 2, 3, 0],
      __proto__: null,
      none: [],
    } as unknown as MeshSpec["edgeTags"],
    regionTags: { upper: [1], both: Int32Array.of(1, 0, 1) },
  });
  assert.equal(mesh.edgeTags, { floor: [0], sides: [1, 3], none: [] });
  assert.equal(mesh.regionTags, { upper: [1], both: [0, 1] });
  assert.equal(selectEdges(mesh, "sides"), [1, 3]);
  assert.equal(selectTriangles(mesh, "both"), [0, 1]);
  assert.equal(
    selectTriangles(mesh, (x, y) => y > x),
    [1],
  );
});

test("a tag may be called as what objects have by themselves", () => {
  const edgeTags = Object.fromEntries(["__proto__", "constructor"].map((name) => [name, [[0, 1]]]));
  const mesh = makeMesh({ ...square, edgeTags });
  for (const name of ["__proto__", "constructor"]) assert.equal(selectEdges(mesh, name), [0]);
  assert.match(
    messageOf(() => selectEdges(makeMesh(square), "constructor")),
    /no edge tags/,
  );
});

test("a predicate must hold at both ends and in the middle of an edge", () => {
  const mesh = makeMesh(square);
  assert.equal(
    selectEdges(mesh, (_, y) => y === 0),
    [0],
  );
  assert.equal(
    selectEdges(mesh, (x, y) => Math.abs(x - y) === 1 || x === 0.5 || y === 0),
    [0],
  );
  assert.equal(
    selectEdges(mesh, () => true),
    [0, 1, 2, 3],
  );
});

test("lines inside the domain are left out of their tag, and selecting it says so", () => {
  const mesh = makeMesh({ ...square, edgeTags: { cut: [[2, 0]], mixed: [0, 2, 0, 1] } });
  assert.equal(mesh.edgeTags, { cut: [], mixed: [0] });
  assert.equal(mesh.interiorLines, { cut: 1, mixed: 1 });
  assert.match(
    messageOf(() => selectEdges(mesh, "cut")),
    /"cut" to hold boundary edges, got 1 of its 1 lines between two triangles/,
  );
  assert.match(
    messageOf(() => selectEdges(mesh, "mixed")),
    /got 1 of its 2 lines between two triangles/,
  );
});

const wrongSelections: readonly [what: string, action: () => unknown, message: RegExp][] = (() => {
  const mesh = makeMesh({ ...square, edgeTags: { floor: [0, 1], none: [] }, regionTags: { lower: [0], void: [] } });
  return [
    ["an unknown tag", () => selectEdges(mesh, "flor"), /one of the edge tags floor, none, got "flor"/],
    ["the tag of a region", () => selectEdges(mesh, "lower"), /got "lower", which tags triangles/],
    ["an empty tag", () => selectEdges(mesh, "none"), /"none" to hold boundary edges, got an empty tag/],
    [
      "a predicate that holds nowhere",
      () => selectEdges(mesh, (x) => x > 2),
      /none of the 4 edges.*\(0, 0\) to \(1, 1\)/,
    ],
    ["a number as edges", () => selectEdges(mesh, 3 as never), /a tag or a predicate.*got 3/],
    ["an unknown region", () => selectTriangles(mesh, "uper"), /region tags lower, void, got "uper"/],
    ["the tag of edges", () => selectTriangles(mesh, "floor"), /got "floor", which tags edges/],
    ["an empty region", () => selectTriangles(mesh, "void"), /an empty tag/],
    ["a region nowhere", () => selectTriangles(mesh, () => false), /holds at a centroid, got none among 2/],
    ["a number as region", () => selectTriangles(mesh, 3 as never), /a tag or a predicate.*got 3/],
  ];
})();
for (const [what, action, message] of wrongSelections) {
  test(`selecting by ${what} is refused`, () => assert.match(messageOf(action), message));
}

const { points, triangles } = square;
const bad: readonly [what: string, spec: unknown, message: RegExp][] = [
  ["nothing", undefined, /expected \{ points, triangles \}, got undefined/],
  ["no points", { triangles }, /expected points as an array of numbers, got undefined/],
  ["an odd number of coordinates", { points: [0, 0, 1], triangles }, /points as a multiple of 2 numbers, got 3/],
  [
    "a point of three coordinates",
    { points: [[0, 0, 0]], triangles },
    /each of points to be 2 numbers, got 3 at index 0/,
  ],
  ["points in words", { points: ["0", 0], triangles }, /points to hold numbers, got "0" at index 0/],
  ["no triangles", { points, triangles: [] }, /at least one triangle, got none/],
  [
    "an infinite coordinate",
    { points: [0, 0, 1, 0, 1, Infinity], triangles: [0, 1, 2] },
    /got Infinity as y of point 2/,
  ],
  ["a coordinate that is NaN", { points: [0, 0, NaN, 0, 1, 1], triangles: [0, 1, 2] }, /got NaN as x of point 1/],
  [
    "a corner out of range",
    { points, triangles: [0, 1, 4] },
    /triangles to be whole numbers from 0 to 3, got 4 at index 0, 2/,
  ],
  ["a negative corner", { points, triangles: [0, -1, 2] }, /got -1 at index 0, 1/],
  ["a broken corner", { points, triangles: [0, 1.5, 2] }, /got 1.5 at index 0, 1/],
  ["a point in no triangle", { points, triangles: [0, 1, 2] }, /got point 3 at \(0, 1\) in none/],
  [
    "several points in no triangle",
    { points: [...points, [5, 6]], triangles: [0, 1, 2] },
    /got point 3 at \(0, 1\) and 1 more in none/,
  ],
  [
    "a corner twice",
    { points, triangles: [0, 1, 2, 0, 3, 3] },
    /some area, got none in triangle 1 with corners point 0 \(0, 0\)/,
  ],
  [
    "a triangle that is too thin",
    { points: [0, 0, 1, 0, 0.5, 1e-12], triangles: [0, 1, 2] },
    /none in triangle 0 with corners.*point 2 \(0.5, 1e-12\)/,
  ],
  ["an inverted triangle", { points, triangles: [0, 1, 2, 0, 3, 2] }, /1 counter-clockwise and, clockwise, triangle 1/],
  [
    "one counter-clockwise triangle among others",
    { points: [...points, [2, 0]], triangles: [0, 2, 1, 0, 3, 2, 1, 4, 2] },
    /2 clockwise and, counter-clockwise, triangle 2/,
  ],
  [
    "a triangle twice",
    { points, triangles: [0, 1, 2, 0, 2, 3, 2, 0, 1] },
    /each triangle once, got triangle 0 and triangle 2/,
  ],
  [
    "three triangles on an edge",
    { points: [...points, [0.5, 2]], triangles: [0, 1, 2, 0, 2, 3, 0, 2, 4] },
    /two triangles on an edge, got triangle 0, triangle 1, triangle 2 on the edge from point 2 \(1, 1\) to point 0/,
  ],
  [
    "triangles over each other",
    { points: [...points, [0.5, 2]], triangles: [0, 2, 3, 0, 2, 4, 0, 1, 2].slice(0, 6).concat(1, 2, 4) },
    /opposite sides of their edge, not over each other, got triangle 0, triangle 1/,
  ],
  ["tags in a list", { points, triangles, edgeTags: [[0, 1]] }, /edgeTags as an object of lists by name/],
  ["half a pair", { points, triangles, edgeTags: { a: [0, 1, 2] } }, /edgeTags "a" as a multiple of 2 numbers, got 3/],
  ["a tagged point out of range", { points, triangles, edgeTags: { a: [0, 9] } }, /edgeTags "a" to be whole numbers/],
  [
    "a tagged pair that is no edge",
    { points, triangles, edgeTags: { a: [1, 3] } },
    /"a" to tag edges.*got point 1 to point 3/,
  ],
  [
    "a tagged triangle out of range",
    { points, triangles, regionTags: { a: [2] } },
    /regionTags "a".*0 to 1, got 2 at index 0/,
  ],
];
for (const [what, spec, message] of bad) {
  test(`a mesh with ${what} is refused`, () => {
    assert.match(
      messageOf(() => makeMesh(spec as MeshSpec)),
      message,
    );
  });
}

test("a fan of many triangles around one point is paired in linear time", () => {
  const n = 60_000;
  const points = [0, 0];
  for (let i = 0; i < n; i++) points.push(Math.cos((2 * Math.PI * i) / n), Math.sin((2 * Math.PI * i) / n));
  const triangles = Array.from({ length: n }, (_, i) => [0, 1 + i, 1 + ((i + 1) % n)]);
  const seconds = processorSeconds(() => assert.is(makeMesh({ points, triangles }).edges.length, 2 * n));
  assert.ok(seconds < 4, `${seconds} s, where a quadratic search takes a minute`);
});

test("of a mesh damaged at random, nothing but an Error comes", () => {
  const random = generator(5);
  const grid = { points: [] as number[], triangles: [] as number[] };
  for (let j = 0; j < 4; j++) for (let i = 0; i < 4; i++) grid.points.push(i, j);
  for (let j = 0; j < 3; j++) {
    for (let i = 0; i < 3; i++) {
      const a = 4 * j + i;
      grid.triangles.push(a, a + 1, a + 5, a, a + 5, a + 4);
    }
  }
  let refused = 0;
  for (let n = 0; n < 500; n++) {
    const points = [...grid.points];
    const triangles = [...grid.triangles];
    if (random() & 1) triangles[random() % triangles.length] = random() % 16;
    else points[random() % points.length] += (random() % 9) - 4;
    try {
      const mesh = makeMesh({ points, triangles });
      assert.ok(areas(mesh).every((area) => area > 0));
    } catch (error) {
      assert.match((error as Error).message, /^makeMesh: expected .*, got /);
      refused++;
    }
  }
  assert.ok(refused > 200 && refused < 500);
});

test.run();
