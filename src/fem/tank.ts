/**
 * Meshes of tanks and of bodies like a chest, with the ends of electrodes in nodes: rings of points around a centre, each ring with
 * fewer and longer edges than the one outside of it, and triangles between them.
 */
import {
  check,
  flag,
  number,
  type OptionsOf,
  option,
  positive,
  readOptions,
  type SettingsOf,
  whole,
} from "../checks/options.ts";
import { cos, sin } from "../numbers/math.ts";
import { buildMesh } from "./build.ts";
import type { Mesh } from "./mesh.ts";
import { bisect, type Growth } from "./refine.ts";

/** An outline by its distance from the centre in each direction (radians, counter-clockwise from the x axis), in units of `radius`. */
export type Outline = "circle" | "thorax" | ((angle: number) => number);

export const tankTable = {
  /** Number of electrodes. */
  electrodes: option(whole(2, 1024), 16),
  /** Share of the outline that they cover. */
  coverage: option(
    number("a number above 0 and below 1", (x) => x > 0 && x < 1),
    0.5,
  ),
  /**
   * "circle"; "thorax", an outline like that of a chest, 1.3 : 1, with a flat back and a notch at the spine, which is no one's anatomy;
   * or a function of the direction, smooth and positive.
   */
  outline: option(
    check<Outline>(
      '"circle", "thorax" or a function',
      (x) => x === "circle" || x === "thorax" || typeof x === "function",
    ),
    "circle",
  ),
  /** Radius of the circle, or the unit of the outline, in the unit of lengths. */
  radius: option(positive, 1),
  /** Direction of the centre of electrode 0, in radians from the x axis: π/2 is the top. */
  first: option(
    number("a finite number", (x) => Number.isFinite(x)),
    Math.PI / 2,
  ),
  /** Whether electrodes are numbered clockwise. */
  clockwise: option(flag, false),
  /** Edges on each electrode; gaps have edges of about the same length. */
  edges: option(whole(1, 256), 4),
  /**
   * How often edges are halved towards the ends of electrodes, where the current is largest: it grows like the inverse square root of
   * the distance, down to the length z σ.
   */
  halvings: option(whole(0, 20), 3),
  /** Length of the edges in the middle, in units of `radius`; towards the outline they become as short as those of the electrodes. */
  size: option(positive, 0.1),
};
/** Options of `tank`. */
export type TankOptions = OptionsOf<typeof tankTable>;

/** Lengths of the edges of a ring over those of the ring outside of it, at most. */
const GROWTH = 1.3;
/** Length of edges over their distance from the ends of electrodes, where these are refined. */
const GRADING = 1;
/** Directions in which an outline is measured for its length. */
const SAMPLES = 4096;
/** Largest number of points, so that a mistyped size does not exhaust the memory. */
const MOST_POINTS = 2_000_000;

const distance = (x: number, y: number, u: number, v: number): number =>
  Math.sqrt((x - u) * (x - u) + (y - v) * (y - v));
const TURN = 2 * Math.PI;
const OUTLINES: Readonly<Record<"circle" | "thorax", (angle: number) => number>> = {
  circle: () => 1,
  // Flattened at the back (below), and drawn in at the spine and, less, at the breastbone.
  thorax: (a) => 1.09 + 0.15 * cos(2 * a) - 0.045 * cos(4 * a) + 0.025 * sin(a) + 0.02 * sin(3 * a),
};

