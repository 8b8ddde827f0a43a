/**
 * A pair plot. The diagonal shows the marginal densities of the prior, the learned and the exact posterior (sample.ts). The
 * learned draws of each pair of parameters are below it, the exact ones above it, so that the two sides mirror each other.
 */
import * as Plot from "@observablehq/plot";
import { columnOf } from "../diagnostics/arrays.ts";
import { exp } from "../numbers/math.ts";
import { density, quantiles } from "./sample.ts";
import { type Colour, colour, compose, document, dots, element, label } from "./svg.ts";
import { named } from "./text.ts";

export interface Axis {
  readonly name: string;
  readonly unit?: string;
  /** A normal prior, or draws of one of any form. */
  readonly prior: { readonly mean: number; readonly sd: number } | { readonly draws: Float64Array };
}

/** What the plot is of: draws (S, D) of both posteriors, D as many as there are axes, and the true parameters (D). */
export interface Pairs {
  readonly learned: Float32Array;
  /** Null where there are none: then there is nothing above the diagonal. */
  readonly exact: Float32Array | null;
  readonly truth: ArrayLike<number>;
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

/** The span of an axis: nearly all draws of both posteriors, and the true value. */
function span({ learned, exact, truth }: Pairs, D: number, d: number): [number, number] {
  const lists = exact === null ? [learned] : [learned, exact];
  const ends = lists.flatMap((draws) => quantiles(columnOf(draws, D, d), [0.002, 0.998]));
  const [low, high] = [Math.min(...ends, truth[d]), Math.max(...ends, truth[d])];
  const room = 0.06 * (high - low) || 0.06 * Math.abs(low) || 1;
  return [low - room, high + room];
}

/** The pair plot, a square SVG. */
export function pairs(of: Pairs, axes: readonly Axis[], { width = 400, points = 500 }: PairOptions = {}): Element {
  const D = axes.length;
  const { learned, exact, truth: at } = of;
  const [left, bottom, gap] = [42, 32, 5];
  const size = Math.min(LARGEST, (width - left - 2 - (D - 1) * gap) / D);
  const spans = axes.map((_, d) => span(of, D, d));
  const place = (i: number): number => i * (size + gap);
  const frame = { document, width: size, height: size, margin: 0 };
  const truth = { stroke: colour("ink"), strokeWidth: 0.8, strokeDasharray: "2 2" };

  const marginal = (d: number): Element => {
    const [low, high] = spans[d];
    const grid = Array.from({ length: GRID }, (_, i) => low + ((high - low) * i) / (GRID - 1));
    const curve = (values: readonly number[]) => grid.map((x, i) => ({ x, y: values[i] }));
    const own = density(columnOf(learned, D, d), grid);
    const other = exact === null ? [] : density(columnOf(exact, D, d), grid);
    const prior = priorDensity(axes[d].prior, grid);
    const top = 1.08 * Math.max(...own, ...other, ...prior);
    return Plot.plot({
      ...frame,
      x: { domain: spans[d], axis: null },
      y: { domain: [0, top], axis: null },
      marks: [
        Plot.areaY(curve(prior), { x: "x", y: "y", fill: colour("prior") }),
        Plot.ruleX([at[d]], truth),
        exact && Plot.line(curve(other), { x: "x", y: "y", stroke: colour("exact"), strokeWidth: 1.6 }),
        Plot.line(curve(own), { x: "x", y: "y", stroke: colour("learned"), strokeWidth: 1.6 }),
        Plot.frame({ stroke: colour("line") }),
      ],
    });
  };
  const pair = (row: number, col: number, draws: Float32Array, name: Colour): Element => {
    const [x, y] = [col, row].map((d) => columnOf(draws.subarray(0, D * points), D, d));
    const [priorX, priorY] = [axes[col].prior, axes[row].prior];
    const behind = Math.ceil(points / 3);
    const here = [{ x: at[col], y: at[row] }];
    return Plot.plot({
      ...frame,
      x: { domain: spans[col], axis: null },
      y: { domain: spans[row], axis: null },
      marks: [
        "draws" in priorX && "draws" in priorY
          ? dots(priorX.draws.subarray(0, behind), priorY.draws.subarray(0, behind), {
              fill: colour("prior"),
              radius: 1.6,
            })
          : null,
        dots(x, y, { fill: colour(name), radius: 0.75, opacity: 0.65 }),
        Plot.dot(here, { x: "x", y: "y", r: 3.4, stroke: colour("paper"), strokeWidth: 3 }),
        Plot.dot(here, { x: "x", y: "y", r: 3.4, stroke: colour("ink"), strokeWidth: 1.4 }),
        Plot.frame({ stroke: colour("line") }),
      ],
    });
  };
  const panel = (row: number, col: number): Element | null => {
    if (row === col) return marginal(row);
    if (row > col) return pair(row, col, learned, "learned");
    return exact && pair(row, col, exact, "exact");
  };
  const ticks = { ticks: D > 4 ? 2 : 3, tickSize: 3, color: colour("quiet"), label: null };
  const below = (d: number): Element =>
    Plot.plot({
      document,
      width: size,
      height: 16,
      margin: 0,
      marginBottom: 16,
      x: { domain: spans[d], axis: null },
      marks: [Plot.axisX(ticks)],
    });
  const beside = (d: number): Element =>
    Plot.plot({
      document,
      width: 24,
      height: size,
      margin: 0,
      marginLeft: 24,
      y: { domain: spans[d], axis: null },
      marks: [Plot.axisY(ticks)],
    });

  const indices = axes.map((_, d) => d);
  const panels = indices.flatMap((row) =>
    indices.flatMap((col) => {
      const made = panel(row, col);
      return made === null ? [] : [[made, left + place(col), place(row)] as const];
    }),
  );
  const numbers = indices.flatMap((d) => [
    [below(d), left + place(d), D * size + (D - 1) * gap] as const,
    ...(d > 0 ? [[beside(d), left - 24, place(d)] as const] : []),
  ]);
  const height = D * size + (D - 1) * gap + bottom;
  const made = compose(left + D * size + (D - 1) * gap + 2, height, [...panels, ...numbers]);
  for (const part of made.querySelectorAll("svg")) part.setAttribute("overflow", "visible");
  const names = element("g", { "font-size": 10, "text-anchor": "middle", fill: colour("ink") });
  indices.forEach((d) => {
    const middle = place(d) + size / 2;
    const text = fitting(axes[d], Math.floor((size + gap) / CHARACTER));
    const middling = { "text-anchor": "middle" };
    names.append(label(text, { x: left + middle, y: height - 4, ...middling }));
    if (D > 1) names.append(label(text, { transform: `translate(9 ${middle}) rotate(-90)`, ...middling }));
  });
  made.append(names);
  return made;
}
