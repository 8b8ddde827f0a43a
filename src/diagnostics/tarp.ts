/**
 * TARP, tests of accuracy with random points (Lemos, Coogan, Hezaveh & Perreault-Levasseur, ICML 2023, arXiv 2302.03026):
 * the ball about a reference point that just reaches the truth holds a share of the posterior that is uniform over cases.
 * It needs draws alone. With references that do not know the data the prior itself passes; with all those that do
 * (`references` of `rankTruths`) only the posterior can.
 */
import { expectAlpha } from "./arrays.ts";
import { readCoverage } from "./coverage.ts";
import { type Curve, curvesOf, uniformLaw } from "./curves.ts";
import type { Ranks } from "./ranks.ts";

/** Judges the ranks of distances. `expected` are credibility levels, `observed` the share of cases within them. */
export function tarp(
  ranks: Pick<Ranks, "distance" | "draws">,
  options: { readonly alpha?: number } = {},
): Curve & { readonly reading: string } {
  const { alpha = 0.01 } = options;
  expectAlpha("tarp", alpha);
  const [curve] = curvesOf([{ name: "TARP", values: ranks.distance }], uniformLaw(ranks.draws), alpha);
  return { ...curve, reading: curve.passed ? readCoverage(curve) : "balls hold other shares than they say" };
}
