/**
 * An inverse problem: unknown parameters θ with a prior, a forward model or a simulator of noise-free data, and a noise model.
 *
 *   log p(θ | y) = log p(y | θ) + log p(θ) + constant
 */
import { describe } from "../checks/arguments.ts";
import { check } from "../checks/options.ts";
import { type Distribution, distribution } from "../distributions/distribution.ts";
import type { NoiseModel } from "../distributions/noise/model.ts";
import type { DataKind } from "../distributions/noise/noise.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Layout } from "./layout.ts";
import type { SetSize } from "./set.ts";
import type { CallSettings, Simulator } from "./simulator.ts";
import type { Solver } from "./solvers.ts";

/** A covariance of more parameters takes hundreds of megabytes, and minutes. */
export const MOST_PARAMETERS = 4096;

/** A name of a parameter or of one of the data. */
export interface Parameter {
  readonly name: string;
  readonly unit?: string;
}
export type { Simulator };

/** An inverse problem, as `defineProblem` returns it. */
export interface Problem {
  /** Name, which messages, files and reports show. */
  readonly name: string;
  /** One line about the problem. */
  readonly description: string;
  /** Names and units of the parameters, (D). */
  readonly parameters: readonly Parameter[];
  /** Names and units of the data, (M). */
  readonly data: readonly Parameter[];
  /** Number of parameters. */
  readonly D: number;
  /** Number of data. */
  readonly M: number;
  /** What a row of data holds: the data alone, unless the problem is one of rows with their circumstances (seen.ts). */
  readonly layout: Layout;
  /** What a set is, where the data are sets: M is then that of a set with the most members. Null for data of one length. */
  readonly set: SetSize | null;
  /** Distribution of the parameters. */
  readonly prior: Distribution;
  /** The distribution that data sets are drawn from instead of the prior; null: the prior itself. */
  readonly proposal: Distribution | null;
  /** Noise-free data (B, M) of parameters (B, D), of their type; null where there is no forward model in ops. */
  readonly forward: ((theta: Tensor) => Tensor) | null;
  /**
   * The solvers of differential equations in the forward model, with their numbers of steps: those that `ode` chooses are chosen at the
   * first call, or at the first use of the forward model.
   */
  readonly solvers: () => readonly Solver[];
  /** The simulator, where there is no forward model in ops; else null. */
  readonly simulate: Simulator | null;
  /** How the simulator is called. */
  readonly calls: CallSettings;
  /** Noise on the data: `noise.at(theta, clean)` is the noise model at parameters and noise-free data. */
  readonly noise: NoiseModel;
  /** Training options by name of the preset, then of the guide. */
  readonly presets: Readonly<Record<string, unknown>>;
  /** (count, D) independent draws of the exact posterior, row by row; null where it cannot be drawn from. */
  readonly exact: ((y: ArrayLike<number>, count: number, seed: number) => Float32Array | Float64Array) | null;
  /** The problem that this one approximates, as a surrogate does; null for one that stands for itself. */
  readonly parent: Problem | null;
}

/** A problem, as an option. */
export const problemCheck = check<Problem>("a problem, as defineProblem() returns it", isProblem);

/** Whether a value is a problem, as `defineProblem` returns it. */
export function isProblem(x: unknown): x is Problem {
  if (typeof x !== "object" || x === null) return false;
  const { name, D, M, prior, noise } = x as Partial<Problem>;
  return (
    typeof name === "string" &&
    Number.isInteger(D) &&
    Number.isInteger(M) &&
    distribution.test(prior) &&
    typeof noise?.at === "function"
  );
}

/** What data are checked against: a problem, or the description of a map, which knows their kind. */
export interface DataSize {
  readonly M: number;
  readonly noise?: Pick<NoiseModel, "data">;
  readonly dataKind?: DataKind;
}

/** Whether data are rows, not one vector. */
export const isRows = <T extends object>(y: T | readonly T[]): y is readonly T[] =>
  Array.isArray(y) && y.length > 0 && typeof y[0] === "object";

/** What data of a kind are, and the test of them. */
const kinds: Readonly<Record<DataKind, { readonly expected: string; readonly test: (x: number) => boolean }>> = {
  real: { expected: "finite numbers", test: Number.isFinite },
  positive: { expected: "positive numbers", test: (x) => x > 0 && x < Infinity },
  unit: { expected: "numbers between 0 and 1", test: (x) => x > 0 && x < 1 },
  counts: { expected: "counts, whole numbers from 0", test: (x) => Number.isInteger(x) && x >= 0 },
};

/**
 * Data as rows of M numbers; one vector is one row. Where data may be `missing`, NaN and null stand for those, and are NaN in the rows.
 * @throws when a row has another length or an entry that is no finite number, or not of the kind of the noise, as a count that is not
 * whole; messages count rows from 1.
 */
export function checkData(
  { M, noise, dataKind = noise?.data ?? "real" }: DataSize,
  y: ArrayLike<number> | readonly ArrayLike<number>[],
  missing = false,
): Float64Array[] {
  const { expected, test } = kinds[dataKind];
  const isList = typeof y === "object" && y !== null && "length" in y;
  if (!isList) throw new Error(`y: expected ${M} numbers or rows of them, got ${describe(y)}`);
  const rows = isRows(y) ? y : [y];
  return rows.map((row, i) => {
    const where = rows.length > 1 ? `y, row ${i + 1}` : "y";
    const count = typeof row === "object" && row !== null ? row.length : undefined;
    if (count !== M) throw new Error(`${where}: expected ${M} numbers, got ${count ?? describe(row)}`);
    const out = new Float64Array(M);
    for (let k = 0; k < M; k++) {
      const isMissing = row[k] === null || Number.isNaN(row[k]);
      out[k] = isMissing ? Number.NaN : row[k];
      if ((isMissing && missing) || (Number.isFinite(row[k]) && test(row[k]))) continue;
      const wanted = Number.isFinite(row[k]) ? expected : kinds.real.expected;
      const advice = isMissing ? "; data may be missing where the map was trained with the option missing" : "";
      throw new Error(`${where}: expected ${wanted}, got ${describe(row[k])} in column ${k + 1}${advice}`);
    }
    return out;
  });
}
