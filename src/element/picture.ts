/** The picture of a posterior in a page: the marginal density of each parameter with its middle 90 %, as SVG, and the numbers in a table. */
import { columnOf, quantileOf } from "../numbers/moments.ts";
import type { Parameter } from "../problem/problem.ts";
import { density } from "../report/sample.ts";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, BASE] = [220, 120, 96];
const GRID = 81;

/** Draws (S, D) with the names of their parameters, and optionally the span of each axis, so that pictures of different data compare. */
export interface Drawn {
  readonly draws: Float32Array | Float64Array;
  readonly parameters: readonly Parameter[];
  readonly spans?: readonly (readonly [number, number])[];
}

const nameOf = ({ name, unit }: Parameter): string => (unit ? `${name} (${unit})` : name);

/** A number with four significant digits and a typographic minus sign. */
export const shown = (x: number): string => String(Number(x.toPrecision(4))).replace("-", "−");

function svg(name: string, attributes: Readonly<Record<string, string | number>>, text?: string): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Mean, sd and quantiles 5, 50 and 95 % of a column. */
interface Summary {
  readonly mean: number;
  readonly sd: number;
  readonly quantiles: readonly number[];
}

export function summaries({ draws, parameters: { length: D } }: Drawn): Summary[] {
  return Array.from({ length: D }, (_, d) => {
    const column = columnOf(draws, D, d);
    const mean = column.reduce((sum, x) => sum + x, 0) / column.length;
    const square = column.reduce((sum, x) => sum + (x - mean) * (x - mean), 0);
    const sorted = column.sort();
    return {
      mean,
      sd: Math.sqrt(square / Math.max(1, column.length - 1)),
      quantiles: [0.05, 0.5, 0.95].map((p) => quantileOf(sorted, p)),
    };
  });
}

/** The density of one parameter: all of it, its middle 90 % darker, and its median. */
function marginal({ draws, parameters, spans }: Drawn, d: number, { quantiles }: Summary): SVGElement {
  const column = columnOf(draws, parameters.length, d);
  const [q05, q50, q95] = quantiles;
  const room = 0.8 * (q95 - q05) || 1e-3 * Math.abs(q50) || 1e-3;
  const [low, high] = spans?.[d] ?? [q05 - room, q95 + room];
  const grid = Array.from({ length: GRID }, (_, i) => low + ((high - low) * i) / (GRID - 1));
  const heights = density(column, grid);
  const top = Math.max(...heights) || 1;
  const x = (value: number): number => ((value - low) / (high - low)) * WIDTH;
  const y = (height: number): number => BASE - (0.92 * BASE * height) / top;
  const area = (from: number, to: number): string => {
    const inside = grid.map((at, i) => [at, heights[i]] as const).filter(([at]) => at >= from && at <= to);
    const corners = inside.map(([at, height]) => `L${x(at).toFixed(1)} ${y(height).toFixed(1)}`);
    return inside.length === 0
      ? ""
      : `M${x(inside[0][0]).toFixed(1)} ${BASE}${corners.join("")}L${x(inside[inside.length - 1][0]).toFixed(1)} ${BASE}Z`;
  };
  const name = nameOf(parameters[d]);
  const about = `${name}: median ${shown(q50)}, 90 % between ${shown(q05)} and ${shown(q95)}`;
  const made = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": about, part: "picture" });
  made.append(
    svg("path", { d: area(low, high), class: "all" }),
    svg("path", { d: area(q05, q95), class: "middle" }),
    svg("line", { x1: 0, x2: WIDTH, y1: BASE, y2: BASE, class: "axis" }),
    svg("line", { x1: x(q50), x2: x(q50), y1: BASE, y2: 6, class: "median" }),
    svg("text", { x: 0, y: HEIGHT - 8 }, shown(low)),
    svg("text", { x: WIDTH, y: HEIGHT - 8, "text-anchor": "end" }, shown(high)),
    svg("text", { x: WIDTH / 2, y: HEIGHT - 8, "text-anchor": "middle", class: "name" }, name),
  );
  return made;
}

/** A picture for each parameter. */
export const marginals = (of: Drawn, told: readonly Summary[]): SVGElement[] =>
  of.parameters.map((_, d) => marginal(of, d, told[d]));

/** The numbers: a row for each parameter. */
export function numbersTable({ parameters }: Drawn, told: readonly Summary[]): HTMLTableElement {
  const table = document.createElement("table");
  const row = (cells: readonly string[], scope: "col" | "row"): HTMLTableRowElement => {
    const made = document.createElement("tr");
    cells.forEach((text, i) => {
      const cell = document.createElement(scope === "col" || i === 0 ? "th" : "td");
      if (cell.tagName === "TH") cell.setAttribute("scope", scope);
      cell.textContent = text;
      made.append(cell);
    });
    return made;
  };
  const head = document.createElement("thead");
  head.append(row(["parameter", "mean", "sd", "5 %", "median", "95 %"], "col"));
  const body = document.createElement("tbody");
  body.append(
    ...parameters.map((parameter, d) => {
      const { mean, sd, quantiles } = told[d];
      return row([nameOf(parameter), ...[mean, sd, ...quantiles].map(shown)], "row");
    }),
  );
  table.append(head, body);
  return table;
}
