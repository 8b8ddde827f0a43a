/** The frame of all small charts: sizes, axes and grids of one look. */
import * as Plot from "@observablehq/plot";
import { colour, document } from "./svg.ts";
import { tick } from "./text.ts";

/** Large ones stand two or three in a row, small ones four; on a phone one and two. */
export const SIZES = { large: { width: 340, height: 220 }, small: { width: 240, height: 150 } } as const;
export type Size = keyof typeof SIZES;

export interface Scale {
  readonly label: string;
  readonly domain: readonly [number, number];
  readonly log?: boolean;
  readonly ticks?: number;
  readonly format?: (x: number) => string;
}

export interface ChartParts {
  readonly size: Size;
  /** Pixels, where it is not that of the size. */
  readonly height?: number;
  readonly x: Scale;
  readonly y: Scale;
  readonly marks: readonly (Plot.Markish | null)[];
}

/** A chart with a grid behind and both axes. */
export function chart({ size, height, x, y, marks }: ChartParts): Element {
  const { width, height: usual } = SIZES[size];
  const axis = ({ label, ticks = 4, format = tick }: Scale) => ({
    label,
    ticks,
    tickFormat: (x: number) => format(x),
    tickSize: 3,
    color: colour("quiet"),
  });
  const scale = ({ domain: [low, high], log }: Scale): Plot.ScaleOptions => ({
    type: log ? "log" : "linear",
    domain: [low, high > low ? high : low + 1],
    axis: null,
  });
  const made = Plot.plot({
    document,
    width,
    height: height ?? usual,
    marginLeft: 40,
    marginRight: 14,
    marginTop: 20,
    marginBottom: size === "small" ? 40 : 34,
    x: scale(x),
    y: scale(y),
    marks: [
      Plot.gridY({ stroke: colour("line"), strokeOpacity: 1, ticks: y.ticks ?? 4 }),
      ...marks,
      Plot.axisX({ ...axis(x), labelOffset: size === "small" ? 33 : 31 }),
      Plot.axisY(axis(y)),
    ],
  });
  made.setAttribute("font-size", size === "small" ? "11.5" : "11");
  made.setAttribute("overflow", "visible"); // the last number of an axis reaches a little past its end
  return made;
}

export const RULE = { stroke: colour("quiet"), strokeDasharray: "4 3", strokeWidth: 1.2 } as const;

/** Points (x_i, y_i) for marks; where one of the two is not finite the point is left out. */
export const points = (x: ArrayLike<number>, y: ArrayLike<number>): { x: number; y: number }[] =>
  Array.from({ length: x.length }, (_, i) => ({ x: x[i], y: y[i] })).filter(
    (p) => Number.isFinite(p.x) && Number.isFinite(p.y),
  );
