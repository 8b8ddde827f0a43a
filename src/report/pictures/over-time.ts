/** Pictures of solutions of differential equations: the noise-free course of what is measured, with the data. */
import * as Plot from "@observablehq/plot";
import { evaluate } from "../../backends/reference/evaluate.ts";
import { input } from "../../graph/build.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { chart } from "../chart.ts";
import { colour } from "../svg.ts";
import { bandMarks, bandsOf, trueLine } from "./bands.ts";
import type { Picture } from "./picture.ts";

/** Draws for the bands. */
const MOST = 150;

/** One quantity over time. */
export interface Track {
  readonly title: string;
  /** Label of the axis of the quantity. */
  readonly label: string;
  readonly log?: boolean;
  /** Columns of the curves, one for each time of the picture. */
  readonly columns: readonly number[];
  /** Data: their times, and their place among the data. */
  readonly times: readonly number[];
  readonly data: readonly number[];
  /** A datum in the unit of the curves; by default itself. */
  readonly scaled?: (y: number) => number;
}

export interface Course {
  readonly title: string;
  readonly text: string;
  readonly D: number;
  readonly M: number;
  /** Times of the curves, and the label of their axis. */
  readonly times: readonly number[];
  readonly label: string;
  /** The curves (B, C) of parameters (B, D). */
  readonly curves: (theta: Tensor) => Tensor;
  readonly tracks: readonly Track[];
}

/** The curves (C) of the first draws (S, D). */
function curvesOf({ curves, D }: Course, theta: ArrayLike<number>): Float64Array[] {
  const rows = Math.min(MOST, theta.length / D);
  const values = Float64Array.from({ length: rows * D }, (_, k) => theta[k]);
  const { y } = evaluate({ y: curves(input("theta", D, { dtype: "f64" })) }, { rows, inputs: { theta: values } });
  const C = y.length / rows;
  return Array.from({ length: rows }, (_, r) => y.slice(r * C, (r + 1) * C)).filter((c) => c.every(Number.isFinite));
}

/** A picture of one panel for each quantity. */
export const overTime = (course: Course): Picture => ({
  title: course.title,
  text: course.text,
  key: [
    [colour("ink"), "true course", "dotted"],
    ["", "data", "ring"],
  ],
  fits: ({ D, M }) => D === course.D && M === course.M,
  draw: ({ guide, truth, theta, y }) => {
    const [own, other, [real]] = [curvesOf(course, guide), truth && curvesOf(course, truth), curvesOf(course, theta)];
    const { times, label } = course;
    return course.tracks.map((track) => {
      const pick = (curve: ArrayLike<number>): number[] => track.columns.map((c) => curve[c]);
      const data = track.data.map((m, j) => ({ x: track.times[j], y: (track.scaled ?? Number)(y[m]) }));
      const bands = [own, other ?? []].flatMap((curves) => (curves.length > 0 ? bandsOf(times, curves.map(pick)) : []));
      const all = [
        ...bands.flatMap(({ q05, q95 }) => [q05, q95]),
        ...data.map((d) => d.y),
        ...(real ? pick(real) : []),
      ];
      const shown = all.filter((v) => Number.isFinite(v) && (!track.log || v > 0));
      const [low, high] = [Math.min(...shown), Math.max(...shown)];
      const room = 0.05 * (high - low);
      const plot = chart({
        size: "large",
        x: { label, domain: [times[0], times[times.length - 1]] },
        y: {
          label: track.label,
          domain: track.log ? [low / 1.3, high * 1.3] : [low - room, high + room],
          log: track.log,
        },
        marks: [
          ...(own.length > 0
            ? bandMarks(times, own.map(pick), other && other.length > 0 ? other.map(pick) : null)
            : []),
          real ? trueLine(times, pick(real)) : null,
          Plot.dot(
            data.filter((d) => !track.log || d.y > 0),
            { x: "x", y: "y", r: 2.4, fill: colour("paper"), stroke: colour("ink"), strokeWidth: 1.1, clip: true },
          ),
        ],
      });
      const description = `${track.title} over time: median, 50 and 90 % bands of guide and reference, the true course, and the data`;
      return { title: track.title, plots: [plot], description };
    });
  },
});
