/** Importance weights of the guide's draws, case by case: the shape k̂ of their tail, and the effective sample size. */
import * as Plot from "@observablehq/plot";
import type { Evaluation } from "../../evaluate/evaluation.ts";
import { LARGEST_K } from "../../sampling/psis.ts";
import { chart, RULE } from "../chart.ts";
import { figure, panels, paragraph } from "../html.ts";
import { colour } from "../svg.ts";
import { fixed, percent, shareTick } from "../text.ts";
import type { Section } from "./section.ts";

/** Up to this k̂ the weights behave as if their variance were finite. */
const GOOD_K = 0.5;
/** Largest end of the axis of k̂. */
const LARGEST_SHOWN = 2;

/** Ascending; NaN counts as the worst value. */
const ascending = (values: readonly number[]): number[] =>
  values.map((v) => (Number.isNaN(v) ? Number.POSITIVE_INFINITY : v)).sort((a, b) => (a === b ? 0 : a - b));

function plotK(kHat: readonly number[]): Element {
  const sorted = ascending(kHat);
  const finite = sorted.filter(Number.isFinite);
  const low = Math.max(-1, Math.min(0, ...finite) - 0.05);
  const high = Math.min(LARGEST_SHOWN, Math.max(1, 1.08 * Math.max(0, ...finite)));
  const at = sorted.map((k, i) => ({ x: i + 1, y: Math.min(high, Math.max(low, k)), k }));
  const dot = { x: "x", y: "y", r: 2.6, fill: colour("learned") } as const;
  return chart({
    size: "large",
    x: { label: "cases, sorted", domain: [0, sorted.length + 1] },
    y: { label: "k̂", domain: [low, high] },
    marks: [
      Plot.ruleY([GOOD_K, LARGEST_K], RULE),
      Plot.text([GOOD_K, LARGEST_K], {
        x: () => 0,
        y: (k: number) => k,
        text: (k: number) => `${k}`,
        textAnchor: "start",
        dy: -6,
        dx: 4,
        fill: colour("quiet"),
      }),
      Plot.dot(
        at.filter(({ k }) => k <= LARGEST_K),
        dot,
      ),
      Plot.dot(
        at.filter(({ k }) => !(k <= LARGEST_K)),
        { ...dot, r: 3.2, symbol: "triangle", fill: colour("bad") },
      ),
    ],
  });
}

function plotEss(ess: readonly number[]): Element {
  const at = ascending(ess).map((share, i) => ({ x: i + 1, y: Number.isFinite(share) ? share : 0 }));
  return chart({
    size: "large",
    x: { label: "cases, sorted", domain: [0, at.length + 1] },
    y: { label: "effective sample size", domain: [0, 1], format: shareTick },
    marks: [
      Plot.dot(at, { x: "x", y: "y", r: 2.6, fill: colour("learned") }),
      Plot.ruleY([0], { stroke: RULE.stroke }),
    ],
  });
}

function body({ weights }: Evaluation): string | null {
  if (weights === null) return null;
  const { kHat, ess, above } = weights;
  const share = (test: (k: number) => boolean): number => kHat.filter(test).length / kHat.length;
  const median = ascending(ess)[ess.length >> 1];
  const odd = kHat.filter((k) => !Number.isFinite(k)).length;
  const figures = [
    figure({
      title: `k̂ above ${LARGEST_K}: ${percent(above)} of the cases`,
      reading: `at most ${GOOD_K}: ${percent(share((k) => k <= GOOD_K))}${odd > 0 ? `; not finite, shown at the top: ${odd}` : ""}`,
      plots: [plotK(kHat)],
      description: `k̂ of each of ${kHat.length} cases, sorted, with lines at ${GOOD_K} and ${LARGEST_K}`,
    }),
    figure({
      title: `Effective sample size: ${Number.isFinite(median) ? percent(median) : "–"} of the draws at the median`,
      reading: `smallest: ${fixed(100 * Math.min(...ess.map((e) => (Number.isFinite(e) ? e : 0))), 1)} %`,
      plots: [plotEss(ess)],
      description: `Effective sample size of each of ${ess.length} cases, as a share of the draws, sorted`,
    }),
  ];
  return `${paragraph(
    `Each draw of the guide has the weight posterior density over guide density. If k̂ is at most ${LARGEST_K}, the weights are reliable, and correct({ method: "psis" }) corrects the posterior. Above it (triangles) a few large weights dominate, and correct() runs chains instead. Weights cannot show a mode in which the guide has no draws.`,
  )}${panels(figures, "large")}`;
}

export const weighing: Section = { id: "weights", title: "Importance weights", body };
