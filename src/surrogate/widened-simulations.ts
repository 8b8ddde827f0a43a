/** Simulations for a surrogate: drawn wider than the prior, and checked. */
import type { BackendOptions } from "../backends/select.ts";
import type { Distribution } from "../distributions/distribution.ts";
import { add, cast, mul, random, sub } from "../graph/build.ts";
import type { Problem } from "../problem/problem.ts";
import type { SimulationControl } from "../simulate/options.ts";
import { type Simulations, simulateAt } from "../simulate/simulate.ts";
import { SIMULATION_STEPS } from "../simulate/steps.ts";

/**
 * Draws of `base` whose distance from the centre, on the whole line, is stretched by a factor from U(1, widen): a
 * surrogate trained on them holds in the tails too, where guides wander in training and posteriors of odd data lie. Their
 * density is that of `base` no more, but a bank for regression needs none.
 */
export function widened(base: Distribution, widen: number): Distribution {
  const { realMean, streams } = base;
  return {
    ...base,
    streams: streams + 1,
    draw: (stream, dtype) => {
      const real = base.toReal(base.draw(stream, dtype));
      const factor = add(mul(cast(random("uniform", 1, stream + streams), dtype), widen - 1), 1); // (B, 1)
      return base.fromReal(add(mul(sub(real, realMean), factor), realMean));
    },
  };
}

export interface BankRequest {
  /** Simulations, drawn from `from`. */
  readonly count: number;
  readonly from: Distribution;
  readonly seed: number;
  /** Banks with other numbers have other draws. */
  readonly number: number;
  readonly backend: BackendOptions;
  readonly control: SimulationControl;
}

/**
 * Parameters (N, D) and data (N, M), without noise and with it: `count` of them, or fewer where those that fail are dropped.
 * @throws when data are not finite; `SimulationStopped` when aborted.
 */
export async function simulateBank(
  problem: Problem,
  { count, from, seed, number, backend, control }: BankRequest,
): Promise<Simulations> {
  const step = SIMULATION_STEPS.surrogate - number;
  const advice = `check "${problem.name}" for parameters of its prior and beyond, or lower \`widen\``;
  const policy = { owner: "surrogate", advice, failures: "stop" } as const;
  return simulateAt({ ...problem, proposal: from }, count, seed, step, backend, control, policy);
}
