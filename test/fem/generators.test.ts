import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DiscOptions, disc, type RectangleOptions, rectangle } from "../../src/fem/generators.ts";
import { makeMesh } from "../../src/fem/make-mesh.ts";
import { areas, type Mesh } from "../../src/fem/mesh.ts";
import { selectEdges } from "../../src/fem/select.ts";
import { messageOf } from "../helpers/store.ts";

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, x) => total + x, 0);
const counts = (mesh: Mesh) => [mesh.points.length / 2, mesh.edges.length / 2, mesh.triangles.length / 3];
const lengthOf = (mesh: Mesh, edges: readonly number[]): number =>
  sum(
    edges.map((s) => {
      const [a, b] = [2 * mesh.edges[2 * s], 2 * mesh.edges[2 * s + 1]];
      return Math.hypot(mesh.points[a] - mesh.points[b], mesh.points[a + 1] - mesh.points[b + 1]);
    }),
  );

/** Without holes: points − edges + triangles = 1, where edges = (3 E + S) / 2, so 2 N = E + S + 2. */
function expectSimplyConnected(mesh: Mesh): void {
  const [N, S, E] = counts(mesh);
  assert.is(2 * N, E + S + 2);
}

test("rectangles have the area, boundary and counts of a grid, whatever the diagonal", () => {
  for (const diagonal of ["alternating", "right", "left"] as const) {
    const mesh = rectangle({ x: [-1, 2], y: [0.5, 2.5], cells: [5, 3], diagonal });
    assert.equal(counts(mesh), [24, 16, 30]);
    expectSimplyConnected(mesh);
    assert.ok(Math.abs(sum(areas(mesh)) - 6) < 1e-14);
    assert.ok(areas(mesh).every((area) => Math.abs(area - 0.2) < 1e-14));
    assert.equal(Object.keys(mesh.edgeTags), ["left", "right", "bottom", "top"]);
    const lengths = Object.values(mesh.edgeTags).map((edges) => lengthOf(mesh, edges));
    for (const [k, length] of [2, 2, 3, 3].entries()) assert.ok(Math.abs(lengths[k] - length) < 1e-14);
    assert.equal(mesh, makeMesh({ ...mesh, edgeTags: pairsOf(mesh) }), "which what it says itself would make too");
  }
});

const pairsOf = (mesh: Mesh) =>
  Object.fromEntries(
    Object.entries(mesh.edgeTags).map(([tag, list]) => [tag, list.map((s) => mesh.edges.slice(2 * s, 2 * s + 2))]),
  );

test("the tags of a rectangle are its sides, to the bit", () => {
  const mesh = rectangle({ x: [0.1, 0.7], y: [-0.3, 0.2], cells: [7, 9] });
  assert.equal(
    selectEdges(mesh, (x) => x === 0.1),
    mesh.edgeTags.left,
  );
  assert.equal(
    selectEdges(mesh, (x) => x === 0.7),
    mesh.edgeTags.right,
  );
  assert.equal(
    selectEdges(mesh, (_, y) => y === -0.3),
    mesh.edgeTags.bottom,
  );
  assert.equal(
    selectEdges(mesh, (_, y) => y === 0.2),
    mesh.edgeTags.top,
  );
});

