/**
 * `npm run bench agreement [-- --guide gaussian,spline] [--steps 1500] [--cases 5]`: final losses of whole trainings of the arm (NPE,
 * learning rate down to 0) on the plain and relaxed builds of the wasm kernels and on WebGPU. Roundings differ, and thousands of steps
 * amplify them; the bench shows whether WebGPU stays as close to the plain build as the relaxed one does. `--cases` counts seeds.
 */

import type { BackendOptions } from "../src/backends/select.ts";
import { hostRunsRelaxed } from "../src/backends/wasm/kernels.ts";
import { type GuideName, guideNames } from "../src/guides/index.ts";
import { arm } from "../src/problems.ts";
import { train } from "../src/train/train.ts";
import { hardware, table } from "./report.ts";

const places = {
  plain: { backend: "wasm", kernels: "plain" },
  relaxed: { backend: "wasm", kernels: "relaxed" },
  webgpu: { backend: "webgpu" },
} as const satisfies Record<string, BackendOptions>;

const settings = { objective: "npe", batch: 256, rate: 4e-3 } as const;

interface Options {
  readonly guide?: string;
  readonly steps?: string;
  readonly cases?: string;
}

/** Last held-out loss of a whole training. */
async function heldOut(guide: GuideName, steps: number, seed: number, where: BackendOptions): Promise<number> {
  const { training } = (await train(arm, { ...settings, guide, steps, seed, ...where })).spec;
  console.error(`${guide}, seed ${seed}: ${training.curve?.heldOut.at(-1)?.toFixed(5)} on ${training.device}`);
  return training.curve?.heldOut.at(-1) ?? Number.NaN;
}

const rootMeanSquare = (values: readonly number[]): number =>
  Math.sqrt(values.reduce((sum, x) => sum + (x * x) / values.length, 0));

export async function agreement({ guide = "gaussian", steps = "1500", cases = "5" }: Options): Promise<void> {
  if (!hostRunsRelaxed()) throw new Error("bench agreement: expected a host with relaxed SIMD, got none");
  console.log(hardware());
  for (const name of guide.split(",")) {
    if (!guideNames.includes(name as GuideName))
      throw new Error(`bench agreement: expected a guide of ${guideNames.join(", ")}, got "${name}"`);
    const rows = [["seed", "plain", "relaxed − plain", "WebGPU − plain"]];
    const gaps: { relaxed: number[]; webgpu: number[] } = { relaxed: [], webgpu: [] };
    for (let seed = 0; seed < Number(cases); seed++) {
      const plain = await heldOut(name as GuideName, Number(steps), seed, places.plain);
      for (const other of ["relaxed", "webgpu"] as const)
        gaps[other].push((await heldOut(name as GuideName, Number(steps), seed, places[other])) - plain);
      rows.push([`${seed}`, plain.toFixed(5), ...[gaps.relaxed, gaps.webgpu].map((g) => g[seed].toFixed(5))]);
    }
    rows.push(["rms", "", ...[gaps.relaxed, gaps.webgpu].map((g) => rootMeanSquare(g).toFixed(5))]);
    console.log(`\narm, ${name} guide, ${steps} steps: held-out loss after training, nats\n${table(rows)}`);
  }
}
