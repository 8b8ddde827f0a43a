/** Calibration over fresh cases, with bands: rank histograms and their difference from uniform, coverage, TARP. */
import * as Plot from "@observablehq/plot";
import type { BandedCurve, Evaluation } from "../../evaluate/evaluation.ts";
import type { RankBins } from "../../model/calibration-record.ts";
import { chart, points, RULE, type Size } from "../chart.ts";
import { figure, key, panels, paragraph } from "../html.ts";
import { colour } from "../svg.ts";
import { fixed, percent, shareTick, tick } from "../text.ts";
import { type Section, selectParameters } from "./section.ts";

/** Most parameters that have pictures of their own. */
const MOST = 12;
const BAND = { fill: colour("prior"), fillOpacity: 0.9 } as const;
const hueOf = (passed: boolean): string => colour(passed ? "learned" : "bad");

interface CurveWords {
  readonly x: string;
  readonly y: string;
}

/** Observed shares against expected ones, with bands; as `difference`, minus the expected ones. */
function plotCurve(curve: BandedCurve, size: Size, { x, y }: CurveWords, difference: boolean): Element {
  const { expected, observed, low, high, passed } = curve;
  const off = (values: readonly number[]): number[] => values.map((v, k) => (difference ? v - expected[k] : v));
  const [own, least, most] = [observed, low, high].map(off);
  const band = expected.map((at, k) => ({ x: at, y1: least[k], y2: most[k] }));
  const reach = 1.15 * Math.max(0.01, ...[...own, ...least, ...most].map(Math.abs));
  const ideal = [0, 1].map((at) => ({ x: at, y: difference ? 0 : at }));
  return chart({
    size,
    x: { label: x, domain: [0, 1], format: shareTick, ticks: size === "small" ? 2 : 5 },
    y: { label: y, domain: difference ? [-reach, reach] : [0, 1], format: difference ? tick : shareTick, ticks: 3 },
    marks: [
      Plot.areaY(band, { x: "x", y1: "y1", y2: "y2", ...BAND }),
      Plot.line(ideal, { x: "x", y: "y", ...RULE }),
      Plot.line(points(expected, own), { x: "x", y: "y", stroke: hueOf(passed), strokeWidth: passed ? 1.8 : 2.6 }),
    ],
  });
}

/** Counts of ranks, with their bands. */
function plotRanks({ edges, counts, low, high }: RankBins, passed: boolean): Element {
  const bins = counts.map((count, b) => ({ x1: edges[b], x2: edges[b + 1], count, y1: low[b], y2: high[b] }));
  const top = 1.1 * Math.max(1, ...counts, ...high);
  const ends = edges.length > 0 ? ([edges[0], edges[edges.length - 1]] as const) : ([0, 1] as const);
  return chart({
    size: "small",
    height: 126,
    x: { label: "rank of the true value", domain: ends },
    y: { label: "cases", domain: [0, top], ticks: 3 },
    marks: [
      Plot.rect(bins, { x1: "x1", x2: "x2", y1: "y1", y2: "y2", ...BAND }),
      Plot.rectY(bins, { x1: "x1", x2: "x2", y: "count", fill: hueOf(passed), fillOpacity: 0.55, inset: 0.5 }),
      Plot.ruleY([0], { stroke: colour("quiet") }),
    ],
  });
}

const tell = ({ reading, pValue }: BandedCurve): string =>
  `${reading}; p\u00a0${pValue < 0.001 ? "<\u00a00.001" : `=\u00a0${fixed(pValue, pValue < 0.1 ? 3 : 2)}`}`;

const COVERAGE: CurveWords = { x: "credibility", y: "share that contains it" };

function ranksBody(evaluation: Evaluation): string {
  const { cases, draws, alpha, sbc } = evaluation.calibration;
  const { shown, note } = selectParameters(evaluation, MOST);
  const figures = shown.map((d) => {
    const curve = sbc.curves[d];
    const words = { x: "rank, as a share", y: "ECDF − uniform" };
    return figure({
      title: curve.name,
      reading: tell(curve),
      good: curve.passed,
      plots: [plotRanks(sbc.ranks[d], curve.passed), plotCurve(curve, "small", words, true)],
      description: `Ranks of the true ${curve.name} among draws: histogram, and difference from uniform, with bands`,
    });
  });
  return `${paragraph(
    `Simulation-based calibration (SBC) ranks the true parameters among ${draws} draws of the posterior, in ${cases} fresh cases from the prior. Ranks of correct posteriors are uniform. The upper plots show the counts, the lower ones the difference between the distribution of the ranks and the uniform one. A hill in the counts means that posteriors are too wide, a bowl that they are too narrow, and a slope that they are shifted. With correct posteriors, the curves of all parameters stay within the bands with probability ${percent(1 - alpha)}.`,
  )}${key([
    [colour("learned"), "ranks", "block"],
    [colour("bad"), "ranks outside their bands", "block"],
    [colour("prior"), `${percent(1 - alpha)} bands`, "block"],
  ])}${panels(figures, "small")}${note && paragraph(note)}`;
}

function coverageBody(evaluation: Evaluation): string {
  const { cases, alpha, coverage, tarp } = evaluation.calibration;
  const { shown, note } = selectParameters(evaluation, MOST);
  const [density, ...parameters] = coverage.curves;
  const large = [
    figure({
      title: "Regions of highest density",
      reading: tell(density),
      good: density.passed,
      plots: [plotCurve(density, "large", COVERAGE, false)],
      description: "Coverage of regions of highest density against their credibility, with bands",
    }),
    figure({
      title: "TARP: balls around random points",
      reading: tell(tarp.curve),
      good: tarp.curve.passed,
      plots: [plotCurve(tarp.curve, "large", COVERAGE, false)],
      description: "Coverage of balls around random points against their credibility, with bands",
    }),
  ];
  const small = shown.map((d) =>
    figure({
      title: parameters[d].name,
      reading: tell(parameters[d]),
      good: parameters[d].passed,
      plots: [plotCurve(parameters[d], "small", { x: "credibility", y: "share − credibility" }, true)],
      description: `Coverage of central intervals of ${parameters[d].name}: difference from their credibility, with bands`,
    }),
  );
  return `${paragraph(
    `A region of credibility p should contain the true parameters in a share p of the cases. The curves show the share in ${cases} fresh cases. Below the diagonal posteriors are overconfident, above it underconfident. The bands are ${percent(1 - alpha)} bands, as above.`,
  )}${panels(large, "large")}<h3>Central intervals of each parameter</h3>${panels(small, "small")}${note && paragraph(note)}`;
}

export const ranks: Section = { id: "ranks", title: "Calibration: ranks of the true parameters", body: ranksBody };
export const covering: Section = { id: "coverage", title: "Calibration: coverage", body: coverageBody };
