/** Whether an observation is unlike everything simulated, from its distance (nn/distance.ts) and from columns that never varied. */
import type { ModelSpec } from "../model/model.ts";
import { departs } from "../nn/constant.ts";
import { quantileOf } from "../numbers/moments.ts";

/** Share of held-out simulations that would be warned of. */
const RARE = 0.0075;
/** Distances that differ by less, relative to them, are equal: data that take few values have equal ones, up to rounding. */
const TOLERANCE = 1e-3;

const slack = (distance: number): number => TOLERANCE * Math.max(1, Math.abs(distance));

/** Share of held-out distances as large or larger, from their quantiles; 0 for a distance that is not a number. */
export function shareFarther(quantiles: readonly number[], distance: number): number {
  return quantiles.filter((q) => q + slack(q) >= distance).length / quantiles.length;
}

/** The warning for an observation that is farther than nearly all held-out simulations; undefined for a usual one. */
export function warningOf(
  { distances, constant = [], problem }: ModelSpec,
  y: ArrayLike<number>,
  distance: number,
): string | undefined {
  const off = constant.find(({ column, value }) => !Number.isNaN(y[column - 1]) && departs(y[column - 1], value));
  if (off !== undefined)
    return `column ${off.column} of the observation is ${y[off.column - 1]}, and was ${off.value} in all of ${problem}'s simulations: the posterior is extrapolated`;
  const limit = quantileOf(distances, 1 - RARE);
  if (distance <= limit + slack(limit)) return undefined;
  const ratio = Math.sqrt(distance / limit);
  const times = Number.isFinite(ratio) ? `${ratio.toFixed(2)} times` : "immeasurably many times";
  const most = (100 * (1 - RARE)).toFixed(0);
  return `the observation is ${times} as far from the simulations as ${most} % of ${problem}'s held-out ones are at most: the posterior is extrapolated`;
}
