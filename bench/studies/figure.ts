/** Figures of the studies: plots side by side in one SVG with a title each, light or dark as the screen is. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as Plot from "@observablehq/plot";
import { colour, compose, document, element, label, markup, THEME } from "../../src/report/svg.ts";

export interface Panel {
  readonly title: string;
  readonly plot: Element;
}
export interface Figure {
  readonly file: string;
  /** For screen readers. */
  readonly description: string;
  /** Rows of panels, of one width and one height. */
  readonly rows: readonly (readonly Panel[])[];
  /** Names of the rows, set beside them. */
  readonly names?: readonly string[];
  /** What colours mean, in a line above. */
  readonly keys?: readonly { readonly name: string; readonly hue: string }[];
  /** One line below. */
  readonly caption: string;
}

const [GAP, HEAD, FOOT, ROOM, KEYS] = [12, 24, 30, 8, 26];

/** Writes a figure into a folder, and prints its path. */
export function saveFigure({ file, description, rows, names, keys, caption }: Figure, folder: string): void {
  const size = (name: "width" | "height"): number => Number(rows[0][0].plot.getAttribute(name));
  const [width, height] = [size("width"), size("height")];
  const left = names ? 28 : ROOM;
  const across = Math.max(...rows.map((r) => r.length));
  const [x, y] = [
    (c: number): number => left + c * (width + GAP),
    (r: number): number => HEAD + (keys ? KEYS : 0) + r * (height + HEAD),
  ];
  const [all, bottom] = [x(across) - GAP + ROOM, y(rows.length) - HEAD + FOOT + 6];
  const places = rows.flatMap((row, r) => row.map(({ plot }, c) => [plot, x(c), y(r)] as const));
  const made = compose(all, bottom, places);
  const text = { "font-size": 12, fill: colour("ink") };
  const titles = rows.flatMap((row, r) =>
    row.map(({ title }, c) =>
      label(title, { ...text, x: x(c) + width / 2, y: y(r) - 8, "text-anchor": "middle", "font-weight": 600 }),
    ),
  );
  const beside = (names ?? []).map((name, r) =>
    label(name, {
      ...text,
      transform: `translate(18 ${y(r) + height / 2}) rotate(-90)`,
      "text-anchor": "middle",
      "font-weight": 600,
    }),
  );
  const below = label(caption, {
    x: all / 2,
    y: bottom - 12,
    "text-anchor": "middle",
    "font-size": 11.5,
    fill: colour("quiet"),
  });
  made.prepend(element("rect", { width: all, height: bottom, rx: 10, fill: colour("paper") }));
  made.append(...titles, ...beside, ...legend(keys ?? [], all / 2), below);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, file);
  writeFileSync(path, `${markup(made, description).replace(">", `><style>${THEME}</style>`)}\n`);
  console.log(`figure: ${path}`);
}

/** Dots and names in a row about x. */
function legend(keys: NonNullable<Figure["keys"]>, x: number): Element[] {
  const widths = keys.map(({ name }) => 30 + 6.4 * name.length);
  let at = x - widths.reduce((a, b) => a + b, 0) / 2;
  return keys.flatMap(({ name, hue: fill }, i) => {
    const dot = element("circle", { cx: at + 6, cy: 17, r: 5, fill });
    const text = label(name, { x: at + 16, y: 21, "font-size": 12, fill: colour("ink") });
    at += widths[i];
    return [dot, text];
  });
}

/** Colours of series for every kind of colour vision, on light and dark paper (Okabe & Ito, 2008). */
const HUES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c"];
export const hue = (i: number): string => HUES[i % HUES.length];

/** An axis from a little below the KS of two exact samples of 1000. */
export const KS_SPAN: readonly [number, number] = [0.03, 0.7];

export interface Series {
  readonly name: string;
  readonly hue: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly hollow?: boolean;
}
export interface ChartOptions {
  readonly width?: number;
  readonly height?: number;
  readonly x: { readonly label: string; readonly log?: boolean; readonly ticks?: readonly number[] };
  readonly y: { readonly label: string; readonly log?: boolean; readonly domain?: readonly [number, number] };
  /** A horizontal line. */
  readonly rule?: number;
  /** Points alone. */
  readonly scatter?: boolean;
}

/** Lines, or points, of several series. */
export function chart(series: readonly Series[], o: ChartOptions): Element {
  const { width = 330, height = 240 } = o;
  const flat = series.flatMap(({ name, hue: stroke, points, hollow }) =>
    points.map(([x, y]) => ({ name, stroke, fill: hollow ? colour("paper") : stroke, x, y })),
  );
  const ticks = { color: colour("quiet"), tickSize: 3 };
  return Plot.plot({
    document,
    width,
    height,
    marginLeft: 46,
    marginRight: 14,
    marginTop: 16,
    marginBottom: 38,
    x: { type: o.x.log ? "log" : "linear", axis: null, nice: !o.x.log, inset: 8 },
    y: {
      type: o.y.log ? "log" : "linear",
      axis: null,
      domain: o.y.domain as [number, number] | undefined,
      nice: o.y.domain === undefined,
    },
    marks: [
      Plot.gridY({ stroke: colour("line"), strokeOpacity: 1, ticks: 5 }),
      Plot.axisX({
        ...ticks,
        label: o.x.label,
        ...(o.x.ticks ? { ticks: [...o.x.ticks] } : { ticks: 4 }),
        tickFormat: "~g",
      }),
      Plot.axisY({ ...ticks, label: o.y.label, ticks: 5, tickFormat: "~g" }),
      o.rule === undefined ? null : Plot.ruleY([o.rule], { stroke: colour("quiet"), strokeDasharray: "4 3" }),
      o.scatter ? null : Plot.line(flat, { x: "x", y: "y", z: "name", stroke: "stroke", strokeWidth: 1.8 }),
      Plot.dot(flat, { x: "x", y: "y", r: o.scatter ? 4.5 : 3, fill: "fill", stroke: "stroke", strokeWidth: 1.8 }),
    ],
  });
}
