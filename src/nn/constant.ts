/** Channels of the data that never vary: they tell a guide nothing, and an observation that departs from them is foreign. */
import { columnMeans, columnSds } from "../numbers/moments.ts";
import { isRounding } from "../numbers/offsets.ts";

/** Departure from a constant, relative to it, up to which an observation is usual: 1.5e-5. */
const TOLERANCE = 1 / (1 << 16);
/** Departures of so many units are far beyond the limit for a single channel. */
const UNITS = 16;
/** Unit of a channel that was always 0. */
const LEAST = 1e-30;

/** Values (M) of the columns of rows (N, M) that are constant up to rounding; null for the others. */
export function constantChannels(rows: ArrayLike<number>, M: number): readonly (number | null)[] {
  const mean = columnMeans(rows, M);
  const sd = columnSds(rows, M, mean);
  return Array.from(mean, (m, j) => (isRounding(m, sd[j]) ? m : null));
}

/** The unit that departures from a constant are measured in. */
export const unitOfConstant = (value: number): number => Math.max((Math.abs(value) * TOLERANCE) / UNITS, LEAST);

/** Whether an observation departs from a constant. */
export const departs = (y: number, value: number): boolean => !(Math.abs(y - value) <= UNITS * unitOfConstant(value));
