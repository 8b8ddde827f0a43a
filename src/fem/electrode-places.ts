/**
 * Where electrodes are: arcs of the boundary, as parts of its edges, or points. An arc may begin and end within an edge: integrals
 * over the part are exact, so that meshes need not have nodes at the ends of electrodes (they are more accurate if they do).
 */
import { describe } from "../checks/arguments.ts";
import { check, number, type OptionsOf, option, positive, readOptions, required, whole } from "../checks/options.ts";
import { cos, sin } from "../numbers/math.ts";
import { flatRows, type Rows, showPoint } from "./arrays.ts";
import { locate } from "./locate.ts";
import { boundingBox, type Mesh } from "./mesh.ts";
import { type EdgeSelector, selectEdges } from "./select.ts";

/** A part of an edge from node a to node b, between the shares `from` and `to` of it. */
export interface Piece {
  readonly a: number;
  readonly b: number;
  readonly from: number;
  readonly to: number;
  /** Length of the whole edge. */
  readonly edge: number;
}
/** Weights of nodes, with sum 1: a functional of u. */
export type Weights = ReadonlyMap<number, number>;

export const equalTable = {
  /** Number of electrodes, at equal distances along the outer boundary. */
  count: required(whole(2, 4096)),
  /** Share of the boundary that they cover, above 0 and below 1. For points it is not used. */
  coverage: option(
    number("a number above 0 and below 1", (x) => x > 0 && x < 1),
    0.5,
  ),
  /** Direction of the centre of electrode 0 from that of the mesh's bounding box, in radians from the x axis; π/2 is the top. */
  first: option(
    number("a finite number", (x) => Number.isFinite(x)),
    Math.PI / 2,
  ),
  /** Whether electrodes are numbered clockwise. */
  clockwise: option(
    check<boolean>("true or false", (x) => typeof x === "boolean"),
    false,
  ),
  /** Length of an electrode in the unit of the mesh, in place of `coverage`. */
  width: option(positive),
};
/** Equal electrodes at equal distances. */
export type EqualElectrodes = OptionsOf<typeof equalTable>;

/** The places of electrodes: tags or predicates of edges, one for each; equal ones; or points, for point electrodes. */
export type ElectrodePlaces = readonly EdgeSelector[] | EqualElectrodes | Rows;

const fail = (expected: string, got: string): never => {
  throw new Error(`electrodes: expected ${expected}, got ${got}`);
};
const isEqual = (on: unknown): on is EqualElectrodes =>
  typeof on === "object" && on !== null && !Array.isArray(on) && !ArrayBuffer.isView(on);

/** The outer boundary, counter-clockwise: indices of edges in order, and the length before each (S + 1). */
function outerLoop({ points, edges }: Mesh): { loop: number[]; before: Float64Array } {
  const leaving = new Map<number, number>();
  for (let s = 0; 2 * s < edges.length; s++) {
    const node = edges[2 * s];
    if (leaving.has(node))
      fail(
        "a boundary that does not touch itself",
        `two parts of it at ${showPoint(points[2 * node], points[2 * node + 1])}`,
      );
    leaving.set(node, s);
  }
  let best: { loop: number[]; area: number } = { loop: [], area: 0 };
  const seen = new Uint8Array(edges.length / 2);
  for (let first = 0; first < seen.length; first++) {
    if (seen[first]) continue;
    const loop: number[] = [];
    let area = 0;
    for (let s = first; !seen[s]; s = leaving.get(edges[2 * s + 1]) as number) {
      seen[s] = 1;
      loop.push(s);
      const [a, b] = [2 * edges[2 * s], 2 * edges[2 * s + 1]];
      area += points[a] * points[b + 1] - points[a + 1] * points[b];
    }
    if (area > best.area) best = { loop, area };
  }
  const before = new Float64Array(best.loop.length + 1);
  best.loop.forEach((s, i) => {
    before[i + 1] = before[i] + lengthOf(points, edges[2 * s], edges[2 * s + 1]);
  });
  return { loop: best.loop, before };
}
const lengthOf = (points: Float64Array, a: number, b: number): number => {
  const [dx, dy] = [points[2 * b] - points[2 * a], points[2 * b + 1] - points[2 * a + 1]];
  return Math.sqrt(dx * dx + dy * dy);
};

/** Length along the loop at which a ray from the centre of the bounding box leaves the mesh. */
function startOf({ points, edges }: Mesh, { loop, before }: ReturnType<typeof outerLoop>, angle: number): number {
  const box = boundingBox(points);
  const [x, y] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  const [dx, dy] = [cos(angle), sin(angle)];
  let [farthest, at] = [-1, 0];
  loop.forEach((s, i) => {
    const [a, b] = [2 * edges[2 * s], 2 * edges[2 * s + 1]];
    // Sides of the ray that the ends are on, and how far along it they are.
    const [p, q] = [a, b].map((k) => dx * (points[k + 1] - y) - dy * (points[k] - x));
    if (!(p <= 0 && q > 0)) return; // the outer boundary crosses it counter-clockwise where it leaves
    const [f, g] = [a, b].map((k) => dx * (points[k] - x) + dy * (points[k + 1] - y));
    const share = p / (p - q);
    const along = f + share * (g - f);
    if (along > farthest) [farthest, at] = [along, before[i] + share * (before[i + 1] - before[i])];
  });
  return at;
}

/** Shares of an edge this close to its ends are the ends. */
const SNAP = 1e-9;

