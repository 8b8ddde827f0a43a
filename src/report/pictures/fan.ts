/** A fan of arms: draws as thin lines from the slide to the end point, and modes as solid arms. */
import * as Plot from "@observablehq/plot";
import { findModes, type Mode } from "../modes.ts";
import { type Colour, colour, document, dots } from "../svg.ts";
import { joints, type Point } from "./kinematics.ts";

/** Standard deviations of the prior, the units of the distance between modes. */
const PRIOR_SD = [0.25, 0.5, 0.5, 0.5];
/** Width of the kernel and least distance of two modes, in prior standard deviations. */
const KERNEL = 0.5;
const APART = 2.2;
/** Modes with a smaller share of the draws are not drawn solid. */
const LEAST_SHARE = 0.1;
const MOST_MODES = 3;
/** Points of an arm: base, two joints, end. */
const CORNERS = 4;

export const modesOf = (draws: ArrayLike<number>): readonly Mode[] =>
  findModes(draws, PRIOR_SD, KERNEL, APART)
    .filter(({ share }) => share >= LEAST_SHARE)
    .slice(0, MOST_MODES);

/** Metres between the lines of the grid. */
const GRID = 0.5;

/** The visible part of the plane, m. */
export interface View {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
}

export interface FanOptions {
  readonly view: View;
  /** Width in pixels; the height follows, because both axes have the same scale. */
  readonly width: number;
  readonly colour: Colour;
  /** Draws that are shown as thin lines. */
  readonly lines: number;
  readonly target: ArrayLike<number>;
  /** Whether the axes are shown. */
  readonly axes?: boolean;
}

/** Right end of a view, m; the arm is 2 m long. */
const REACH = 2.12;
/** Margin around the arms, m. */
const ROOM = 0.08;

/** A view of all arms except a few outliers, at least `height` metres high, that starts at `left` metres or farther left. */
export function viewOf(draws: readonly ArrayLike<number>[], { height = 0, left = -0.12 } = {}): View {
  const points = draws.flatMap((some) => Array.from({ length: some.length / 4 }, (_, s) => joints(some, 4 * s)).flat());
  const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]).sort((a, b) => a - b));
  const at = (sorted: readonly number[], p: number): number => sorted[Math.round(p * (sorted.length - 1))];
  const [low, high] = [at(ys, 0.001) - ROOM, at(ys, 0.999) + ROOM];
  const more = Math.max(0, height - (high - low)) / 2;
  return { x: [Math.min(left, at(xs, 0.001) - ROOM), REACH], y: [low - more, high + more] };
}

const corner = ([x, y]: Point, z: number) => ({ x, y, z });
const polylines = (draws: ArrayLike<number>, which: readonly number[]) =>
  which.flatMap((s) => joints(draws, 4 * s).map((point) => corner(point, s)));

/** The fan of draws (S, 4) as an SVG. */
export function fan(
  draws: ArrayLike<number>,
  { view, width, colour: name, lines, target, axes = true }: FanOptions,
): Element {
  const margin = axes ? { left: 34, right: 6, top: 20, bottom: 32 } : { left: 4, right: 4, top: 4, bottom: 4 };
  const inner = width - margin.left - margin.right;
  const height = Math.round((inner * (view.y[1] - view.y[0])) / (view.x[1] - view.x[0])) + margin.top + margin.bottom;
  const shown = Array.from({ length: Math.min(lines, draws.length / 4) }, (_, s) => s);
  const solid = polylines(
    draws,
    modesOf(draws).map(({ at }) => at),
  );
  const hinges = solid.filter((_, i) => i % CORNERS < CORNERS - 1);
  const line = { x: "x", y: "y", z: "z", strokeLinejoin: "round", strokeLinecap: "round", clip: true } as const;
  const end = [{ x: target[0], y: target[1] }];
  const bases = shown.map((s) => draws[4 * s]);
  const axis = { interval: GRID, tickSize: 3, color: colour("quiet") };
  const grid = { interval: GRID, stroke: colour("line"), strokeOpacity: 1 };
  return Plot.plot({
    document,
    width,
    height,
    marginLeft: margin.left,
    marginRight: margin.right,
    marginTop: margin.top,
    marginBottom: margin.bottom,
    x: { domain: view.x, axis: null },
    y: { domain: view.y, axis: null },
    marks: [
      Plot.gridX(grid),
      Plot.gridY(grid),
      axes ? Plot.axisX({ ...axis, label: "reach (m)" }) : null,
      axes ? Plot.axisY({ ...axis, label: "height (m)" }) : null,
      Plot.ruleX([0], { stroke: colour("quiet"), strokeWidth: 5, strokeOpacity: 0.35, strokeLinecap: "round" }),
      Plot.line(polylines(draws, shown), {
        ...line,
        stroke: colour(name),
        strokeWidth: 0.9,
        strokeOpacity: lines > 100 ? 0.24 : 0.32,
      }),
      dots(
        bases.map(() => 0),
        bases,
        { fill: colour(name), radius: 1.3, opacity: 0.6 },
      ),
      Plot.line(solid, { ...line, stroke: colour("paper"), strokeWidth: 5.5 }),
      Plot.line(solid, { ...line, stroke: colour("ink"), strokeWidth: 2.8 }),
      Plot.dot(hinges, { x: "x", y: "y", r: 3.2, fill: colour("paper"), stroke: colour("ink"), strokeWidth: 1.6 }),
      Plot.dot(end, { x: "x", y: "y", r: 9, fill: colour("paper") }),
      Plot.dot(end, { x: "x", y: "y", r: 6.5, stroke: colour("ink"), strokeWidth: 2 }),
      Plot.dot(end, { x: "x", y: "y", r: 2, fill: colour("ink") }),
    ],
  });
}