/** A closed outline by its length: `at(s)` is the point at the share s of the whole from the x axis, counter-clockwise. */
function measure(radiusAt: (angle: number) => number, radius: number) {
  const at = (angle: number): [number, number] => {
    const r = radius * radiusAt(angle);
    if (!(r > 0 && r < Infinity))
      throw new Error(`tank: expected an outline of finite distances above 0, got ${r} at ${angle}`);
    return [r * cos(angle), r * sin(angle)];
  };
  const before = new Float64Array(SAMPLES + 1);
  let [x, y] = at(0);
  for (let i = 1; i <= SAMPLES; i++) {
    const [u, v] = at(i === SAMPLES ? 0 : (TURN * i) / SAMPLES);
    before[i] = before[i - 1] + Math.sqrt((u - x) * (u - x) + (v - y) * (v - y));
    [x, y] = [u, v];
  }
  const length = before[SAMPLES];
  /** The direction at a share of the length, and the share in a direction. */
  const angleAt = (share: number): number => {
    const to = (share - Math.floor(share)) * length;
    let [low, high] = [0, SAMPLES];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (before[middle] <= to) low = middle;
      else high = middle;
    }
    return (TURN * (low + (to - before[low]) / (before[high] - before[low]))) / SAMPLES;
  };
  const shareOf = (angle: number): number => {
    const place = (angle / TURN - Math.floor(angle / TURN)) * SAMPLES;
    const i = Math.min(SAMPLES - 1, Math.floor(place));
    return (before[i] + (place - i) * (before[i + 1] - before[i])) / length;
  };
  return { length, shareOf, at: (share: number) => at(angleAt(share)) };
}

/** Triangles between two rings of points, the outer and the inner counter-clockwise: always the shorter of two new edges. */
function zip(outer: readonly number[], inner: readonly number[], points: readonly number[], triangles: number[]): void {
  const apart = (a: number, b: number): number =>
    distance(points[2 * a], points[2 * a + 1], points[2 * b], points[2 * b + 1]);
  let nearest = 0;
  inner.forEach((node, j) => {
    if (apart(node, outer[0]) < apart(inner[nearest], outer[0])) nearest = j;
  });
  const from = (j: number): number => inner[(nearest + j) % inner.length];
  for (let i = 0, j = 0; i < outer.length || j < inner.length; ) {
    const [o, next] = [outer[i % outer.length], outer[(i + 1) % outer.length]];
    const [p, after] = [from(j), from(j + 1)];
    const alongOuter = j === inner.length || (i < outer.length && apart(next, p) <= apart(o, after));
    if (alongOuter) {
      triangles.push(o, next, p);
      i++;
    } else {
      triangles.push(o, after, p);
      j++;
    }
  }
}

type Line = ReturnType<typeof measure>;
type Settings = SettingsOf<typeof tankTable>;

/** Points of an outline, counter-clockwise, with their shares of it: `each` for an electrode and the gap after it. */
function outlinePoints(
  { electrodes, coverage, first, edges }: Settings,
  line: Line,
): { shares: number[]; each: number } {
  const gaps = Math.max(1, Math.round((edges * (1 - coverage)) / coverage));
  const start = line.shareOf(first) - coverage / (2 * electrodes);
  const shares: number[] = [];
  for (let l = 0; l < electrodes; l++) {
    const [from, on] = [start + l / electrodes, coverage / electrodes];
    for (let k = 0; k < edges; k++) shares.push(from + (on * k) / edges);
    for (let k = 0; k < gaps; k++) shares.push(from + on + (((1 - coverage) / electrodes) * k) / gaps);
  }
  return { shares, each: edges + gaps };
}

/** Rings of points around the centre, and triangles between them. The points of the outline come first. */
function fillWithRings({ size, radius }: Settings, line: Line, shares: readonly number[]): Growth {
  const [points, triangles]: [number[], number[]] = [[], []];
  const ring = (at: readonly number[], scale: number): number[] =>
    at.map((share) => {
      const [x, y] = line.at(share);
      points.push(scale * x, scale * y);
      if (points.length > 2 * MOST_POINTS)
        throw new Error(`tank: expected at most ${MOST_POINTS} points, got more; make size larger`);
      return points.length / 2 - 1;
    });
  let outer = ring(shares, 1);
  let edge = line.length / shares.length;
  // Rings are as far apart as rows of equilateral triangles.
  for (let scale = 1, offset = 0.5; ; offset = 0.5 - offset) {
    edge = Math.min(edge * GROWTH, Math.max(edge, size * radius));
    scale -= (0.866 * edge * TURN) / line.length;
    const count = Math.round((scale * line.length) / edge);
    if (count < 5) break;
    const at = Array.from({ length: count }, (_, k) => shares[0] + (k + offset) / count);
    const inner = ring(at, scale);
    zip(outer, inner, points, triangles);
    outer = inner;
  }
  points.push(0, 0);
  const centre = points.length / 2 - 1;
  for (const [i, node] of outer.entries()) triangles.push(node, outer[(i + 1) % outer.length], centre);
  return { points, triangles };
}

