/**
 * What a guide starts from and corrects: an affine change of its coordinates, in which what is left to learn is of order one,
 *
 *   prior     w = z, in prior standard deviations
 *   linear    w = L⁻¹ (z − m(f)), the best linear estimator from the features of the data (linear-base.ts)
 *   laplace   w = Cᵀ (z − m(y)), Laplace's approximation of the datum's own posterior, by Gauss and Newton (laplace-base.ts)
 */
import type { GuideSizes, TracedGuide } from "./guide.ts";
import { onLaplaceBase } from "./laplace-base.ts";
import { onLinearBase } from "./linear-base.ts";

const bases = {
  prior: { on: (core: (sizes: GuideSizes) => TracedGuide, sizes: GuideSizes) => core(sizes) },
  linear: { on: onLinearBase },
  laplace: { on: onLaplaceBase },
} as const;
export type Base = keyof typeof bases;

/** @throws unless it is one. */
export function checkBase(name: string, base: unknown): asserts base is Base {
  const names = Object.keys(bases);
  if (typeof base !== "string" || !names.includes(base))
    throw new Error(`${name}: expected ${names.map((n) => `"${n}"`).join(" or ")}, got ${JSON.stringify(base)}`);
}

/** The base among a guide's options: "prior" goes without saying, as it does in files of version 0.1. */
export const baseOption = (base: Base): { base?: Base } => (base === "prior" ? {} : { base });

/** The guide that `core` builds, on its base. */
export const onBase = (base: Base, core: (sizes: GuideSizes) => TracedGuide, sizes: GuideSizes): TracedGuide =>
  bases[base].on(core, sizes);
