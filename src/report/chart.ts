/** Sizes, axes and grids of all charts. */
import * as Plot from "@observablehq/plot";
import { colour, document } from "./svg.ts";
import { tick } from "./text.ts";

/** A row has two or three large charts, or four small ones; on a phone one, or two. */
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
  /** Pixels; default: that of the size. */
  readonly height?: number;
  readonly x: Scale;
  readonly y: Scale;
  readonly marks: readonly (Plot.Markish | null)[];
}

/** Ticks of an axis. A logarithmic one has 1, 2 and 5 times the powers of ten; the powers alone over more than three decades. */
function ticksOf({ log, ticks = 4, domain: [low, high] }: Scale): number | number[] {
  if (!log) return ticks;
  const factors = high > 1000 * low ? [1] : [1, 2, 5];
  const all = Array.from({ length: 41 }, (_, k) => factors.map((factor) => Number(`${factor}e${k - 20}`)));
  return all.flat().filter((x) => x >= low && x <= high);
}

/** A chart with a grid and both axes. */
export function chart({ size, height, x, y, marks }: ChartParts): Element {
  const { width, height: usual } = SIZES[size];
  const axis = (scale: Scale) => ({
    label: scale.label,
    ticks: ticksOf(scale),
    text: (x: number) => (scale.format ?? tick)(x), // Plot's tickFormat drops labels of a logarithmic axis
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
      Plot.gridY({ stroke: colour("line"), strokeOpacity: 1, ticks: ticksOf(y) }),
      ...marks,
      Plot.axisX({ ...axis(x), labelOffset: size === "small" ? 33 : 31 }),
      Plot.axisY(axis(y)),
    ],
  });
  made.setAttribute("font-size", size === "small" ? "11.5" : "11");
  return made;
}

export const RULE = { stroke: colour("quiet"), strokeDasharray: "4 3", strokeWidth: 1.2 } as const;

/** Points (x_i, y_i) for marks, without those that are not finite. */
export const points = (x: ArrayLike<number>, y: ArrayLike<number>): { x: number; y: number }[] =>
  Array.from({ length: x.length }, (_, i) => ({ x: x[i], y: y[i] })).filter(
    (p) => Number.isFinite(p.x) && Number.isFinite(p.y),
  );
