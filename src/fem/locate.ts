/**
 * The triangle that contains a point, and the barycentric weights w of the point in it: x = Σ w_k x_k, Σ w_k = 1, so that a P1
 * function has the value Σ w_k u_k there. The triangles are sorted into the bins of a uniform grid over the bounding box, about one
 * bin a triangle, so the cost of a look-up does not depend on the size of the mesh unless its cells differ very much in size.
 */
import { flatRows, type Rows, showPoint } from "./arrays.ts";
import { boundingBox, expectMesh, type Mesh } from "./mesh.ts";

/** Triangles and weights of points in a mesh. */
export interface Location {
  /** (P) the triangle of each point. */
  readonly triangles: Int32Array;
  /** (P, 3) the barycentric weights of its corners: non-negative, with sum 1. */
  readonly weights: Float64Array;
}

/**
 * Largest distance of a point from the mesh, in widths of its bounding box: the rounding of coordinates computed elsewhere.
 */
const TOLERANCE = 1e-9;
/** Largest mean number of bins of a triangle; beyond it (long slanted cells) the bins are made larger. */
const MOST_BINS = 16;

/** Triangles by bin: those of bin i are items[start[i]] … items[start[i + 1] − 1], ascending. */
interface Grid {
  readonly bin: (x: number, y: number) => number;
  readonly start: Int32Array;
  readonly items: Int32Array;
}

/** Bins for triangles whose boxes are widened by `slack`. */
function makeGrid({ points, triangles }: Mesh, slack: number): Grid {
  const E = triangles.length / 3;
  const [left, bottom, right, top] = boundingBox(points);
  const boxes = new Float64Array(4 * E);
  for (let t = 0; t < E; t++) {
    const corners = [0, 1, 2].map((k) => 2 * triangles[3 * t + k]);
    const [x, y] = [corners.map((i) => points[i]), corners.map((i) => points[i + 1])];
    boxes.set([Math.min(...x) - slack, Math.min(...y) - slack, Math.max(...x) + slack, Math.max(...y) + slack], 4 * t);
  }
  let side = Math.sqrt(((right - left) * (top - bottom)) / E);
  for (;;) {
    const [nx, ny] = [right - left, top - bottom].map((width) => Math.min(E, Math.max(1, Math.ceil(width / side))));
    const column = (x: number): number => Math.min(nx - 1, Math.max(0, Math.floor(((x - left) / (right - left)) * nx)));
    const row = (y: number): number => Math.min(ny - 1, Math.max(0, Math.floor(((y - bottom) / (top - bottom)) * ny)));
    const start = new Int32Array(nx * ny + 1);
    const visit = (t: number, enter: (bin: number) => void): void => {
      const [from, to] = [column(boxes[4 * t]), column(boxes[4 * t + 2])];
      for (let j = row(boxes[4 * t + 1]); j <= row(boxes[4 * t + 3]); j++)
        for (let i = from; i <= to; i++) enter(j * nx + i);
    };
    let total = 0;
    for (let t = 0; t < E && total <= MOST_BINS * E; t++) {
      const [wide, high] = [
        column(boxes[4 * t + 2]) - column(boxes[4 * t]),
        row(boxes[4 * t + 3]) - row(boxes[4 * t + 1]),
      ];
      total += (wide + 1) * (high + 1);
    }
    if (total > MOST_BINS * E) {
      side *= 2;
      continue;
    }
    for (let t = 0; t < E; t++) visit(t, (bin) => start[bin + 1]++);
    for (let i = 0; i < nx * ny; i++) start[i + 1] += start[i];
    const next = start.slice();
    const items = new Int32Array(total);
    for (let t = 0; t < E; t++) visit(t, (bin) => (items[next[bin]++] = t));
    return { bin: (x, y) => row(y) * nx + column(x), start, items };
  }
}

/** The point of the segment from a to b nearest to p, as the weight of b, and its squared distance. */
function nearestOnSegment(px: number, py: number, ax: number, ay: number, bx: number, by: number): [number, number] {
  const [ex, ey, qx, qy] = [bx - ax, by - ay, px - ax, py - ay];
  const share = Math.min(1, Math.max(0, (qx * ex + qy * ey) / (ex * ex + ey * ey)));
  const [dx, dy] = [qx - share * ex, qy - share * ey];
  return [share, dx * dx + dy * dy];
}

/** The distance of a point from the edges of a mesh. */
function distance({ points, edges }: Mesh, px: number, py: number): number {
  let least = Infinity;
  for (let s = 0; s < edges.length; s += 2) {
    const [a, b] = [2 * edges[s], 2 * edges[s + 1]];
    least = Math.min(least, nearestOnSegment(px, py, points[a], points[a + 1], points[b], points[b + 1])[1]);
  }
  return Math.sqrt(least);
}

