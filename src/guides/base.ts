/**
 * The base of a guide is where it starts from and what it corrects: affine coordinates in which the rest to learn is of order one,
 *
 *   prior     w = z, in prior standard deviations
 *   linear    w = L⁻¹ (z − m(f)), the best linear estimator from the features of the data (linear-base.ts)
 *   bounded   w = L⁻¹ J⁻¹ (z − T(m(f))), that of parameters within bounds in their own units, taken through the bounds (linear-base.ts)
 *   laplace   w = Cᵀ (z − m(y)), Laplace's approximation of each observation's own posterior, by Gauss–Newton (laplace-base.ts)
 */
import { type OptionsOf, type OptionTable, oneOf, option, readOptions, type SettingsOf } from "../checks/options.ts";
import type { Guide, GuideSizes, OnBase, TracedGuide } from "./guide.ts";
import { onLinearBase } from "./linear-base.ts";

type Trace = (sizes: GuideSizes) => TracedGuide;
const bases = { prior: (trace: Trace, sizes: GuideSizes) => trace(sizes), linear: onLinearBase } as const;
const rare = ["bounded", "laplace"] as const;
/** Bases that are loaded with the first guide on them (rare-bases.ts). */
export type RareBase = (typeof rare)[number];
/** Names of bases. */
export type Base = keyof typeof bases | RareBase;
const names: readonly Base[] = [...(Object.keys(bases) as (keyof typeof bases)[]), ...rare];

/** Whether the base of a guide is a rare one, whose maker `build` is to be given. */
export const isOnRareBase = ({ options }: Pick<Guide, "options">): boolean => rare.includes(options.base as RareBase);

/** Whether a guide stands on an estimate of the parameters from the data. */
export const standsOnEstimate = ({ options }: Pick<Guide, "options">): boolean => (options.base ?? "prior") !== "prior";

/** Every guide takes this option. */
export const baseTable = {
  /**
   * What the networks correct: the "prior"; the best "linear" estimator from the data, fitted before training; that
   * estimator in the units of "bounded" parameters, which data near them tell better; or "laplace",
   * Laplace's approximation of the observation's own posterior, which needs the problem at inference.
   */
  base: option(oneOf(...names), "prior" as Base),
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
    build: (sizes) => {
      const on: OnBase | undefined = (bases as Partial<Record<Base, OnBase>>)[settings.base as Base] ?? sizes.onBase;
      if (on === undefined) throw new Error(`internal: a guide on the base "${settings.base}" without what makes it`);
      return on((own) => trace(own, settings), sizes);
    },
  };
}
