/**
 * The base of a guide is where it starts from and what it corrects: affine coordinates in which the rest to learn is of order one,
 *
 *   prior     w = z, in prior standard deviations
 *   linear    w = L⁻¹ (z − m(f)), the best linear estimator from the features of the data (linear-base.ts)
 *   bounded   w = L⁻¹ J⁻¹ (z − T(m(f))), that of parameters within bounds in their own units, taken through the bounds (linear-base.ts)
 *   laplace   w = Cᵀ (z − m(y)), Laplace's approximation of each observation's own posterior, by Gauss–Newton (laplace-base.ts)
 */
import { type OptionsOf, type OptionTable, oneOf, option, readOptions, type SettingsOf } from "../checks/options.ts";
import type { Guide, GuideSizes, TracedGuide } from "./guide.ts";
import { onLaplaceBase } from "./laplace-base.ts";
import { onBoundedBase, onLinearBase } from "./linear-base.ts";

type Trace = (sizes: GuideSizes) => TracedGuide;

/** The guide that `trace` builds in the coordinates of a base, as a guide of z. */
const bases = {
  prior: (trace: Trace, sizes: GuideSizes) => trace(sizes),
  linear: onLinearBase,
  bounded: onBoundedBase,
  laplace: onLaplaceBase,
} as const;
/** Names of bases. */
export type Base = keyof typeof bases;

/** Whether a guide stands on an estimate of the parameters from the data. */
export const standsOnEstimate = ({ options }: Pick<Guide, "options">): boolean => (options.base ?? "prior") !== "prior";

/** Every guide takes this option. */
export const baseTable = {
  /**
   * What the networks correct: the "prior"; the best "linear" estimator from the data, fitted before training; that
   * estimator in the units of "bounded" parameters, which data near them tell better; or "laplace",
   * Laplace's approximation of the observation's own posterior, which needs the problem at inference.
   */
  base: option(oneOf(...(Object.keys(bases) as Base[])), "prior"),
};
type WithBase = OptionTable & typeof baseTable;

/**
 * A guide from the options that were given for it. `trace` builds the density in the coordinates of the base, in which
 * it should start near the standard normal.
 * @param addedLater options that files of version 0.1 do not have: a guide states them only where they are not the default.
 * @throws on invalid options.
 */
export function makeGuide<Table extends WithBase>(
  name: string,
  table: Table,
  given: OptionsOf<Table>,
  trace: (sizes: GuideSizes, settings: SettingsOf<Table>) => TracedGuide,
  addedLater: readonly (keyof Table & string)[] = [],
): Guide {
  const settings = readOptions(name, table, given);
  const unsaid = new Set<string>(["base", ...addedLater]);
  const stated = Object.entries(settings).filter(
    ([key, value]) => value !== undefined && !(unsaid.has(key) && value === table[key].default),
  );
  return {
    name,
    options: Object.fromEntries(stated),
    build: (sizes) => bases[settings.base as Base]((own) => trace(own, settings), sizes),
  };
}
