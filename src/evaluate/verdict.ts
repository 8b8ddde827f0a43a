/** The verdict on a model: the numbers of its evaluation in words. */
import type { Verdict } from "../model/calibration-record.ts";
import type { Evaluation, KsSummary } from "./evaluation.ts";

/** Share of cases that may exceed a limit. */
const FEW = 0.05;
/** Mean KS as a multiple of that of two exact samples: up to NEAR posteriors are accurate, above FAR very inaccurate. */
const NEAR = 1.25;
const FAR = 2;

const percent = (x: number): string => `${(100 * x).toFixed(x > 0 && x < 0.1 ? 1 : 0)} %`;
const list = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
const failed = (curves: readonly { passed: boolean; name: string }[]): string =>
  list(curves.filter(({ passed }) => !passed).map(({ name }) => name));

/** Said once, because no other part of a report speaks of a reference that is not there. */
const UNTESTED = "Without a reference posterior, the accuracy of single posteriors was not tested.";

type Numbers = Pick<Evaluation, "ks" | "weights" | "calibration" | "warned">;
type Finding = Verdict["findings"][number];

/** `caveat`: a reason to doubt the reference posteriors, or null. */
export function verdictOf(numbers: Numbers, caveat: string | null): Verdict {
  const comparison = compareFindings(numbers);
  const calibration = calibrationFindings(numbers);
  const { ks, weights } = numbers;
  const weightable = weights !== null && weights.above <= FEW;
  const findings = [...comparison, ...calibration, ...otherFindings(numbers, weightable)];
  if (caveat !== null) findings.push({ good: false, text: `The reference posteriors are in doubt: ${caveat}.` });
  findings.sort((a, b) => Number(b.good) - Number(a.good));

  const near = ks === null || ks.guide.mean <= NEAR * ks.guide.floor;
  const calibrated = calibration.every(({ good }) => good);
  if (near && calibrated)
    return {
      level: "sound",
      headline:
        ks === null
          ? `This model is calibrated, as far as simulations alone can tell. ${UNTESTED}`
          : "Trust this model: its posteriors are accurate and calibrated.",
      findings,
    };
  const far = ks !== null && ks.guide.mean > FAR * ks.guide.floor;
  const corrected = ks !== null && (ks.corrected === null ? !far : isMended(ks.corrected));
  if (weightable && corrected)
    return {
      level: "correct",
      headline:
        "Use this model with correct(): its own posteriors are inaccurate, but the corrected ones are accurate.",
      findings,
    };
  return {
    level: "doubtful",
    headline:
      ks === null
        ? `Do not rely on this model: it is not calibrated. Train longer, or use another guide. ${UNTESTED}`
        : "Do not rely on this model: its posteriors are inaccurate. Train longer, or use another guide.",
    findings,
  };
}

const isMended = ({ mean, floor }: KsSummary): boolean => mean <= NEAR * floor;

/** Findings from the comparison with reference posteriors. */
function compareFindings({ ks }: Numbers): Finding[] {
  if (ks === null) return [];
  const { guide, corrected } = ks;
  const ratio = guide.mean / guide.floor;
  const numbers = `the mean KS is ${guide.mean.toFixed(3)}; two exact samples give ${guide.floor.toFixed(3)}`;
  const found = ratio <= NEAR ? "are accurate" : `are ${ratio <= FAR ? "somewhat" : "very"} inaccurate`;
  const findings = [{ good: ratio <= NEAR, text: `Posteriors ${found}: ${numbers}.` }];
  if (corrected !== null)
    findings.push({
      good: isMended(corrected),
      text: `After correction by importance weights the mean KS is ${corrected.mean.toFixed(3)}.`,
    });
  return findings;
}

/** Findings from ranks, coverage and TARP. */
function calibrationFindings({ calibration: { sbc, coverage, tarp, cases, alpha } }: Numbers): Finding[] {
  const [wrong] = sbc.curves.filter((c) => !c.passed);
  return [
    {
      good: sbc.passed,
      text: sbc.passed
        ? `The ranks of the true parameters are uniform in ${cases} evaluation cases (${percent(1 - alpha)} bands).`
        : `The ranks of the true parameters are not uniform in ${cases} evaluation cases: ${failed(sbc.curves)} (${wrong?.reading ?? ""}).`,
    },
    {
      good: coverage.passed,
      text: coverage.passed
        ? "Credible regions and intervals contain the true parameters as often as they should."
        : `Credible regions or intervals contain the true parameters too often or too rarely: ${failed(coverage.curves)}.`,
    },
    {
      good: tarp.passed,
      text: tarp.passed
        ? "Balls around random points contain the right share of the posterior (TARP)."
        : "Balls around random points contain a wrong share of the posterior (TARP).",
    },
  ];
}

/** Findings from importance weights, and from the distance of the data from the training simulations. */
function otherFindings({ weights, calibration: { foreign }, warned }: Numbers, weightable: boolean): Finding[] {
  const { beyondAll, beyondMost } = foreign;
  const distance = `${percent(beyondAll)} of the fresh observations are farther from the simulations than all held-out ones, ${percent(beyondMost)} farther than 99.5 % of them; infer warns in ${percent(warned)} of the cases.`;
  const findings = [{ good: beyondAll <= FEW, text: distance }];
  if (weights === null) return findings;
  const text = `Importance weights ${weightable ? "are" : "are not"} reliable: k̂ is above 0.7 in ${percent(weights.above)} of the cases.`;
  return [{ good: weightable, text }, ...findings];
}
