/**
 * `npm run bench time-to-accuracy [-- --reference DIR] [--only arm,rod,eit] [--quick]`: KS and held-out loss against processor time, for
 * Adam and SOAP, from trainings of several lengths and seeds, each with a cosine schedule of its own.
 *
 * Rates and lengths were chosen by held-out loss on simulations of other seeds; the reference observations only report.
 */
import { infer, type TrainOptions } from "../src/index.ts";
import type { Problem } from "../src/problem/problem.ts";
import { arm, eit, rod } from "../src/problems.ts";
import { judge, ownReference, readReference, referenceFolder, timedTrain } from "./reference.ts";
import { hardware, table } from "./report.ts";

/** Lengths and rates by optimiser, shortest first; the last of Adam are those of the presets before SOAP. */
interface Plan {
  readonly problem: Problem;
  readonly adam: readonly (readonly [steps: number, rate: number])[];
  readonly soap: readonly (readonly [steps: number, rate: number])[];
}
const plans: Readonly<Record<string, Plan>> = {
  arm: {
    problem: arm,
    adam: [
      [6000, 4e-3],
      [40_000, 3e-3],
    ],
    soap: [
      [1000, 1.4e-2],
      [2000, 1.4e-2],
      [7000, 8e-3],
    ],
  },
  rod: {
    problem: rod,
    adam: [
      [20_000, 4e-3],
      [100_000, 3e-3],
    ],
    soap: [
      [4000, 1.2e-2],
      [8000, 1e-2],
      [12_000, 1.2e-2],
    ],
  },
  eit: {
    problem: eit,
    adam: [
      [20_000, 4e-3],
      [130_000, 3e-3],
    ],
    soap: [
      [4000, 1e-2],
      [12_000, 1e-2],
    ],
  },
};

const SEEDS = [1, 2, 3] as const;
/** Simulations for the held-out loss, four times those of a preset: its standard error is then about .01 nats or less. */
const HELD_OUT = 8192;

const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
const each = (x: readonly number[], digits: number): string => x.map((v) => v.toFixed(digits)).join(", ");

/** The bench. `only`: problems by name; `quick`: one seed. */
export async function timeToAccuracy(options: { reference?: string; only?: string; quick?: boolean }): Promise<void> {
  const folder = referenceFolder(options.reference);
  const seeds = options.quick ? SEEDS.slice(0, 1) : SEEDS;
  console.log(hardware());
  for (const name of options.only?.split(",") ?? Object.keys(plans)) {
    if (!Object.hasOwn(plans, name))
      throw new Error(`--only: expected one of ${Object.keys(plans).join(", ")}, got "${name}"`);
    const { problem, ...lengths } = plans[name];
    const reference = folder === null ? await ownReference(problem) : readReference(`${folder}/${name}`, problem.D);
    const rows: string[][] = [];
    for (const optimiser of ["soap", "adam"] as const) {
      for (const [steps, rate] of lengths[optimiser]) {
        const settings: TrainOptions = { optimiser, steps, rate, heldOut: HELD_OUT, onWarning: () => {} };
        const found = { loss: [] as number[], ks: [] as number[], seconds: [] as number[] };
        for (const seed of seeds) {
          const { map, seconds } = await timedTrain(problem, { ...settings, seed });
          const { ks } = await judge(await infer(map, reference.y, { draws: 16 }), problem, reference);
          found.loss.push(map.spec.training.heldOut.final);
          found.ks.push(ks.mean);
          found.seconds.push(seconds);
          console.log(`${name} ${optimiser} ${steps} seed ${seed}: ${found.loss.at(-1)} ${ks.mean} ${seconds}`);
        }
        rows.push([
          `${optimiser}, ${steps} steps at ${rate}`,
          `${mean(found.ks).toFixed(4)} (${each(found.ks, 4)})`,
          `${mean(found.loss).toFixed(4)} (${each(found.loss, 4)})`,
          each(found.seconds, 0),
        ]);
      }
    }
    console.log(`\n${name}: ${reference.from}`);
    console.log(table([["", "KS, mean of seeds", "held-out loss", "processor s"], ...rows]));
  }
}
