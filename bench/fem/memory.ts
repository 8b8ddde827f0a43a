// Memory of gradients of `eit` (64² cells) for 160 samples in one run, each build in a process of its own.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { table } from "../report.ts";
import { builds } from "./wasm-internals.ts";

const child = fileURLToPath(new URL("./memory-child.ts", import.meta.url));

const LINES: Readonly<Record<string, string>> = {
  linear: "linear memory of the executor",
  rows: "inputs and outputs outside it",
  slots: "tensors of a shard, included above",
  run: "growth of the process to its peak while an executor is made and runs",
  tracing: "growth to the peak while the mesh and the plan are made",
  all: "growth to the peak over both",
  process: "peak of the process, Node included",
};

/** Without /proc, prints that it cannot run. @throws with the child's standard error if it fails. */
export async function memory(): Promise<void> {
  if (process.platform !== "linux") {
    console.log(`\nMemory: not measured on ${process.platform}, which has no /proc`);
    return;
  }
  const results = builds().map((build): Record<string, number> => {
    const flags = Number(process.versions.node.split(".")[0]) < 22 ? ["--experimental-wasm-relaxed-simd"] : [];
    const args = ["--expose-gc", ...flags, "--import", "tsx", child, build];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 120_000 });
    if (status !== 0) throw new Error(`bench fem, memory: expected exit status 0, got ${status}: ${stderr}`);
    return JSON.parse(stdout);
  });
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const rows = Object.entries(LINES).map(([key, text]) => [text, ...results.map((r) => mb(r[key]))]);
  const title = `eit, 64² cells, gradients of 160 samples in one run (shards of ${results[0].shardRows}), f64`;
  console.log(`\n${title}:\n${table([["", ...builds()], ...rows])}`);
}
