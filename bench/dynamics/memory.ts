/** Memory of 1000 gradients of Lotka–Volterra with 10,000 steps, in one run. */
import { createWasm } from "../../src/backends/wasm/executor.ts";
import { linearMemory } from "../fem/wasm-internals.ts";
import { byScan, programOf, ROWS, theta } from "./lotka.ts";

const STEPS = 10_000;

export async function memory(): Promise<void> {
  const program = programOf((p) => byScan(p, STEPS));
  const executor = await createWasm(program);
  const started = process.cpuUsage();
  const { gradient } = await executor.run("gradient", { rows: ROWS, inputs: { theta } });
  const { user, system } = process.cpuUsage(started);
  if (!gradient.every(Number.isFinite)) throw new Error("bench dynamics, memory: expected finite gradients");
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const states = 8 * 2 * STEPS * ROWS;
  console.log(
    `\n${ROWS} gradients with ${STEPS} steps: linear memory ${mb(linearMemory(executor))}, in shards of ${program.plans.gradient.shardRows} rows; ` +
      `all states of all rows would be ${mb(states)}; ${((user + system) / 1e6).toFixed(1)} s`,
  );
  executor.dispose();
}
