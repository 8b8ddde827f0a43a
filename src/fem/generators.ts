/** Meshes of rectangles and discs. */
import { describe } from "../checks/arguments.ts";
import {
  check,
  expectOption,
  type OptionsOf,
  oneOf,
  option,
  positive,
  readOptions,
  required,
  whole,
} from "../checks/options.ts";
import { cos, sin } from "../numbers/math.ts";
import { flatRows } from "./arrays.ts";
import { buildMesh } from "./build.ts";
import type { Mesh } from "./mesh.ts";

const isList = (x: unknown): boolean => typeof x === "object" && x !== null && "length" in x;

export const rectangleTable = {
  /** [from, to], or all grid lines in ascending order (three or more). */
  x: option(check<ArrayLike<number>>("[from, to] or grid lines", isList), [0, 1]),
  /** As `x`. */
  y: option(check<ArrayLike<number>>("[from, to] or grid lines", isList), [0, 1]),
  /** Cells along x and y; one number for both. Not needed for a direction whose grid lines are given. */
  cells: option(
    check<number | readonly [number, number]>(
      "a number or [along x, along y]",
      (x) => typeof x !== "object" || (Array.isArray(x) && x.length === 2),
    ),
  ),
  /**
   * The diagonal that splits a cell: "right" from its lower left corner to the upper right one, "left" from the lower right one to
   * the upper left one, "alternating" the former where i + j is even. With an even number of cells each way, alternating diagonals
   * all end in the corners of the rectangle, so no triangle has all its points on the boundary, and the mesh is symmetric.
   */
  diagonal: option(oneOf("alternating", "right", "left"), "alternating"),
};
/** Options of `rectangle`. */
export type RectangleOptions = OptionsOf<typeof rectangleTable>;
/** How each cell of a rectangle is cut into two triangles. */
export type Diagonal = NonNullable<RectangleOptions["diagonal"]>;

export const discTable = {
  /** Centre of the disc. */
  centre: option(check<ArrayLike<number>>("two finite numbers", isList), [0, 0]),
  /** Radius of the disc. */
  radius: option(positive, 1),
  /** Rings of triangles: ring k has 6 k points, at the radius k / rings of the whole. */
  rings: required(whole(1)),
};
/** Options of `disc`. */
export type DiscOptions = OptionsOf<typeof discTable>;

/** Largest number of points of a generated mesh, so that a mistyped count does not exhaust the memory. */
const MOST_POINTS = 20_000_000;

const DIAGONALS: Readonly<Record<Diagonal, (i: number, j: number) => boolean>> = {
  alternating: (i, j) => (i + j) % 2 === 0,
  right: () => true,
  left: () => false,
};

const NAMES = { owner: "internal", point: (i: number) => `point ${i}`, triangle: (t: number) => `triangle ${t}` };

function expectSize(owner: string, points: number): void {
  if (points > MOST_POINTS) throw new Error(`${owner}: expected at most ${MOST_POINTS} points, got ${points}`);
}

/** The grid lines of one direction, ascending. */
function gridLines(name: "x" | "y", given: ArrayLike<number>, cells: unknown, apart: boolean): Float64Array {
  const lines = flatRows("rectangle", name, given, 1);
  if (lines.length < 2)
    throw new Error(`rectangle: expected ${name} as [from, to] or grid lines, got ${lines.length} numbers`);
  lines.forEach((at, i) => {
    if (!Number.isFinite(at)) throw new Error(`rectangle: expected finite ${name}, got ${at} at index ${i}`);
    if (i > 0 && !(at > lines[i - 1]))
      throw new Error(`rectangle: expected ${name} to ascend, got ${at} after ${lines[i - 1]} at index ${i}`);
  });
  const [from, to] = lines;
  if (lines.length > 2) {
    if (apart && cells !== lines.length - 1)
      throw new Error(
        `rectangle: expected ${lines.length - 1} cells between the grid lines ${name}, got ${describe(cells)}`,
      );
    return lines;
  }
  expectOption("rectangle", `cells along ${name}`, whole(1), cells);
  expectSize("rectangle", cells + 1);
  // To the bit, the lines are mirror images of each other and the outer ones are the bounds.
  return Float64Array.from({ length: cells + 1 }, (_, i) => ((cells - i) / cells) * from + (i / cells) * to);
}

