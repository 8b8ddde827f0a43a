/** How comparisons of kernels with the reference are written down: tolerances in units of roundoff times a scale. */
import * as g from "../../src/graph/build.ts";
import type { Comparison } from "./compare.ts";
import type { Leaf } from "./leaves.ts";

export const sumOf = (terms: number): number => 4 + 4 * Math.sqrt(terms);
export type Build = Comparison["build"];
const onAbsolutes =
  (build: Build): Build =>
  (...x) =>
    build(...x.map(g.abs));
/** An op that is linear in each of its inputs. */
export const linear = (name: string, leaves: readonly Leaf[], terms: number, build: Build): Comparison => ({
  name,
  leaves,
  build,
  factor: sumOf(terms),
  scale: onAbsolutes(build),
});
export const exact = (name: string, leaves: readonly Leaf[], build: Build): Comparison => ({
  name,
  leaves,
  build,
  factor: 0,
});
