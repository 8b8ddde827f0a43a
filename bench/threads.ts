/**
 * `npm run bench threads [--threads 1,2,4]`: W2's training step by threads against one, interleaved in one process, outputs
 * checked first. Ratios are of medians of wall time, because threads do not reduce processor time. For comparison, as many independent
 * trainings as there are processors run side by side, one thread each: processors that share a core, or serve other processes, give
 * less than their number.
 */
import { availableParallelism, loadavg } from "node:os";
import { hostRunsRelaxed } from "../src/backends/wasm/kernels.ts";
import type { KernelBuild } from "../src/backends/wasm/kernels-url.ts";
import { createRemote } from "../src/backends/worker/remote.ts";
import { type Candidate, compare, machine, type Prepared } from "./driver.ts";
import { training } from "./retrodict/index.ts";
import { W2, WORKS } from "./workloads.ts";

const load = (): string => loadavg()[0].toFixed(1);

async function ofBuild(build: KernelBuild, counts: readonly number[]): Promise<void> {
  const ready: Prepared[] = [];
  const prepare = async (threads: number, remote = threads > 1): Promise<Prepared> => {
    const made = await training(W2, build, remote ? (p, o) => createRemote(p, { ...o, threads }) : undefined);
    ready.push(made);
    WORKS.W2Step.verify(await made.outputs());
    return made;
  };
  try {
    const candidates: Candidate[] = [];
    for (const threads of counts)
      candidates.push({ ...(await prepare(threads)), name: `${threads} thread${threads > 1 ? "s" : ""}` });
    const apart: Prepared[] = [];
    for (let i = 0; i < availableParallelism(); i++) apart.push(await prepare(1, true));
    const units = apart.length;
    const beside = async (): Promise<void> => void (await Promise.all(apart.map(({ run }) => run())));
    candidates.push({ name: `${units} side by side`, units, run: beside });
    const before = load();
    const [one, ...more] = await compare(`${WORKS.W2Step.title}, ${build} build`, candidates, {
      seconds: 20,
      rounds: 15,
      flops: WORKS.W2Step.flops,
    });
    for (const { name, median } of more) console.log(`${name}: ${(one.median / median).toFixed(2)} times as fast`);
    console.log(`load average before ${before}, after ${load()}`);
  } finally {
    for (const { dispose } of ready) await dispose?.();
  }
}

export async function threadsBench({ threads = "1,2" }: { threads?: string }): Promise<void> {
  const counts = threads.split(",").map(Number);
  console.log(machine());
  for (const build of hostRunsRelaxed() ? (["plain", "relaxed"] as const) : (["plain"] as const))
    await ofBuild(build, counts);
}
