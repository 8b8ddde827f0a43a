/** The plate: the disc of low conductivity, and a close view of its centre. */
import * as Plot from "@observablehq/plot";
import { columnOf } from "../../numbers/moments.ts";
import { HIGH, LOW, RADIUS, SENSORS } from "../../problems/eit.ts";
import { quantiles, regions } from "../sample.ts";
import { type Colour, colour, document, dots, element } from "../svg.ts";
import type { Picture } from "./picture.ts";

type Span = readonly [low: number, high: number];

const DISCS = 24;
const POINTS = 400;
const SHARES = [0.9, 0.5];
const MARGINS = { marginLeft: 36, marginRight: 8, marginTop: 20, marginBottom: 34 };
const SIZE = 250;
const SQUARE = { width: SIZE, height: SIZE + 10, ...MARGINS };

/** In the forward model a centre is clamped to the box. */
const clamped = (v: number): number => Math.min(HIGH, Math.max(LOW, v));

/** Circles of one radius, in units of the scales, as one path. */
function discs(centres: ArrayLike<number>, count: number, hue: string, style: Record<string, string | number>) {
  const mark: Plot.Markish = (_index, { x: toX, y: toY }) => {
    if (!toX || !toY) throw new Error("internal: discs without scales");
    const r = (toX(RADIUS) - toX(0)).toFixed(1);
    let d = "";
    for (let s = 0; s < Math.min(count, centres.length / 2); s++) {
      const [x, y] = [toX(clamped(centres[2 * s])) - Number(r), toY(clamped(centres[2 * s + 1]))];
      d += `M${x.toFixed(1)} ${y.toFixed(1)}a${r} ${r} 0 1 0 ${2 * Number(r)} 0a${r} ${r} 0 1 0 ${-2 * Number(r)} 0`;
    }
    return element("path", { d, fill: "none", stroke: hue, ...style });
  };
  return mark;
}

const axes = (labels: readonly [string, string]): Plot.Markish[] => {
  const axis = { ticks: 4, tickSize: 3, color: colour("quiet"), tickFormat: "~g" };
  return [Plot.axisX({ ...axis, label: labels[0] }), Plot.axisY({ ...axis, label: labels[1] })];
};

/** Spans of equal width for both axes: nearly all draws, and the true centre. */
function around(lists: readonly ArrayLike<number>[], theta: readonly number[]): [Span, Span] {
  const ends = [0, 1].map((d) => {
    const all = lists.flatMap((draws) => quantiles(columnOf(draws, 2, d), [0.003, 0.997]));
    return [Math.min(...all, theta[d]), Math.max(...all, theta[d])] as const;
  });
  const half = 0.56 * Math.max(...ends.map(([low, high]) => high - low), 1e-4);
  const [x, y] = ends.map(([low, high]): Span => [(low + high) / 2 - half, (low + high) / 2 + half]);
  return [x, y];
}

/** Outlines of the regions of highest density that contain 90 and 50 % of the draws. */
function outlines(draws: ArrayLike<number>, [x, y]: readonly [Span, Span], name: Colour): Plot.Markish[] {
  const { values, n, levels } = regions(draws, 2, [0, 1], [x, y], SHARES);
  // Plot takes the values for those at the centres of cells.
  const [stepX, stepY] = [x, y].map(([low, high]) => (high - low) / (n - 1) / 2);
  const grid = { width: n, height: n, x1: x[0] - stepX, x2: x[1] + stepX, y1: y[0] - stepY, y2: y[1] + stepY };
  return levels.map((level, k) =>
    Plot.contour(values, {
      ...grid,
      fill: "none",
      stroke: colour(name),
      strokeWidth: 1.8,
      strokeDasharray: k === 0 ? "5 3" : undefined,
      thresholds: [level],
      clip: true,
    }),
  );
}

/** Position of a disc of low conductivity in a plate, from 600 potentials on its edges (finite elements; arXiv 2305.20004). */
export const eit: Picture = {
  title: "The disc in the plate",
  text: "The left picture shows the plate with the sensors on its rim. The thick circle is the true disc, and thin circles are draws. The right picture shows the centre enlarged: draws of the guide, and the regions of highest density that contain 50 % (solid) and 90 % (dashed) of the draws. A centre outside [0.2, 0.8]² is moved to the edge of this square.",
  key: [
    ["", "true centre, true disc", "ring"],
    [colour("ink"), "sensors", "dotted"],
  ],
  fits: ({ D }) => D === 2,
  draw: ({ guide, truth, theta }, truthName) => {
    const thin = { "stroke-width": 0.9, "stroke-opacity": 0.45 };
    const corners = [0, 1] as const;
    const centre = [{ x: theta[0], y: theta[1] }];
    const plate = Plot.plot({
      document,
      ...SQUARE,
      x: { domain: corners, axis: null },
      y: { domain: corners, axis: null },
      marks: [
        Plot.frame({ stroke: colour("quiet") }),
        discs(theta, 1, "none", { fill: colour("prior") }),
        ...(truth ? [discs(truth, DISCS, colour("exact"), thin)] : []),
        discs(guide, DISCS, colour("learned"), thin),
        discs(theta, 1, colour("ink"), { "stroke-width": 1.8 }),
        dots(
          SENSORS.map(([x]) => x),
          SENSORS.map(([, y]) => y),
          { fill: colour("ink"), radius: 1.1, opacity: 0.7 },
        ),
        ...axes(["x", "y"]),
      ],
    });
    const spans = around(truth ? [guide, truth] : [guide], theta);
    const shown = guide.subarray(0, 2 * POINTS);
    const close = Plot.plot({
      document,
      ...SQUARE,
      x: { domain: spans[0], axis: null },
      y: { domain: spans[1], axis: null },
      marks: [
        Plot.gridX({ stroke: colour("line"), strokeOpacity: 1, ticks: 4 }),
        Plot.gridY({ stroke: colour("line"), strokeOpacity: 1, ticks: 4 }),
        dots(columnOf(shown, 2, 0), columnOf(shown, 2, 1), { fill: colour("learned"), radius: 1.1, opacity: 0.4 }),
        ...outlines(guide, spans, "learned"),
        ...(truth ? outlines(truth, spans, "exact") : []),
        Plot.dot(centre, { x: "x", y: "y", r: 5, stroke: colour("paper"), strokeWidth: 4 }),
        Plot.dot(centre, { x: "x", y: "y", r: 5, stroke: colour("ink"), strokeWidth: 1.8 }),
        ...axes(["x of the centre", "y of the centre"]),
      ],
    });
    const who = truth ? `guide and ${truthName}` : "guide";
    return [
      { title: "The plate", plots: [plate], description: `The plate with the true disc and discs drawn from ${who}` },
      { title: "Its centre, enlarged", plots: [close], description: `Posterior of the centre: ${who}, true centre` },
    ];
  },
};