/**
 * `locate` for one mesh, prepared for many calls.
 * @throws nothing itself; the returned function throws as `locate` does.
 */
export function locator(mesh: Mesh): (points: Rows) => Location {
  expectMesh("locator", mesh);
  const { points, triangles } = mesh;
  const [left, bottom, right, top] = boundingBox(points);
  const largest = Math.max(Math.abs(left), Math.abs(right), Math.abs(bottom), Math.abs(top));
  const tolerance = TOLERANCE * Math.max(right - left, top - bottom) + 2 * Number.EPSILON * largest;
  const grid = makeGrid(mesh, tolerance);
  const w = [0, 0, 0];

  /** Writes the weights of a point in triangle t to w, negative where it is outside. Returns the least. */
  const weigh = (t: number, px: number, py: number): number => {
    const [a, b, c] = [2 * triangles[3 * t], 2 * triangles[3 * t + 1], 2 * triangles[3 * t + 2]];
    const [ux, uy] = [points[b] - points[a], points[b + 1] - points[a + 1]];
    const [vx, vy] = [points[c] - points[a], points[c + 1] - points[a + 1]];
    const [qx, qy] = [px - points[a], py - points[a + 1]];
    const twice = ux * vy - uy * vx;
    w[1] = (qx * vy - qy * vx) / twice;
    w[2] = (ux * qy - uy * qx) / twice;
    w[0] = 1 - w[1] - w[2];
    return Math.min(w[0], w[1], w[2]);
  };

  /** Writes to w the weights of the point of triangle t nearest to a point outside it. Returns the squared distance. */
  const project = (t: number, px: number, py: number): number => {
    let least = Infinity;
    for (let k = 0; k < 3; k++) {
      const [a, b] = [2 * triangles[3 * t + k], 2 * triangles[3 * t + ((k + 1) % 3)]];
      const [share, d] = nearestOnSegment(px, py, points[a], points[a + 1], points[b], points[b + 1]);
      if (d >= least) continue;
      least = d;
      w[k] = 1 - share;
      w[(k + 1) % 3] = share;
      w[(k + 2) % 3] = 0;
    }
    return least;
  };

  /** The first triangle that contains a point, −1 for none; writes its weights to w. */
  const find = (px: number, py: number): number => {
    const bin = grid.bin(px, py);
    for (let i = grid.start[bin]; i < grid.start[bin + 1]; i++) {
      if (weigh(grid.items[i], px, py) >= 0) return grid.items[i];
    }
    // Outside all triangles, or on an edge that rounding puts outside both neighbours.
    let nearest = -1;
    let least = tolerance * tolerance;
    for (let i = grid.start[bin]; i < grid.start[bin + 1]; i++) {
      const d = project(grid.items[i], px, py);
      if (d > least || (d === least && nearest >= 0)) continue;
      least = d;
      nearest = grid.items[i];
    }
    if (nearest >= 0) project(nearest, px, py);
    return nearest;
  };

  return (places) => {
    const at = flatRows("locate", "points", places, 2);
    const P = at.length / 2;
    const location = { triangles: new Int32Array(P), weights: new Float64Array(3 * P) };
    for (let p = 0; p < P; p++) {
      const [x, y] = [at[2 * p], at[2 * p + 1]];
      if (!Number.isFinite(x) || !Number.isFinite(y))
        throw new Error(`locate: expected points of finite coordinates, got (${x}, ${y}) at index ${p}`);
      const t = find(x, y);
      if (t < 0) {
        const away = Number(distance(mesh, x, y).toPrecision(3));
        throw new Error(
          `locate: expected points in the mesh, got ${showPoint(x, y)} at index ${p}, ${away} away from it`,
        );
      }
      location.triangles[p] = t;
      location.weights.set(w, 3 * p);
    }
    return location;
  };
}

/**
 * The triangle of each point, and its barycentric weights there. A point on an edge belongs to one of its triangles. A point that is
 * outside by at most 1e-9 of the larger side of the bounding box (plus the rounding of the largest coordinate) is replaced by the
 * nearest point of the mesh.
 *
 * @param points (P, 2), flat or as a list of pairs.
 * @throws when a point lies outside (its index, coordinates and distance are named) or is not finite.
 */
export function locate(mesh: Mesh, points: Rows): Location {
  expectMesh("locate", mesh);
  return locator(mesh)(points);
}
