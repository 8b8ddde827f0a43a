// W5 compared with packages on npm, and as a share of the SIMD peak.

import type { KernelBuild } from "../../src/backends/wasm/kernels-url.ts";
import { type Candidate, compare, relative, type Timing } from "../driver.ts";
import { peakLoops64 } from "../peak.ts";
import { table } from "../report.ts";
import { peers } from "./peers.ts";
import { type OwnSolver, ownSolver, STAGE_ROWS } from "./solve.ts";
import { makeSystems, SIDES, type Systems } from "./systems.ts";
import { builds } from "./wasm-internals.ts";

/** Cells along an edge. */
const GRIDS = [40, 64];
/** Samples of a call. */
const BATCHES = [64, 8];
const TOLERANCE = 1e-9;

const title = ({ cells, n }: Systems): string => `${cells}² cells, n = ${n}, factor + ${SIDES} right-hand sides, f64`;

/** Compares the solutions of every sample with those of the first peer. @throws with the name and the difference */
async function check(systems: Systems, own: readonly OwnSolver[], others: Awaited<ReturnType<typeof peers>>) {
  const { n, sparser } = systems;
  for (const sample of [0, sparser.entries.length - 1]) {
    const want = others[0].solve(sparser.entries[sample]).slice();
    for (const peer of others)
      relative(`${peer.name}, sample ${sample}`, peer.solve(sparser.entries[sample]), want, TOLERANCE);
  }
  for (const { executor, solve } of own) {
    const x = await solve(sparser.entries.length);
    for (const [sample, values] of sparser.entries.entries()) {
      const got = x.subarray(sample * n * SIDES, (sample + 1) * n * SIDES);
      relative(`${executor.device}, sample ${sample}`, got, others[0].solve(values), TOLERANCE);
    }
  }
}

/** Time per system: ours in batches, the peers one system after another, over the same number of systems. */
export async function againstNpm(): Promise<void> {
  const summary = [["W5", "", "ms per system", ...builds().map((build) => `× ${build}`)]];
  for (const cells of GRIDS) {
    const systems = makeSystems(cells, Math.max(...BATCHES));
    const own = await Promise.all(builds().map((build) => ownSolver(systems, build)));
    const others = await peers(systems);
    await check(systems, own, others);
    const mine = own.flatMap(({ executor, solve }) =>
      BATCHES.map((rows) => ({
        name: `${executor.device}, ${rows} per call`,
        units: rows,
        run: async () => void (await solve(rows)),
      })),
    );
    const theirs = (slow: boolean): Candidate[] =>
      others
        .filter((peer) => peer.isSlow === slow)
        .map(({ name, solve }) => {
          let next = 0;
          const { entries } = systems.sparser;
          return { name, run: () => void solve(entries[next++ % entries.length]) };
        });
    // Slow peers are timed separately, because their garbage would slow down the others.
    for (const slow of [false, true]) {
      const seconds = slow ? 5 : 20;
      const candidates = [...mine, ...theirs(slow)];
      const timings = await compare(`W5, ${title(systems)}`, candidates, {
        clock: "cpu",
        seconds,
        rounds: 7,
        sample: 30,
      });
      const ours = own.map((_, i) => Math.min(...BATCHES.map((_, b) => timings[i * BATCHES.length + b].median)));
      const from = slow ? mine.length : 0;
      for (const { name, median } of timings.slice(from))
        summary.push([`${cells}²`, name, median.toPrecision(3), ...ours.map((t) => (median / t).toFixed(2))]);
    }
  }
  console.log(
    `\nW5 against npm packages, and how many times as long they take as ours with the better batch:\n${table(summary)}`,
  );
}

/** Stages of one build as candidates: a run is STAGE_ROWS samples. */
async function stages(systems: Systems, build: KernelBuild): Promise<(Candidate & { flops: number; least: number })[]> {
  const own = await ownSolver(systems, build);
  const { factor, solve } = await own.stages();
  const { flops, least } = systems;
  const together = (): void => {
    factor();
    solve();
  };
  const both = { flops: flops.factor + flops.solve, least: least.factor + least.solve };
  const item = (name: string, run: Candidate["run"], flops: number, least: number) => ({
    name: `${systems.cells}² ${name}, ${build}`,
    units: STAGE_ROWS,
    run,
    flops,
    least,
  });
  return [
    item("factor", factor, flops.factor, least.factor),
    item("solve", solve, flops.solve, least.solve),
    item("factor + solve", together, both.flops, both.least),
    item("whole call", async () => void (await own.solve(STAGE_ROWS)), both.flops, both.least),
  ];
}

/** GFLOP/s of the stages, of the best loop of 128-bit operations in the same run, and their ratio. */
export async function share(): Promise<void> {
  const rows = [["", "GFLOP/s", "peak", "share of the peak", "without the zeros of merged supernodes"]];
  for (const build of builds()) {
    const loops = await peakLoops64(build);
    const work = (await Promise.all(GRIDS.map((cells) => stages(makeSystems(cells, STAGE_ROWS), build)))).flat();
    const timings = await compare(`W5, stages, ${STAGE_ROWS} samples, f64, ${build} build`, [...loops, ...work], {
      clock: "cpu",
      seconds: 12,
      rounds: 10,
    });
    const rate = (flops: number, { median }: Timing): number => flops / median / 1e6;
    const peak = Math.max(...loops.map(({ flops }, i) => rate(flops, timings[i])));
    const percent = (flops: number, t: Timing): string => `${((100 * rate(flops, t)) / peak).toFixed(0)} %`;
    work.forEach(({ name, flops, least }, i) => {
      const t = timings[loops.length + i];
      rows.push([name, rate(flops, t).toFixed(2), peak.toFixed(1), percent(flops, t), percent(least, t)]);
    });
  }
  console.log(`\nW5, share of the SIMD peak, f64:\n${table(rows)}`);
}