/** Halves edges towards some points of the outline. Returns the point that follows each on the outline. */
function refineTowards(
  ends: readonly number[],
  halvings: number,
  grown: Growth,
  line: Line,
  shares: readonly number[],
): ReadonlyMap<number, number> {
  const { points, triangles } = grown;
  const following = new Map(shares.map((_, i) => [i, (i + 1) % shares.length]));
  const shareOf = new Map(shares.map((share, i) => [i, share]));
  const midpoint = (a: number, b: number, onBoundary: boolean): readonly [number, number] => {
    if (!onBoundary) return [(points[2 * a] + points[2 * b]) / 2, (points[2 * a + 1] + points[2 * b + 1]) / 2];
    const [from, to] = [shareOf.get(a) as number, shareOf.get(b) as number];
    const share = from + (to > from ? to - from : to + 1 - from) / 2; // the first node follows the last
    const middle = points.length / 2;
    following.set(a, middle).set(middle, b);
    shareOf.set(middle, share);
    return line.at(share);
  };
  const finest = line.length / shares.length / (1 << halvings);
  const coarse = (t: number): boolean => {
    const corners = [0, 1, 2].map((i) => 2 * triangles[3 * t + i]);
    const [x, y] = [0, 1].map((i) => corners.reduce((sum, c) => sum + points[c + i], 0) / 3);
    const away = Math.min(...ends.map((i) => distance(x, y, points[2 * i], points[2 * i + 1])));
    const sides = corners.map((c, i) => {
      const d = corners[(i + 1) % 3];
      return distance(points[c], points[c + 1], points[d], points[d + 1]);
    });
    return Math.max(...sides) > Math.max(1.5 * finest, GRADING * away);
  };
  for (let k = 0; k < 2 * halvings; k++) bisect(grown, coarse, midpoint); // each halves one direction
  return following;
}

/**
 * A tank with electrodes at equal distances along its outline, for `electrodes({ mesh })`. Ends of electrodes are nodes; edges are
 * shortest there.
 *
 * Edge tags: e0, e1, … for the electrodes, wall for the gaps. No region tags.
 *
 * @throws on an option that does not fit, an outline that is not positive, and one so uneven that triangles would overlap.
 */
export function tank(options: TankOptions = {}): Mesh {
  const settings = readOptions("tank", tankTable, options);
  const { electrodes, outline, radius, clockwise, edges, halvings } = settings;
  const line = measure(typeof outline === "function" ? outline : OUTLINES[outline], radius);
  const { shares, each } = outlinePoints(settings, line);
  const grown = fillWithRings(settings, line, shares);
  const ends = Array.from({ length: electrodes }, (_, l) => [each * l, each * l + edges]).flat();
  const following = refineTowards(ends, halvings, grown, line, shares);

  /** The edges of the boundary between two of its first points. */
  const pairs = (from: number, to: number): number[] => {
    const list: number[] = [];
    for (let node = from; list.length === 0 || node !== to; node = following.get(node) as number)
      list.push(node, following.get(node) as number);
    return list;
  };
  const all = Array.from({ length: electrodes }, (_, l) => l);
  const place = (l: number): number => each * (clockwise ? (electrodes - l) % electrodes : l);
  const lines = all.map((l): [string, number[]] => [`e${l}`, pairs(place(l), place(l) + edges)]);
  const wall = all.flatMap((l) => pairs(each * l + edges, (each * (l + 1)) % shares.length));
  return buildMesh(
    {
      points: Float64Array.from(grown.points),
      triangles: Int32Array.from(grown.triangles),
      lines: [...lines, ["wall", wall]],
      regions: [],
    },
    { owner: "tank", point: (i) => `point ${i}`, triangle: (t) => `triangle ${t}` },
  );
}
