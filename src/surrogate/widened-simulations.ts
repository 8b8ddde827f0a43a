/** Simulations for a surrogate, with parameters drawn wider than the prior. */
import type { BackendOptions } from "../backends/select.ts";
import type { Distribution } from "../distributions/distribution.ts";
import { add, cast, mul, random, sub } from "../graph/build.ts";
import type { Centre } from "../numbers/offsets.ts";
import type { Work } from "../problem/work.ts";
import type { SimulationControl } from "../simulate/options.ts";
import { centreOfData, noiselessAt, type WorkSimulations, withNoise } from "../simulate/simulate.ts";
import { SIMULATION_STEPS } from "../simulate/steps.ts";

/**
 * Draws of `base` whose distance from the centre, on the whole line, is stretched by a factor from U(1, widen). So the surrogate is
 * accurate in the tails too, where guides move during training and posteriors of unusual observations lie. The draws no longer have
 * the density of `base`, which a regression does not need.
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
  /** What is subtracted from data; where it is left out, the data tell. */
  readonly centre?: Centre;
  readonly seed: number;
  /** Banks with other numbers have other draws. */
  readonly number: number;
  readonly backend: BackendOptions;
  readonly control: SimulationControl;
}

/**
 * `count` simulations, or fewer if some fail and are dropped: in work coordinates, parameters (N, D), and data (N, M) without noise and with it.
 * @throws if data are not finite; `SimulationStopped` if aborted.
 */
export async function simulateBank(
  work: Work,
  { count, from, centre, seed, number, backend, control }: BankRequest,
): Promise<WorkSimulations & { readonly centre: Centre }> {
  const step = SIMULATION_STEPS.surrogate - number;
  const advice = `check "${work.name}" for parameters in and beyond the range of its prior, or lower \`widen\``;
  const policy = { owner: "surrogate", advice, failures: "stop" } as const;
  const made = await noiselessAt({ ...work, proposal: from }, count, seed, step, backend, control);
  const found = centre === undefined ? await centreOfData(work, made, backend, control.onWarning) : centre;
  return { ...(await withNoise(work, made, found, seed, step, backend, policy)), centre: found };
}
