/** The bases that few guides stand on. A page that infers loads them with the first map that does. */
import type { RareBase } from "./base.ts";
import { onBoundedBase } from "./bounded-base.ts";
import type { OnBase } from "./guide.ts";
import { onLaplaceBase } from "./laplace-base.ts";

export const rareBases: Readonly<Record<RareBase, OnBase>> = { bounded: onBoundedBase, laplace: onLaplaceBase };

/** What makes the base of a guide, where it is a rare one. */
export const rareBaseOf = ({ options }: { readonly options: Readonly<Record<string, unknown>> }): OnBase | undefined =>
  rareBases[options.base as RareBase];
