/**
 * A pair plot. The diagonal shows the marginal densities of the prior, the learned and the exact posterior (sample.ts). The
 * learned draws of each pair of parameters are below it, the exact ones above it, so that the two sides mirror each other.
 */
import * as Plot from "@observablehq/plot";
import { exp } from "../numbers/math.ts";
import { columnOf } from "../numbers/moments.ts";
import { density, quantiles } from "./sample.ts";
import { type Colour, colour, compose, document, dots, element, label } from "./svg.ts";
import { named } from "./text.ts";

export interface Axis {
  readonly name: string;
  readonly unit?: string;
  /** A normal prior, or draws of one of any form. */
  readonly prior: { readonly mean: number; readonly sd: number } | { readonly draws: Float64Array };
}

/** The content of the plot: draws (S, D) of both posteriors, D as many as there are axes, and the true parameters (D), if they are known. */
export interface Pairs {
  readonly learned: Float32Array | Float64Array;
  /** Null where there are none: then there is nothing above the diagonal. */
  readonly exact: Float32Array | Float64Array | null;
  readonly truth: ArrayLike<number> | null;
}

export interface PairOptions {
  readonly width?: number;
  /** Most draws in a panel; the prior has a third as many. */
  readonly points?: number;
}

const GRID = 121;
/** Largest side of a panel, so that one parameter makes a small plot. */
const LARGEST = 190;
/** Kernel width of a prior given by draws: wide enough that they make no bumps. */
const SMOOTH = 3;

/** Width of a character at an axis, pixels. */
const CHARACTER = 5.6;

/** A name with its unit if there is room for both, else the name, else its two ends, because names often end with a number. */
function fitting(axis: Axis, characters: number): string {
  const all = named(axis);
  if (all.length <= characters) return all;
  const half = Math.max(1, (characters - 1) / 2);
  return axis.name.length <= characters
    ? axis.name
    : `${axis.name.slice(0, Math.ceil(half))}…${axis.name.slice(-Math.floor(half))}`;
}

function priorDensity(prior: Axis["prior"], grid: readonly number[]): number[] {
  if ("draws" in prior) return density(prior.draws, grid, SMOOTH);
  const { mean, sd } = prior;
  return grid.map((x) => exp((-0.5 * (x - mean) * (x - mean)) / (sd * sd)) / (sd * Math.sqrt(2 * Math.PI)));
}

/** The span of an axis: nearly all draws of both posteriors, and the true value, if it is known. */
function span({ learned, exact, truth }: Pairs, D: number, d: number): [number, number] {
  const lists = exact === null ? [learned] : [learned, exact];
  const ends = lists.flatMap((draws) => quantiles(columnOf(draws, D, d), [0.002, 0.998]));
  if (truth) ends.push(truth[d]);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const room = 0.06 * (high - low) || 0.06 * Math.abs(low) || 1;
  return [low - room, high + room];
}

/** What all panels share. */
interface Layout {
  readonly of: Pairs;
  readonly axes: readonly Axis[];
  readonly spans: readonly (readonly [number, number])[];
  /** The side of a panel, in pixels. */
  readonly size: number;
  /** Draws of a panel, at most. */
  readonly points: number;
}

/** A panel of two scales, without axes. */
const panel = (size: number, x: Iterable<number>, y: Iterable<number>, marks: Plot.Markish[]): Element =>
  Plot.plot({
    document,
    width: size,
    height: size,
    margin: 0,
    x: { domain: x, axis: null },
    y: { domain: y, axis: null },
    marks: [...marks, Plot.frame({ stroke: colour("line") })],
  });

/** The densities of parameter d: prior, learned and exact. */
function marginal({ of: { learned, exact, truth }, axes, spans, size }: Layout, d: number): Element {
  const [low, high] = spans[d];
  const grid = Array.from({ length: GRID }, (_, i) => low + ((high - low) * i) / (GRID - 1));
  const curve = (values: readonly number[]) => grid.map((x, i) => ({ x, y: values[i] }));
  const own = density(columnOf(learned, axes.length, d), grid);
  const other = exact === null ? [] : density(columnOf(exact, axes.length, d), grid);
  const prior = priorDensity(axes[d].prior, grid);
  const top = 1.08 * Math.max(...own, ...other, ...prior);
  return panel(
    size,
    spans[d],
    [0, top],
    [
      Plot.areaY(curve(prior), { x: "x", y: "y", fill: colour("prior") }),
      truth && Plot.ruleX([truth[d]], { stroke: colour("ink"), strokeWidth: 0.8, strokeDasharray: "2 2" }),
      exact && Plot.line(curve(other), { x: "x", y: "y", stroke: colour("exact"), strokeWidth: 1.6 }),
      Plot.line(curve(own), { x: "x", y: "y", stroke: colour("learned"), strokeWidth: 1.6 }),
    ],
  );
}

