/** `retrodict infer … --correct`: corrects the posteriors one after another, and describes each correction. */
import type { AmortisedPosterior } from "../infer/infer.ts";
import type { Problem } from "../problem/problem.ts";
import type { CorrectedPosterior, CorrectionMethod } from "../sampling/correct.ts";
import type { Output } from "./command.ts";

export interface CorrectRequest {
  readonly method: CorrectionMethod;
  readonly problem: Problem;
  readonly seed: number;
  /** Name of observation n in messages. */
  readonly title: (n: number) => string;
}

/** Corrects all posteriors; each uses its own seed, as without a correction. */
export async function correctAll(
  posteriors: readonly AmortisedPosterior[],
  { method, problem, seed, title }: CorrectRequest,
  output: Output,
): Promise<CorrectedPosterior[]> {
  const corrected: CorrectedPosterior[] = [];
  for (const [n, posterior] of posteriors.entries()) {
    const one = await posterior.correct({ method, problem, seed: (seed + n) >>> 0 });
    const name = title(n) ? `${title(n)}: ` : "";
    output.note(`${name}${one.note}`);
    if (one.sourceWarning !== undefined) output.note(`${name}${one.sourceWarning}`);
    corrected.push(one);
  }
  return corrected;
}

/** A number in JSON, which has no infinities. */
export const finite = (x: number | null): number | string | null =>
  x === null || Number.isFinite(x) ? x : Number.isNaN(x) ? null : x > 0 ? "inf" : "-inf";

/** A correction as --json prints it. */
export const correctionJson = (c: CorrectedPosterior): Record<string, unknown> => ({
  correction: {
    method: c.method,
    kHat: finite(c.kHat),
    ess: finite(c.ess),
    efficiency: c.efficiency,
    logEvidence: finite(c.logEvidence),
    evaluations: c.evaluations,
    seconds: c.seconds,
    note: c.note,
    ...(c.sourceWarning === undefined ? {} : { sourceWarning: c.sourceWarning }),
    ...(c.diagnostics === null
      ? {}
      : {
          rHat: finite(c.diagnostics.rHat),
          essBulk: finite(c.diagnostics.essBulk),
          essTail: finite(c.diagnostics.essTail),
          divergences: c.diagnostics.divergences,
        }),
  },
});
