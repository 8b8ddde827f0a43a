/** The rod: bands of conductivity and potential along it (src/problems/rod-profiles.ts). */
import * as Plot from "@observablehq/plot";
import { NOISE_SD, SENSORS } from "../../problems/rod.ts";
import { profiles, X } from "../../problems/rod-profiles.ts";
import { chart } from "../chart.ts";
import { colour } from "../svg.ts";
import { bandMarks, bandsOf, trueLine } from "./bands.ts";
import type { Picture } from "./picture.ts";

/** Five coefficients of a rod's log-conductivity, from nine potentials (arXiv 2305.20004). */
export const rod: Picture = {
  title: "Along the rod",
  text: "Conductivity (logarithmic scale) and potential along the rod: the median, and the bands that contain 50 and 90 % of the draws. The bar at each sensor is two noise standard deviations either way.",
  key: [
    [colour("ink"), "true profile", "dotted"],
    ["", "data", "ring"],
  ],
  fits: ({ M }) => M === SENSORS.length,
  draw: ({ guide, truth, theta, y }) => {
    const D = theta.length;
    const own = profiles(guide, D);
    const other = truth && profiles(truth, D);
    const real = profiles(theta, D);
    const ends = (other ? [own, other] : [own]).flatMap(({ a }) => {
      const edges = bandsOf(X, a);
      return [Math.min(...edges.map(({ q05 }) => q05)), Math.max(...edges.map(({ q95 }) => q95))];
    });
    const data = Array.from(SENSORS, (x, k) => ({ x, y: y[k], low: y[k] - 2 * NOISE_SD, high: y[k] + 2 * NOISE_SD }));
    const along = { label: "x", domain: [0, 1] as const };
    const a = chart({
      size: "small",
      height: 200,
      x: along,
      y: {
        label: "a(x)",
        domain: [Math.min(...ends, ...real.a[0]) / 1.2, Math.max(...ends, ...real.a[0]) * 1.2],
        log: true,
      },
      marks: [...bandMarks(X, own.a, other?.a ?? null), trueLine(X, real.a[0])],
    });
    const u = chart({
      size: "small",
      height: 200,
      x: along,
      y: { label: "u(x)", domain: [Math.min(0, ...data.map((d) => d.low)), Math.max(1, ...data.map((d) => d.high))] },
      marks: [
        ...bandMarks(X, own.u, other?.u ?? null),
        trueLine(X, real.u[0]),
        Plot.ruleX(data, { x: "x", y1: "low", y2: "high", stroke: colour("ink"), strokeWidth: 1.2 }),
        Plot.dot(data, { x: "x", y: "y", r: 3, fill: colour("paper"), stroke: colour("ink"), strokeWidth: 1.3 }),
      ],
    });
    const what = "median, 50 and 90 % bands of guide and reference, and the true profile";
    return [
      { title: "Conductivity a(x)", plots: [a], description: `Conductivity along the rod: ${what}` },
      { title: "Potential u(x) and its data", plots: [u], description: `Potential along the rod: ${what}, with data` },
    ];
  },
};
