/** The verdict on a model, in words, from its numbers. */
import type { Verdict } from "../model/calibration-record.ts";
import type { Evaluation } from "./evaluation.ts";

/** Share of cases that may be flagged. */
const FEW = 0.05;
/** KS up to so many times what two exact samples give is as good as exact; beyond the second it is far off. */
const NEAR = 1.25;
const FAR = 2;

const percent = (x: number): string => `${(100 * x).toFixed(x > 0 && x < 0.1 ? 1 : 0)} %`;
const list = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;

/** What the numbers say. `caveat`: what speaks against the truth itself. */
export function verdictOf(
  { ks, weights, calibration, warned }: Pick<Evaluation, "ks" | "weights" | "calibration" | "warned">,
  caveat: string | null,
): Verdict {
  const findings: { good: boolean; text: string }[] = [];
  const find = (good: boolean, text: string): boolean => {
    findings.push({ good, text });
    return good;
  };
  const failed = (curves: readonly { passed: boolean; name: string }[]): string =>
    list(curves.filter(({ passed }) => !passed).map(({ name }) => name));
  const { sbc, coverage, tarp, foreign, cases, alpha } = calibration;
  const sure = `${percent(1 - alpha)} bands`;

  let [near, far, mended, weighable] = [true, false, false, false];
  if (ks !== null) {
    const ratio = ks.guide.mean / ks.guide.floor;
    const numbers = `mean KS ${ks.guide.mean.toFixed(3)}, where two exact samples give ${ks.guide.floor.toFixed(3)}`;
    near = find(
      ratio <= NEAR,
      ratio <= NEAR
        ? `Posteriors are close to the truth: ${numbers}.`
        : `Posteriors are ${ratio <= FAR ? "somewhat" : "far"} off the truth: ${numbers}.`,
    );
    far = ratio > FAR;
    if (ks.corrected !== null) {
      mended = ks.corrected.mean <= NEAR * ks.corrected.floor;
      find(mended, `Corrected by importance weights: mean KS ${ks.corrected.mean.toFixed(3)}.`);
    }
  }
  const ranked = find(
    sbc.passed,
    sbc.passed
      ? `Ranks of the true parameters are uniform in ${cases} fresh cases (${sure}).`
      : `Ranks of the true parameters are not uniform in ${cases} fresh cases: ${failed(sbc.curves)} (${sbc.curves
          .filter((c) => !c.passed)
          .map((c) => c.reading)
          .slice(0, 1)}).`,
  );
  const covered = find(
    coverage.passed,
    coverage.passed
      ? "Regions and intervals hold the truth as often as they say."
      : `Regions or intervals hold the truth more or less often than they say: ${failed(coverage.curves)}.`,
  );
  const balls = find(
    tarp.passed,
    tarp.passed
      ? "So do balls about random points (TARP)."
      : "Balls about random points hold other shares than they say (TARP).",
  );
  if (weights !== null) {
    weighable = weights.above <= FEW;
    find(
      weighable,
      `Importance weights ${weighable ? "can" : "cannot"} be trusted: k̂ is above 0.7 in ${percent(weights.above)} of the cases.`,
    );
  }
  find(
    foreign.beyondAll <= FEW,
    `${percent(foreign.beyondAll)} of fresh data lie beyond all that training held out, ${percent(foreign.beyondMost)} beyond 99.5 % of it; ${percent(warned)} of the cases warn.`,
  );
  if (caveat !== null) find(false, `The truth itself is in doubt: ${caveat}.`);
  const calibrated = ranked && covered && balls;
  findings.sort((a, b) => Number(b.good) - Number(a.good));

  if (near && calibrated)
    return {
      level: "sound",
      headline:
        ks === null
          ? "This model is calibrated, as far as simulations alone can tell."
          : "Believe this model: its posteriors are those of the physics, and calibrated.",
      findings,
    };
  if (weighable && (ks === null ? calibrated : mended || (!far && ks.corrected === null)))
    return {
      level: "correct",
      headline: "Use this model with correct(): its own posteriors are off, corrected ones are right.",
      findings,
    };
  return {
    level: "doubtful",
    headline:
      "Do not rely on this model: its posteriors are not those of the physics. Train longer, or use another guide.",
    findings,
  };
}
