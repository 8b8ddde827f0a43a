/** Simulations for a surrogate: drawn wider than the prior, made in parts that report progress and can be stopped. */
import type { BackendOptions } from "../backends/select.ts";
import type { Distribution } from "../distributions/distribution.ts";
import { add, cast, mul, random, sub } from "../graph/build.ts";
import type { Problem } from "../problem.ts";
import { type Simulations, simulateAt } from "../simulate.ts";

/** Simulations at once: of a model in ops, whose plan is made anew for each part, and of an outside one, which may be slow. */
const PART = { ops: 1024, outside: 32 };
/** Steps of the counter of draws: each part of each bank has its own, and none is used elsewhere. */
const FIRST_STEP = -1000;
const STEPS_A_BANK = 1_000_000;

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
  /** Called after each part; throws to stop. */
  readonly onPart: (done: number) => void | Promise<void>;
}

/** Parameters (count, D) and data (count, M), without noise and with it. @throws when data are not finite. */
export async function simulateBank(
  problem: Problem,
  { count, from, seed, number, backend, onPart }: BankRequest,
): Promise<Simulations> {
  const { D, M, name } = problem;
  const drawn = { ...problem, proposal: from };
  const part = problem.forward === null ? PART.outside : PART.ops;
  const theta = new Float32Array(count * D);
  const [clean, noisy] = [new Float32Array(count * M), new Float32Array(count * M)];
  await onPart(0);
  for (let done = 0; done < count; ) {
    const step = FIRST_STEP - number * STEPS_A_BANK - done / part;
    const rows = Math.min(part, count - done);
    const simulated = await simulateAt(drawn, rows, seed, step, backend);
    const bad = simulated.clean.findIndex((v) => !Number.isFinite(v));
    if (bad >= 0) {
      const row = done + Math.floor(bad / M) + 1;
      throw new Error(
        `surrogate: expected finite data, got ${simulated.clean[bad]} in datum ${(bad % M) + 1} of simulation ${row} of ` +
          `${count}; check "${name}" for parameters of its prior and beyond, or lower \`widen\``,
      );
    }
    theta.set(simulated.theta, done * D);
    clean.set(simulated.clean, done * M);
    noisy.set(simulated.noisy, done * M);
    done += rows;
    await onPart(done);
  }
  return { count, theta, clean, noisy };
}
