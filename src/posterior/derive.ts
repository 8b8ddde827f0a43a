/** Quantities that follow from parameters, under a posterior: their draws, means, quantiles, and probabilities of events. */
import { backendTable, once } from "../backends/select.ts";
import { describe, expectFields } from "../checks/arguments.ts";
import { type OptionsOf, option, pickOptions, readOptions, seed, whole } from "../checks/options.ts";
import { input } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import { isTensor, show, type Tensor } from "../graph/tensor.ts";
import { atOnce } from "../host/yielding.ts";
import { columnMeans, columnOf, columnSds, quantileOf } from "../numbers/moments.ts";
import { checkedLevel, type Posterior } from "./posterior.ts";

export const deriveTable = {
  /** Number of draws of the posterior. */
  draws: option(whole(2), 1000),
  /** Seed of the draws. */
  seed: option(seed, 0),
  ...backendTable,
};
/** Options of `derive`. */
export type DeriveOptions = OptionsOf<typeof deriveTable>;

/** A quantity of n numbers under a posterior. */
export interface Derived {
  /** Numbers n of the quantity. */
  readonly size: number;
  /** (S, n), row by row. */
  readonly draws: Float64Array;
  /** (n) each. */
  readonly mean: Float64Array;
  readonly sd: Float64Array;
  /** Quantiles of each number (n). @throws unless 0 < p < 1. */
  quantile(p: number): Float64Array;
  /** Share of the draws for which an event of the n numbers is true; its standard error is √(p (1 − p) / S). */
  probability(event: (value: Float64Array) => boolean): number;
}

/** A quantity from its draws (S, n). */
function derived(draws: Float64Array, n: number): Derived {
  const mean = columnMeans(draws, n);
  const S = draws.length / n;
  return {
    size: n,
    draws,
    mean,
    sd: columnSds(draws, n, mean),
    quantile: (p) =>
      Float64Array.from({ length: n }, (_, i) => quantileOf(columnOf(draws, n, i).sort(), checkedLevel(p))),
    probability: (event) => {
      let count = 0;
      for (let s = 0; s < S; s++) if (event(draws.slice(s * n, (s + 1) * n))) count++;
      return count / S;
    },
  };
}

/**
 * Quantities of a posterior, each a function of the parameters in ops, (B, D) → (B, n): all for the same draws, so that events may be
 * compared. They are computed in double precision.
 *
 *   const { area } = await derive(posterior, { area: (theta) => mul(exp(mul(theta, 2)), Math.PI) });
 *   area.quantile(0.95); area.probability(([a]) => a > 2);
 *
 * @throws on what is no posterior, no function, or no batch of tensors, and with the quantity and the draw that is not finite.
 */
export async function derive<const Name extends string>(
  posterior: Posterior,
  quantities: Readonly<Record<Name, (theta: Tensor) => Tensor>>,
  options: DeriveOptions = {},
): Promise<Record<Name, Derived>> {
  const settings = readOptions("derive", deriveTable, options);
  expectFields("derive", "a posterior", posterior, "sample", "mean");
  const given = typeof quantities === "object" && quantities !== null ? Object.entries(quantities) : [];
  if (given.length === 0)
    throw new Error(`derive: expected quantities by name, { name: (theta) => tensor }, got ${describe(quantities)}`);
  const D = posterior.mean.length;
  const theta = input("theta", D, { dtype: "f64" });
  const outputs: Record<string, Tensor> = {};
  for (const [name, quantity] of given) {
    const made: unknown = typeof quantity === "function" ? quantity(theta) : quantity;
    if (typeof quantity !== "function" || !isTensor(made) || made.kind !== "batch" || made.rows !== 1)
      throw new Error(
        `derive: expected "${name}" as a function of parameters (B, ${D}) that returns a tensor (B, n), got ${isTensor(made) ? show(made) : describe(made)}`,
      );
    outputs[name] = made;
  }
  const draws = Float64Array.from(await posterior.sample(settings.draws, { seed: settings.seed }));
  const program = atOnce(compile({ derive: { outputs } }));
  return once(program, pickOptions(backendTable, settings), async (executor) => {
    const out = await executor.run("derive", { rows: settings.draws, inputs: { theta: draws } });
    const made = given.map(([name]) => {
      const n = outputs[name].cols;
      const bad = out[name].findIndex((x) => !Number.isFinite(x));
      if (bad < 0) return [name, derived(Float64Array.from(out[name]), n)] as const;
      const row = Math.floor(bad / n);
      const at = [...draws.subarray(row * D, (row + 1) * D)].join(", ");
      throw new Error(`derive: expected finite numbers of "${name}", got ${out[name][bad]} for the parameters [${at}]`);
    });
    return Object.fromEntries(made) as Record<Name, Derived>;
  });
}
