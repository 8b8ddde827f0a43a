/**
 * A pair plot: on the diagonal the marginal densities of prior, learned and exact posterior; below it the learned draws
 * of each pair of parameters, above it the exact ones, so that one side mirrors the other.
 *
 *   p(x) ≈ Σ_s N(x; θ_s, h²) / S,   h = 0.9 min(sd, IQR/1.34) S^(−1/5) / 2
 *
 * half of Silverman's rule of thumb (Density Estimation, 1986, §3.4.2), which is made for one mode.
 */
import * as Plot from "@observablehq/plot";
import { type Answer, column } from "./answer.ts";
import { colour, compose, document, dots, element, label } from "./svg.ts";

export interface Axis {
  readonly name: string;
  readonly unit?: string;
  /** Standard deviation of its prior, which is normal with mean 0. */
  readonly sd: number;
}

const GRID = 121;

function quantiles(values: ArrayLike<number>, levels: readonly number[]): number[] {
  const sorted = Float64Array.from(values).sort();
  return levels.map((p) => sorted[Math.round(p * (sorted.length - 1))]);
}

/** The density of a sample at the points of a grid. */
export function density(values: Float64Array, grid: readonly number[]): number[] {
  const count = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / count;
  const sd = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / count);
  const [q1, q3] = quantiles(values, [0.25, 0.75]);
  const h = 0.45 * Math.min(sd, (q3 - q1) / 1.34) * count ** -0.2;
  const scale = 1 / (count * h * Math.sqrt(2 * Math.PI));
  return grid.map((x) => scale * values.reduce((sum, v) => sum + Math.exp(-0.5 * ((x - v) / h) ** 2), 0));
}

const normalDensity = (x: number, sd: number): number => Math.exp(-0.5 * (x / sd) ** 2) / (sd * Math.sqrt(2 * Math.PI));

/** What an axis spans: nearly all draws of both posteriors and the truth. */
function span(answer: Answer, d: number): [number, number] {
  const ends = [answer.learned, answer.exact].flatMap((draws) => quantiles(column(draws, d), [0.002, 0.998]));
  const [low, high] = [Math.min(...ends, answer.truth[d]), Math.max(...ends, answer.truth[d])];
  const room = 0.06 * (high - low);
  return [low - room, high + room];
}

/** The pair plot of one answer, a square SVG; at most `points` draws a panel. */
export function pairs(answer: Answer, axes: readonly Axis[], { width = 400, points = 500 } = {}): Element {
  const D = axes.length;
  const [left, bottom, gap] = [38, 32, 5];
  const size = (width - left - 2 - (D - 1) * gap) / D;
  const spans = axes.map((_, d) => span(answer, d));
  const place = (i: number): number => i * (size + gap);
  const frame = { document, width: size, height: size, margin: 0 };
  const truth = { stroke: colour("ink"), strokeWidth: 0.8, strokeDasharray: "2 2" };

  const marginal = (d: number): Element => {
    const [low, high] = spans[d];
    const grid = Array.from({ length: GRID }, (_, i) => low + ((high - low) * i) / (GRID - 1));
    const curve = (values: readonly number[]) => grid.map((x, i) => ({ x, y: values[i] }));
    const [learned, exact] = [answer.learned, answer.exact].map((draws) => density(column(draws, d), grid));
    const prior = grid.map((x) => normalDensity(x, axes[d].sd));
    const top = 1.08 * Math.max(...learned, ...exact, ...prior);
    return Plot.plot({
      ...frame,
      x: { domain: spans[d], axis: null },
      y: { domain: [0, top], axis: null },
      marks: [
        Plot.areaY(curve(prior), { x: "x", y: "y", fill: colour("prior") }),
        Plot.ruleX([answer.truth[d]], truth),
        Plot.line(curve(exact), { x: "x", y: "y", stroke: colour("exact"), strokeWidth: 1.6 }),
        Plot.line(curve(learned), { x: "x", y: "y", stroke: colour("learned"), strokeWidth: 1.6 }),
        Plot.frame({ stroke: colour("line") }),
      ],
    });
  };
  const pair = (row: number, col: number): Element => {
    const name = row > col ? "learned" : "exact";
    const draws = answer[name].subarray(0, D * points);
    const at = [{ x: answer.truth[col], y: answer.truth[row] }];
    return Plot.plot({
      ...frame,
      x: { domain: spans[col], axis: null },
      y: { domain: spans[row], axis: null },
      marks: [
        dots(column(draws, col), column(draws, row), { fill: colour(name), radius: 0.75, opacity: 0.65 }),
        Plot.dot(at, { x: "x", y: "y", r: 3.4, stroke: colour("paper"), strokeWidth: 3 }),
        Plot.dot(at, { x: "x", y: "y", r: 3.4, stroke: colour("ink"), strokeWidth: 1.4 }),
        Plot.frame({ stroke: colour("line") }),
      ],
    });
  };
  const ticks = { ticks: 3, tickSize: 3, color: colour("quiet"), label: null };
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
    indices.map((col) => [row === col ? marginal(row) : pair(row, col), left + place(col), place(row)] as const),
  );
  const numbers = indices.flatMap((d) => [
    [below(d), left + place(d), D * size + (D - 1) * gap] as const,
    ...(d > 0 ? [[beside(d), left - 24, place(d)] as const] : []),
  ]);
  const height = D * size + (D - 1) * gap + bottom;
  const made = compose(width, height, [...panels, ...numbers]);
  for (const part of made.querySelectorAll("svg")) part.setAttribute("overflow", "visible");
  const names = element("g", { "font-size": 10, "text-anchor": "middle", fill: colour("ink") });
  indices.forEach((d) => {
    const { name, unit } = axes[d];
    const text = unit ? `${name} (${unit})` : name;
    const middle = place(d) + size / 2;
    const middling = { "text-anchor": "middle" };
    names.append(label(text, { x: left + middle, y: height - 4, ...middling }));
    names.append(label(text, { transform: `translate(9 ${middle}) rotate(-90)`, ...middling }));
  });
  made.append(names);
  return made;
}
