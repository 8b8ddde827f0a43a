/** Checks of times and of forcing. */
import { describe, requireEach } from "../checks/arguments.ts";
import { readOptions } from "../checks/options.ts";
import { type Forcing, forcingTable } from "./options.ts";
import { cubic, linear, type Series } from "./spline.ts";

/** The series of a forcing as functions of time. */
export interface Drive {
  readonly series: readonly Series[];
  /** Times at which a rate of change jumps. */
  readonly knots: ArrayLike<number>;
}

/** Ascending finite times. @throws unless they are. */
export function timesOf(name: string, given: ArrayLike<number>): Float64Array {
  if (given.length === 0) throw new Error(`ode: expected ${name} to hold at least one time, got none`);
  for (let i = 0; i < given.length; i++)
    if (typeof given[i] !== "number")
      throw new Error(`ode: expected ${name} to be numbers, got ${describe(given[i])} at index ${i}`);
  const times = Float64Array.from(given);
  requireEach("ode", name, times, "to be finite", Number.isFinite);
  for (let i = 1; i < times.length; i++)
    if (!(times[i] > times[i - 1]))
      throw new Error(`ode: expected ${name} to be ascending, got ${times[i]} after ${times[i - 1]} at index ${i}`);
  return times;
}

/** Fewest values of a series by its order. */
const LEAST = { linear: 2, cubic: 4 } as const;

/** The forcing, which must cover the time from `start` to `end`. @throws naming what does not fit. */
export function readForcing(given: Forcing | undefined, start: number, end: number): Drive | null {
  if (given === undefined) return null;
  const { times: list, values, order } = readOptions("ode: forcing", forcingTable, given);
  const times = timesOf("forcing times", list);
  if (times.length < LEAST[order])
    throw new Error(`ode: expected at least ${LEAST[order]} forcing times for order "${order}", got ${times.length}`);
  if (times[0] > start || times[times.length - 1] < end)
    throw new Error(
      `ode: expected forcing from ${start} to ${end}, the start and the last time, got ${times[0]} to ${times[times.length - 1]}`,
    );
  const isOne = typeof values[0] === "number";
  const series = (isOne ? [values] : Array.from<unknown>(values)) as readonly ArrayLike<number>[];
  if (series.length === 0) throw new Error("ode: expected forcing values of at least one series, got none");
  for (const row of series) {
    if (row?.length !== times.length)
      throw new Error(
        `ode: expected ${times.length} forcing values, one for each time, got ${row?.length ?? describe(row)}`,
      );
    requireEach("ode", "forcing values", row, "to be finite", (x) => Number.isFinite(x));
  }
  const make = order === "linear" ? linear : cubic;
  return { series: series.map((row) => make(times, row)), knots: order === "linear" ? times : [] };
}