/** The centres of equal electrodes, as lengths along the outer boundary. */
function centresOf(mesh: Mesh, line: ReturnType<typeof outerLoop>, given: EqualElectrodes) {
  const { count, coverage, first, clockwise, width } = readOptions("electrodes", equalTable, given);
  const whole = line.before[line.loop.length];
  const start = startOf(mesh, line, first);
  const wide = width ?? (coverage * whole) / count;
  if (!(wide * count < whole))
    fail(`electrodes narrower than ${whole / count}, the distance of their centres`, `${wide}`);
  const around = (at: number): number => at - whole * Math.floor(at / whole);
  const centres = Array.from({ length: count }, (_, l) => around(start + ((clockwise ? -l : l) * whole) / count));
  return { centres, wide, whole };
}

/** Parts of the edges between two lengths along the loop, from < to < from + the whole. */
function piecesBetween(
  { edges }: Mesh,
  { loop, before }: ReturnType<typeof outerLoop>,
  from: number,
  to: number,
): Piece[] {
  const whole = before[loop.length];
  const pieces: Piece[] = [];
  for (const turn of [-whole, 0, whole]) {
    loop.forEach((s, i) => {
      const [start, edge] = [before[i] + turn, before[i + 1] - before[i]];
      const clip = (at: number): number => {
        const share = Math.min(1, Math.max(0, (at - start) / edge));
        return share < SNAP ? 0 : share > 1 - SNAP ? 1 : share;
      };
      const [low, high] = [clip(from), clip(to)];
      if (high > low) pieces.push({ a: edges[2 * s], b: edges[2 * s + 1], from: low, to: high, edge });
    });
  }
  return pieces;
}

/** Selectors for the tags e0, e1, … of a mesh. */
function tagsOf({ edgeTags }: Mesh): string[] {
  const tags: string[] = [];
  while (Object.hasOwn(edgeTags, `e${tags.length}`)) tags.push(`e${tags.length}`);
  if (tags.length >= 2) return tags;
  const known = Object.keys(edgeTags).join(", ") || "none";
  return fail(
    "on as a list of edge tags, or { count, coverage }, where the mesh has no edge tags e0, e1, …",
    `the tags ${known}`,
  );
}

/** The arcs of electrodes. @throws on fewer than two, on overlaps, and on what is no place. */
export function arcsOf(mesh: Mesh, on: ElectrodePlaces | undefined): Piece[][] {
  if (isEqual(on)) {
    const line = outerLoop(mesh);
    const { centres, wide } = centresOf(mesh, line, on);
    return centres.map((at) => piecesBetween(mesh, line, at - wide / 2, at + wide / 2));
  }
  const list = (on ?? tagsOf(mesh)) as readonly EdgeSelector[];
  if (!Array.isArray(list)) fail("on as a list of edge tags or predicates, or { count, coverage }", describe(on));
  if (list.length < 2) fail("at least two electrodes", `${list.length}`);
  const owner = new Map<number, number>();
  return list.map((selector, l) => {
    if (typeof selector !== "string" && typeof selector !== "function")
      fail('arcs as edge tags or predicates; points are for model: "point"', describe(selector));
    return selectEdges(mesh, selector).map((s): Piece => {
      const other = owner.get(s);
      if (other !== undefined) fail("electrodes that share no edge", `electrodes ${other} and ${l} on edge ${s}`);
      owner.set(s, l);
      const [a, b] = [mesh.edges[2 * s], mesh.edges[2 * s + 1]];
      return { a, b, from: 0, to: 1, edge: lengthOf(mesh.points, a, b) };
    });
  });
}

/** Point electrodes as functionals: u there. @throws on fewer than two, on points outside of the mesh, and on what is no place. */
export function pointsOf(mesh: Mesh, on: ElectrodePlaces | undefined): Weights[] {
  if (on === undefined) fail('on as points (L, 2) or { count }, for model: "point"', "none");
  if (isEqual(on)) {
    const line = outerLoop(mesh);
    return centresOf(mesh, line, on).centres.map((at) => {
      const last = line.loop.length - 1;
      const i = Math.min(last, Math.max(0, line.before.findIndex((length) => length > at) - 1));
      const share = Math.min(1, Math.max(0, (at - line.before[i]) / (line.before[i + 1] - line.before[i])));
      const [a, b] = [mesh.edges[2 * line.loop[i]], mesh.edges[2 * line.loop[i] + 1]];
      return new Map(
        share < SNAP
          ? [[a, 1]]
          : share > 1 - SNAP
            ? [[b, 1]]
            : [
                [a, 1 - share],
                [b, share],
              ],
      );
    });
  }
  if (typeof (on as readonly unknown[])[0] === "string" || typeof (on as readonly unknown[])[0] === "function")
    fail('on as points (L, 2) or { count }, for model: "point"', "edge tags or predicates");
  const places = flatRows("electrodes", "points of electrodes", on, 2);
  if (places.length < 4) fail("at least two electrodes", `${places.length / 2}`);
  const { triangles, weights } = locate(mesh, places);
  return Array.from(triangles, (t, l) => {
    const corners = [0, 1, 2].map((k): [number, number] => [mesh.triangles[3 * t + k], weights[3 * l + k]]);
    return new Map(corners.filter(([, w]) => w !== 0));
  });
}

/** Length of an arc. */
export const arcLength = (arc: readonly Piece[]): number =>
  arc.reduce((sum, { from, to, edge }) => sum + (to - from) * edge, 0);

/** Integrals over a part of an edge of φ_a, φ_b, φ_a², φ_a φ_b, φ_b². */
export function pieceIntegrals({ from, to, edge }: Piece): readonly [number, number, number, number, number] {
  const power = (k: number): number => {
    const up = (t: number): number => (k === 1 ? t : k === 2 ? t * t : t * t * t);
    return ((up(to) - up(from)) / k) * edge;
  };
  const [one, t, tt] = [power(1), power(2), power(3)]; // ∫ 1, ∫ t, ∫ t²
  return [one - t, t, one - 2 * t + tt, t - tt, tt];
}
