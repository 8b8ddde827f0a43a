/** A few evaluation cases to look at: the typical one, the worst ones, and the first. */
import type { Rows } from "../backends/backend.ts";
import type { AmortisedPosterior } from "../infer/infer.ts";
import { meanOf } from "../numbers/moments.ts";
import type { Comparison } from "./compare.ts";
import type { Example } from "./evaluation.ts";
import type { Reference } from "./reference.ts";

/** Draws of each posterior that are shown. */
export const SHOWN = 1000;

export interface ExampleRequest {
  readonly posteriors: readonly AmortisedPosterior[];
  readonly comparisons: readonly Comparison[];
  readonly reference: Reference;
  /** True parameters of each case (D). */
  readonly theta: readonly Rows[];
  readonly seed: number;
}

/** Titles and indices of the cases; each case appears once, under its first title. */
function choose(comparisons: readonly Comparison[]): [title: string, index: number][] {
  if (comparisons.length === 1) return [["only case", 0]];
  const sortedBy = (score: (c: Comparison) => number): number[] =>
    comparisons.map((_, i) => i).sort((a, b) => score(comparisons[a]) - score(comparisons[b]));
  const chosen: [string, number][] = [];
  if (comparisons[0].ks !== null) {
    const byKs = sortedBy((c) => meanOf(c.ks as number[]));
    chosen.push(["typical case", byKs[byKs.length >> 1]], ["worst KS", byKs[byKs.length - 1]]);
  }
  if (comparisons[0].kHat !== null) {
    const byK = sortedBy((c) => c.kHat as number);
    chosen.push(["worst k̂", byK[byK.length - 1]]);
  }
  chosen.push(["first case", 0]);
  return chosen.filter(([, i], k) => chosen.findIndex(([, other]) => other === i) === k);
}

/** The chosen cases, with everything that the pictures of a report need. */
export function examplesOf(request: ExampleRequest): Promise<Example[]> {
  const { posteriors, comparisons, reference, theta, seed } = request;
  return Promise.all(
    choose(comparisons).map(async ([title, index]): Promise<Example> => {
      const [posterior, { ks, kHat }] = [posteriors[index], comparisons[index]];
      return {
        index,
        title,
        y: [...posterior.y],
        theta: [...theta[index]],
        guide: await posterior.sample(SHOWN, { seed: seed + 2 }),
        truth: reference.draws?.[index] ?? null,
        mean: [...posterior.mean],
        sd: [...posterior.sd],
        q05: [...posterior.quantile(0.05)],
        q95: [...posterior.quantile(0.95)],
        ks: ks && meanOf(ks),
        kHat,
        farther: posterior.farther,
      };
    }),
  );
}