/** Draws of two parameters over those of the prior, and the true values. */
function pair(
  { of: { truth }, axes, spans, size, points }: Layout,
  row: number,
  col: number,
  draws: Float32Array | Float64Array,
  name: Colour,
) {
  const D = axes.length;
  const [x, y] = [col, row].map((d) => columnOf(draws.subarray(0, D * points), D, d));
  const [priorX, priorY] = [axes[col].prior, axes[row].prior];
  const behind = Math.ceil(points / 3);
  const here = truth ? [{ x: truth[col], y: truth[row] }] : [];
  const fill = colour("prior");
  return panel(size, spans[col], spans[row], [
    "draws" in priorX && "draws" in priorY
      ? dots(priorX.draws.subarray(0, behind), priorY.draws.subarray(0, behind), { fill, radius: 1.6 })
      : null,
    dots(x, y, { fill: colour(name), radius: 0.75, opacity: 0.65 }),
    Plot.dot(here, { x: "x", y: "y", r: 3.4, stroke: colour("paper"), strokeWidth: 3 }),
    Plot.dot(here, { x: "x", y: "y", r: 3.4, stroke: colour("ink"), strokeWidth: 1.4 }),
  ]);
}

/** Numbers of an axis: fewer where panels are small. */
const ticksOf = (D: number) => ({ ticks: D > 4 ? 2 : 3, tickSize: 3, color: colour("quiet"), label: null });
const below = (D: number, domain: Iterable<number>, width: number): Element =>
  Plot.plot({
    document,
    width,
    height: 16,
    margin: 0,
    marginBottom: 16,
    x: { domain, axis: null },
    marks: [Plot.axisX(ticksOf(D))],
  });
const beside = (D: number, domain: Iterable<number>, height: number): Element =>
  Plot.plot({
    document,
    width: 24,
    height,
    margin: 0,
    marginLeft: 24,
    y: { domain, axis: null },
    marks: [Plot.axisY(ticksOf(D))],
  });

/** The pair plot, a square SVG. */
export function pairs(of: Pairs, axes: readonly Axis[], { width = 400, points = 500 }: PairOptions = {}): Element {
  const D = axes.length;
  const { learned, exact } = of;
  const [left, bottom, gap] = [42, 32, 5];
  const size = Math.min(LARGEST, (width - left - 2 - (D - 1) * gap) / D);
  const spans = axes.map((_, d) => span(of, D, d));
  const layout: Layout = { of, axes, spans, size, points };
  const place = (i: number): number => i * (size + gap);
  const side = D * size + (D - 1) * gap;
  const height = side + bottom;

  const parts: (readonly [Element, number, number])[] = [];
  for (let row = 0; row < D; row++)
    for (let col = 0; col < D; col++) {
      const [draws, name] = row > col ? ([learned, "learned"] as const) : ([exact, "exact"] as const);
      const at = [left + place(col), place(row)] as const;
      if (row === col) parts.push([marginal(layout, row), ...at]);
      else if (draws) parts.push([pair(layout, row, col, draws, name), ...at]);
    }
  for (let d = 0; d < D; d++) {
    parts.push([below(D, spans[d], size), left + place(d), side]);
    if (d > 0) parts.push([beside(D, spans[d], size), left - 24, place(d)]);
  }
  const made = compose(left + side + 2, height, parts);
  for (const part of made.querySelectorAll("svg")) part.setAttribute("overflow", "visible");
  const names = element("g", { "font-size": 10, "text-anchor": "middle", fill: colour("ink") });
  for (const [d, axis] of axes.entries()) {
    const middle = place(d) + size / 2;
    const text = fitting(axis, Math.floor((size + gap) / CHARACTER));
    const middling = { "text-anchor": "middle" };
    names.append(label(text, { x: left + middle, y: height - 4, ...middling }));
    if (D > 1) names.append(label(text, { transform: `translate(9 ${middle}) rotate(-90)`, ...middling }));
  }
  made.append(names);
  return made;
}