/**
 * A rectangle as a grid whose cells are split into two triangles. Point (i, j) has index j (nx + 1) + i; cell (i, j) is split into
 * triangle 2 (j nx + i), which has the lower edge of the cell, and the next, which has the upper edge.
 *
 * Edge tags: left, right, bottom, top. No region tags.
 *
 * @throws on counts below 1, bounds or grid lines that do not ascend, and more than twenty million points.
 */
export function rectangle(options: RectangleOptions): Mesh {
  const { x, y, cells, diagonal } = readOptions("rectangle", rectangleTable, options);
  const apart = typeof cells === "object";
  const [cellsX, cellsY] = apart ? cells : [cells, cells];
  const xs = gridLines("x", x, cellsX, apart);
  const ys = gridLines("y", y, cellsY, apart);
  const [nx, ny] = [xs.length - 1, ys.length - 1];
  expectSize("rectangle", xs.length * ys.length);

  const points = new Float64Array(2 * xs.length * ys.length);
  const triangles = new Int32Array(6 * nx * ny);
  const at = (i: number, j: number): number => j * xs.length + i;
  for (let j = 0; j <= ny; j++) for (let i = 0; i <= nx; i++) points.set([xs[i], ys[j]], 2 * at(i, j));
  const right = DIAGONALS[diagonal];
  for (let j = 0; j < ny; j++) {
    for (let i = 0; i < nx; i++) {
      const [a, b, c, d] = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
      triangles.set(right(i, j) ? [a, b, c, a, c, d] : [a, b, d, b, c, d], 6 * (j * nx + i));
    }
  }
  const pairs = (n: number, point: (k: number) => number) =>
    Array.from({ length: 2 * n }, (_, k) => point((k + 1) >> 1));
  const lines: [string, number[]][] = [
    ["left", pairs(ny, (j) => at(0, j))],
    ["right", pairs(ny, (j) => at(nx, j))],
    ["bottom", pairs(nx, (i) => at(i, 0))],
    ["top", pairs(nx, (i) => at(i, ny))],
  ];
  return buildMesh({ points, triangles, lines, regions: [] }, { ...NAMES, owner: "rectangle" });
}

/**
 * A disc of nearly uniform triangles: the centre is point 0, ring k = 1, 2, … follows with 6 k points at equal angles,
 * the first on the positive x axis. It has 1 + 3 n (n + 1) points and 6 n² triangles for n rings. The area is that of
 * the polygon of 6 n sides, whose corners lie on the circle.
 *
 * Edge tag: boundary. No region tags.
 *
 * @throws on a centre that is no pair of finite numbers, a radius that is not positive, fewer than one ring, and more
 * than twenty million points.
 */
export function disc(options: DiscOptions): Mesh {
  const { centre, radius, rings } = readOptions("disc", discTable, options);
  const [x, y, ...rest] = flatRows("disc", "centre", centre, 1);
  if (!Number.isFinite(x) || !Number.isFinite(y) || rest.length > 0)
    throw new Error(`disc: expected centre as two finite numbers, got ${describe(Array.from(centre).join(", "))}`);
  const first = (k: number): number => (k === 0 ? 0 : 1 + 3 * k * (k - 1)); // the points before ring k
  expectSize("disc", first(rings + 1));

  const points = new Float64Array(2 * first(rings + 1));
  points.set([x, y]);
  for (let k = 1; k <= rings; k++) {
    const r = k === rings ? radius : (radius * k) / rings;
    for (let m = 0; m < 6 * k; m++) {
      const angle = (Math.PI * m) / (3 * k);
      points.set([x + r * cos(angle), y + r * sin(angle)], 2 * (first(k) + m));
    }
  }
  const ring = (k: number, m: number): number => (k === 0 ? 0 : first(k) + (m % (6 * k)));
  const triangles: number[] = [];
  for (let k = 1; k <= rings; k++) {
    for (let sixth = 0; sixth < 6; sixth++) {
      // In each sixth, the k outer and the k − 1 inner edges belong to one triangle each.
      for (let m = 0; m < k; m++) {
        const [outer, inner] = [sixth * k + m, sixth * (k - 1) + m];
        triangles.push(ring(k, outer), ring(k, outer + 1), ring(k - 1, inner));
        if (m < k - 1) triangles.push(ring(k - 1, inner), ring(k, outer + 1), ring(k - 1, inner + 1));
      }
    }
  }
  const boundary = Array.from({ length: 12 * rings }, (_, i) => ring(rings, (i + 1) >> 1));
  return buildMesh(
    { points, triangles: Int32Array.from(triangles), lines: [["boundary", boundary]], regions: [] },
    { ...NAMES, owner: "disc" },
  );
}
