/**
 * `npm run bench wide [--quick]`: the spline guide with one network a parameter against one for all (guides/conditioners.ts). First the
 * processor time of a step by the number of parameters, the two interleaved; then held-out losses at 20 parameters, three seeds.
 * The data are logarithms' images of D mixed parameters, exp(½ Φ θ) + noise of sd 0.3, so that posteriors are skewed and correlated.
 */

import { constant } from "../src/graph/build.ts";
import { defineProblem, gaussianNoise, normal, type Problem, spline, train } from "../src/index.ts";
import { normalAt } from "../src/numbers/random.ts";
import { exp, matmul } from "../src/ops.ts";
import { machine } from "./driver.ts";

/** One network a parameter, and what "spline" means for many parameters (guides/index.ts). */
const guides = { separate: spline(), shared: spline({ conditioners: "shared", hidden: [32, 32], bins: 8 }) } as const;
const KINDS = ["separate", "shared"] as const;
type Kind = (typeof KINDS)[number];

/** D parameters and D data; the rows of Φ are random directions of length √2. */
function mixed(D: number): Problem {
  const mixing = Float64Array.from({ length: D * D }, (_, i) => normalAt(7, 1, 0, i, 0) * Math.sqrt(0.5 / D));
  return defineProblem({
    name: `mixed-${D}`,
    prior: normal(new Float64Array(D), 1),
    forward: (theta) => exp(matmul(theta, constant(mixing, theta.dtype, D))),
    noise: gaussianNoise(0.3),
  });
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];

async function seconds(problem: Problem, kind: Kind, steps: number): Promise<number> {
  const before = process.cpuUsage();
  await train(problem, {
    guide: guides[kind],
    steps,
    heldOut: 64,
    evaluateEvery: steps,
    onWarning: () => {},
  });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

export async function wide({ quick = false }: { readonly quick?: boolean }): Promise<void> {
  console.log(machine());
  for (const D of quick ? [5, 20] : [5, 20, 50, 100]) {
    const problem = mixed(D);
    const steps = Math.ceil(400 / D);
    const times: Record<Kind, number[]> = { separate: [], shared: [] };
    for (let round = 0; round < 3; round++)
      for (const kind of KINDS) {
        const [few, many] = [await seconds(problem, kind, steps), await seconds(problem, kind, 3 * steps)];
        times[kind].push((1000 * (many - few)) / (2 * steps));
      }
    const [one, all] = KINDS.map((kind) => median(times[kind]));
    console.log(
      `D = ${D}: ${one.toFixed(1)} ms a step, shared ${all.toFixed(1)} ms, ${(one / all).toFixed(1)} times as fast`,
    );
  }
  for (const D of [5, 20]) {
    const problem = mixed(D);
    for (let seed = 1; seed <= 3; seed++) {
      const losses: string[] = [];
      for (const kind of KINDS) {
        const map = await train(problem, {
          guide: guides[kind],
          steps: quick ? 500 : 4000,
          seed,
          heldOut: 8192,
          onWarning: () => {},
        });
        losses.push(`${kind} ${map.spec.training.heldOut.best.toFixed(3)}`);
      }
      console.log(`D = ${D}, seed ${seed}, held-out loss: ${losses.join(", ")}`);
    }
  }
}
