/** KS against the reference posterior over the cases, for draws of the guide and draws corrected by importance weights. */
import * as Plot from "@observablehq/plot";
import type { Evaluation, KsSummary } from "../../evaluate/evaluation.ts";
import { chart, RULE, type Size } from "../chart.ts";
import { figure, key, panels, paragraph, table } from "../html.ts";
import { colour } from "../svg.ts";
import { fixed, percent, shareTick } from "../text.ts";
import { meanKs, type Section, selectParameters } from "./section.ts";

/** Bins of a histogram, by the number of values. */
const BINS = { many: 25, few: 12 };
const MANY = 50;
/** Most parameters that have a histogram of their own. */
const MOST = 12;

/** Shares of values in equal bins of [0, top]; the last bin includes its end. */
function histogram(values: readonly number[], bins: number, top: number): number[] {
  const shares = new Array<number>(bins).fill(0);
  for (const v of values) shares[Math.min(bins - 1, Math.floor((v / top) * bins))] += 1 / values.length;
  return shares;
}

interface Histograms {
  readonly guide: readonly number[];
  readonly corrected: readonly number[] | null;
  readonly floor: number;
  /** End of the axis. */
  readonly top: number;
}

function plot({ guide, corrected, floor, top }: Histograms, size: Size): Element {
  const bins = guide.length < MANY ? BINS.few : BINS.many;
  const own = histogram(guide, bins, top);
  const other = corrected && histogram(corrected, bins, top);
  const edge = (b: number): number => (b * top) / bins;
  const bars = own.map((share, b) => ({ x1: edge(b), x2: edge(b + 1), share }));
  const outline = other?.flatMap((y, b) => [
    { x: edge(b), y },
    { x: edge(b + 1), y },
  ]);
  const highest = Math.max(...own, ...(other ?? []));
  return chart({
    size,
    x: { label: "KS", domain: [0, top], ticks: size === "small" ? 3 : 5 },
    y: { label: "share of cases", domain: [0, 1.05 * highest], ticks: 3, format: shareTick },
    marks: [
      Plot.rectY(bars, { x1: "x1", x2: "x2", y: "share", fill: colour("learned"), fillOpacity: 0.75, inset: 0.4 }),
      outline ? Plot.line(outline, { x: "x", y: "y", stroke: colour("corrected"), strokeWidth: 1.8 }) : null,
      Plot.ruleX([floor], { ...RULE, stroke: colour("ink") }),
      Plot.ruleY([0], { stroke: colour("quiet") }),
    ],
  });
}

const summary = (name: string, { mean, median, p90, max }: KsSummary): string[] => [
  name,
  ...[mean, median, p90, max].map((x) => fixed(x, 3)),
];

function body(evaluation: Evaluation): string | null {
  const { ks, model, cases, draws, against } = evaluation;
  if (ks === null) return null;
  const { guide, corrected } = ks;
  const all = [...guide.statistics.flat(), ...(corrected?.statistics.flat() ?? [])];
  const top = Math.min(1, Math.max(3 * guide.floor, 1.02 * all.reduce((a, b) => Math.max(a, b), 0)));
  const of = (d: number | null): Histograms => {
    const pick = ({ statistics }: KsSummary): number[] =>
      d === null ? statistics.flat() : statistics.map((row) => row[d]);
    return { guide: pick(guide), corrected: corrected && pick(corrected), floor: guide.floor, top };
  };
  const { shown, note } = selectParameters(evaluation, MOST);
  const means = meanKs(guide);
  const pooled = figure({
    title: "All parameters together",
    reading: `mean ${fixed(guide.mean, 3)}${corrected ? `, corrected ${fixed(corrected.mean, 3)}` : ""}`,
    plots: [plot(of(null), "large")],
    description: `Histogram of KS statistics of all parameters in ${cases} cases`,
  });
  const each = shown.map((d) => {
    const { name } = model.parameters[d];
    return figure({
      title: name,
      reading: `mean ${fixed(means[d], 3)}`,
      plots: [plot(of(d), "small")],
      description: `Histogram of KS statistics of ${name} in ${cases} cases`,
    });
  });
  const rows = [summary("guide", guide), ...(corrected ? [summary("corrected by weights", corrected)] : [])];
  const worse = guide.statistics.flat().filter((x) => x > 2 * guide.floor).length / (cases * model.D);
  return `${paragraph(
    `KS is the largest difference between two distribution functions: 0 if they are equal, 1 if they do not overlap. It compares ${draws} draws of the guide with ${draws} draws of the reference posterior (${against.text}), for each parameter of ${cases} fresh cases. Two samples of the same distribution differ by ${fixed(guide.floor, 3)} on average (dashed line); the guide differs by more than twice that in ${percent(worse)} of all comparisons.`,
  )}${key([
    [colour("learned"), "guide", "block"],
    ...(corrected ? [[colour("corrected"), "corrected by weights"] as const] : []),
    [colour("ink"), "two exact samples, on average", "dashed"],
  ])}<div class="beside">${pooled}${table({ titles: ["KS", "mean", "median", "p90", "max"], rows })}</div>
${model.D > 1 ? panels(each, "small") : ""}${note && paragraph(note)}`;
}

export const comparison: Section = { id: "ks", title: "Comparison with the reference posterior", body };