test("cell (i, j) is split into triangles 2 (j nx + i), with its lower edge, and the next, with its upper edge", () => {
  for (const diagonal of ["alternating", "right", "left"] as const) {
    const [nx, ny] = [3, 4];
    const { points, triangles } = rectangle({ x: [0, nx], y: [0, ny], cells: [nx, ny], diagonal });
    for (let j = 0; j < ny; j++) {
      for (let i = 0; i < nx; i++) {
        for (const half of [0, 1]) {
          const t = 2 * (j * nx + i) + half;
          const corners = [...triangles.slice(3 * t, 3 * t + 3)].map((p) => [points[2 * p], points[2 * p + 1]]);
          assert.ok(corners.every(([x, y]) => x >= i && x <= i + 1 && y >= j && y <= j + 1));
          assert.is(corners.filter(([, y]) => y === j + half).length, 2);
          const right = diagonal === "right" || (diagonal === "alternating" && (i + j) % 2 === 0);
          const ends = right ? [`${i},${j}`, `${i + 1},${j + 1}`] : [`${i + 1},${j}`, `${i},${j + 1}`];
          for (const end of ends)
            assert.ok(
              corners.some((corner) => corner.join() === end),
              `${diagonal} ${t}`,
            );
        }
      }
    }
    assert.equal([...points.slice(2 * 5, 2 * 6)], [1, 1], "point (i, j) is j (nx + 1) + i");
  }
});

test("alternating diagonals leave no triangle with all corners on the boundary", () => {
  const trapped = (diagonal: RectangleOptions["diagonal"]): number => {
    const { points, triangles } = rectangle({ cells: 4, diagonal });
    const on = (p: number) => [points[2 * p], points[2 * p + 1]].some((x) => x === 0 || x === 1);
    return Array.from({ length: 32 }, (_, t) => triangles.slice(3 * t, 3 * t + 3)).filter((c) => c.every(on)).length;
  };
  assert.equal((["alternating", "right", "left"] as const).map(trapped), [0, 2, 2]);
});

test("grid lines can be given, one way or both", () => {
  const graded = rectangle({ x: [0, 0.1, 0.3, 1], y: [0, 2], cells: 2 });
  assert.equal(counts(graded), [12, 10, 12]);
  assert.ok(Math.abs(sum(areas(graded)) - 2) < 1e-15);
  assert.equal([...graded.points.slice(0, 8)], [0, 0, 0.1, 0, 0.3, 0, 1, 0]);
  assert.equal(graded, rectangle({ x: Float64Array.of(0, 0.1, 0.3, 1), y: [0, 1, 2] }));
  assert.equal(graded, rectangle({ x: [0, 0.1, 0.3, 1], y: [0, 2], cells: [3, 2] }));
});

test("the grid lines of an interval mirror each other", () => {
  const { points } = rectangle({ x: [-0.3, 0.3], cells: [14, 1] });
  for (let i = 0; i <= 14; i++) assert.is(points[2 * i], 0 - points[2 * (14 - i)]);
});

test("a disc of n rings has 1 + 3 n (n + 1) points on circles and the area of its polygon", () => {
  for (const rings of [1, 2, 3, 8]) {
    const mesh = disc({ centre: [0.5, -2], radius: 0.3, rings });
    assert.equal(counts(mesh), [1 + 3 * rings * (rings + 1), 6 * rings, 6 * rings * rings]);
    expectSimplyConnected(mesh);
    const sides = 6 * rings;
    const polygon = (sides / 2) * 0.3 * 0.3 * Math.sin((2 * Math.PI) / sides);
    assert.ok(Math.abs(sum(areas(mesh)) - polygon) < 1e-14);
    const around = sides * 2 * 0.3 * Math.sin(Math.PI / sides);
    assert.ok(Math.abs(lengthOf(mesh, mesh.edgeTags.boundary) - around) < 1e-14);
    assert.is(mesh.edgeTags.boundary.length, sides);
    const radii = Array.from({ length: mesh.points.length / 2 }, (_, i) =>
      Math.hypot(mesh.points[2 * i] - 0.5, mesh.points[2 * i + 1] + 2),
    );
    radii.forEach((r, i) => {
      const ring = Math.ceil((Math.sqrt(12 * (i + 1) - 3) - 3) / 6 - 1e-9); // the least k with 1 + 3 k (k + 1) > i
      assert.ok(Math.abs(r - (0.3 * ring) / rings) < 1e-15, `point ${i} at ${r}`);
    });
  }
});

