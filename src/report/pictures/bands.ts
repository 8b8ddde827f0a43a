/** Bands of curves: quantiles of many at each point of a line. */
import * as Plot from "@observablehq/plot";
import { quantiles } from "../sample.ts";
import { colour } from "../svg.ts";

const LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95];

/** Quantiles of curves at each of the points x. */
export const bandsOf = (x: readonly number[], curves: readonly ArrayLike<number>[]) =>
  x.map((at, p) => {
    const [q05, q25, q50, q75, q95] = quantiles(
      curves.map((c) => c[p]),
      LEVELS,
    );
    return { x: at, q05, q25, q50, q75, q95 };
  });

/** The guide as filled bands, the reference as lines: 90 % dashed, 50 % thin, median thick. */
export function bandMarks(
  x: readonly number[],
  guide: readonly ArrayLike<number>[],
  truth: readonly ArrayLike<number>[] | null,
): Plot.Markish[] {
  const [own, other] = [bandsOf(x, guide), truth && bandsOf(x, truth)];
  const area = (y1: string, y2: string, fillOpacity: number): Plot.Markish =>
    Plot.areaY(own, { x: "x", y1, y2, fill: colour("learned"), fillOpacity, clip: true });
  const line = (y: string, options: Plot.LineYOptions): Plot.Markish[] =>
    other ? [Plot.lineY(other, { x: "x", y, stroke: colour("exact"), clip: true, ...options })] : [];
  return [
    area("q05", "q95", 0.22),
    area("q25", "q75", 0.35),
    Plot.lineY(own, { x: "x", y: "q50", stroke: colour("learned"), strokeWidth: 2, clip: true }),
    ...["q05", "q95"].flatMap((y) => line(y, { strokeWidth: 1.3, strokeDasharray: "4 3" })),
    ...["q25", "q75"].flatMap((y) => line(y, { strokeWidth: 1 })),
    ...line("q50", { strokeWidth: 1.8 }),
  ];
}

/** The curve of the true parameters. */
export const trueLine = (x: readonly number[], values: ArrayLike<number>): Plot.Markish =>
  Plot.lineY(
    x.map((at, p) => ({ x: at, y: values[p] })),
    { x: "x", y: "y", stroke: colour("ink"), strokeWidth: 1.8, strokeDasharray: "1 4", strokeLinecap: "round" },
  );
