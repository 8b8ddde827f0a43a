/**
 * TARP, tests of accuracy with random points (Lemos, Coogan, Hezaveh & Perreault-Levasseur, ICML 2023, arXiv 2302.03026): take the
 * ball around a reference point that reaches the true parameters. Over cases, the share of the posterior inside the ball is uniform.
 * The test needs draws alone. With reference points that are independent of the data even the prior passes; with reference points
 * that depend on the data (`references` of `rankTruths`) only the posterior does.
 */
import { type OptionsOf, readOptions } from "../checks/options.ts";
import { alphaTable } from "./bands.ts";
import { type ReadCurve, readCoverage } from "./coverage.ts";
import { curvesOf, uniformLaw } from "./curves.ts";
import { expectRanks, type Ranks } from "./ranks.ts";

/** Judges the ranks of distances. `expected` holds credibility levels, `observed` the shares of cases within them. */
export function tarp(ranks: Pick<Ranks, "distance" | "draws">, options: OptionsOf<typeof alphaTable> = {}): ReadCurve {
  expectRanks("tarp", ranks, "distance");
  const { alpha } = readOptions("tarp", alphaTable, options);
  const [curve] = curvesOf([{ name: "TARP", values: ranks.distance }], uniformLaw(ranks.draws), alpha);
  return { ...curve, reading: curve.passed ? readCoverage(curve) : "balls contain a wrong share of the posterior" };
}
