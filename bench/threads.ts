/**
 * `npm run bench threads [--threads 1,2,4]`: W2's training step by threads against one, interleaved in one process, outputs
 * checked first. Ratios are of medians of wall time: threads are no gain by the clock of the processor. The load average
 * tells how far the machine was others' too.
 */
import { loadavg } from "node:os";
import { hostRunsRelaxed, type KernelBuild } from "../src/backends/kernels.ts";
import { createRemote } from "../src/worker/remote.ts";
import { compare, machine, type Prepared } from "./driver.ts";
import { training } from "./retrodict/index.ts";
import { W2, WORKS } from "./workloads.ts";

const load = (): string => loadavg()[0].toFixed(1);

async function ofBuild(build: KernelBuild, counts: readonly number[]): Promise<void> {
  const ready: (Prepared & { name: string })[] = [];
  try {
    for (const threads of counts) {
      const made = await training(W2, build, threads > 1 ? (p, o) => createRemote(p, { ...o, threads }) : undefined);
      ready.push({ ...made, name: `${threads} thread${threads > 1 ? "s" : ""}` });
      WORKS.W2Step.verify(await made.outputs());
    }
    const before = load();
    const [one, ...more] = await compare(`${WORKS.W2Step.title}, ${build} build`, ready, {
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