test("a disc has near equilateral triangles, and its area converges to that of the circle with order 2", () => {
  const errors = [8, 16, 32].map((rings) => {
    const mesh = disc({ rings });
    for (let t = 0; t < mesh.triangles.length; t += 3) {
      const at = [0, 1, 2].map((k) => mesh.triangles[t + k]);
      const sides = at.map((p, k) => {
        const q = at[(k + 1) % 3];
        return Math.hypot(mesh.points[2 * p] - mesh.points[2 * q], mesh.points[2 * p + 1] - mesh.points[2 * q + 1]);
      });
      assert.ok(Math.max(...sides) / Math.min(...sides) < 2);
    }
    return Math.PI - sum(areas(mesh));
  });
  for (const [coarse, fine] of [errors.slice(0, 2), errors.slice(1)])
    assert.ok(Math.abs(Math.log2(coarse / fine) - 2) < 0.02);
});

const wrongRectangles: readonly [what: string, options: unknown, message: RegExp][] = [
  ["no options", undefined, /cells along x to be a whole number of at least 1, got undefined/],
  ["a misspelt option", { cell: 3 }, /got "cell"/],
  ["no cells", {}, /cells along x to be a whole number of at least 1, got undefined/],
  ["0 cells", { cells: 0 }, /at least 1, got 0/],
  ["2.5 cells", { cells: [2, 2.5] }, /cells along y to be a whole number.*got 2.5/],
  ["three counts of cells", { cells: [1, 2, 3] }, /cells to be a number or \[along x, along y\]/],
  ["null as cells", { cells: null }, /cells to be a number or/],
  ["too many cells", { cells: 1e9 }, /at most 20000000 points/],
  ["too many cells in all", { cells: 1e5 }, /at most 20000000 points/],
  ["an empty interval", { x: [1, 1], cells: 2 }, /x to ascend, got 1 after 1 at index 1/],
  ["a descending interval", { y: [1, 0], cells: 2 }, /y to ascend, got 0 after 1/],
  ["unordered grid lines", { x: [0, 2, 1], cells: 2 }, /x to ascend, got 1 after 2 at index 2/],
  ["a bound that is NaN", { x: [0, NaN], cells: 2 }, /finite x, got NaN at index 1/],
  ["an infinite bound", { x: [-Infinity, 1], cells: 2 }, /finite x, got -Infinity/],
  ["one bound", { x: [1], cells: 2 }, /x as \[from, to\] or grid lines, got 1 numbers/],
  ["a number as bounds", { x: 1, cells: 2 }, /x to be \[from, to\] or grid lines, got 1/],
  ["cells that contradict the grid lines", { x: [0, 1, 2], cells: [3, 3] }, /2 cells between the grid lines x, got 3/],
  ["an unknown diagonal", { cells: 2, diagonal: "crossed" }, /one of "alternating", "right", "left", got "crossed"/],
];
for (const [what, options, message] of wrongRectangles) {
  test(`a rectangle with ${what} is refused`, () => {
    assert.match(
      messageOf(() => rectangle(options as RectangleOptions)),
      message,
    );
  });
}

const wrongDiscs: readonly [what: string, options: unknown, message: RegExp][] = [
  ["no rings", {}, /rings to be a whole number of at least 1, got undefined/],
  ["half a ring", { rings: 0.5 }, /got 0.5/],
  ["too many rings", { rings: 1e8 }, /at most 20000000 points/],
  ["no radius", { rings: 1, radius: 0 }, /radius to be a finite number above 0, got 0/],
  ["a radius that is NaN", { rings: 1, radius: NaN }, /got NaN/],
  ["a centre in space", { rings: 1, centre: [0, 0, 0] }, /centre as two finite numbers, got "0, 0, 0"/],
  ["a misspelt option", { rings: 1, center: [0, 0] }, /got "center"/],
];
for (const [what, options, message] of wrongDiscs) {
  test(`a disc with ${what} is refused`, () => {
    assert.match(
      messageOf(() => disc(options as DiscOptions)),
      message,
    );
  });
}

test.run();
