/** The measured order of each method, at its steps and between them, on u′ = k u (1 − u) and an oscillator. */

import { type MethodName, ode } from "../../src/dynamics.ts";
import { input, mul, neg, sub } from "../../src/graph/build.ts";
import { runGraph } from "../../test/helpers/run.ts";
import { table } from "../report.ts";

const K = 1.25;
const exact = (t: number): number[] => [1 / (1 + 4 * Math.exp(-K * t)), Math.sin(K * t), Math.cos(K * t)];

async function errorOf(method: MethodName, times: readonly number[], steps: number): Promise<number> {
  const y = ode({
    parameters: input("k", 1, { dtype: "f64" }),
    initial: [0.2, 0, 1],
    times,
    steps,
    method,
    rhs: (_t, [u, a, b], [k]) => [mul(mul(k, u), sub(1, u)), mul(k, b), neg(mul(k, a))],
  });
  const out = await runGraph({ y }, { rows: 1, inputs: { k: [K] } });
  return Math.max(...times.flatMap((t, j) => exact(t).map((want, s) => Math.abs(out.y[3 * j + s] - want))));
}

/** Steps of the coarser solution; the finer one has four times as many, and a third of the time is then a third of a step in both. */
const COARSE = 25;

export async function orders(): Promise<void> {
  const rows: string[][] = [];
  for (const [method, nominal] of [
    ["tsit5", 5],
    ["dopri5", 5],
    ["rk4", 4],
    ["rosenbrock", 4],
  ] as const) {
    const cells: string[] = [];
    for (const times of [
      [1, 2],
      [2 / 3, 4 / 3, 2],
    ]) {
      const factor = times.length === 2 ? 2 : 1;
      const coarse = await errorOf(method, times, factor * COARSE);
      const fine = await errorOf(method, times, 4 * factor * COARSE);
      const order = Math.log2(coarse / fine) / 2;
      if (!(Math.abs(order - nominal) < 0.2)) throw new Error(`${method}: expected order ${nominal}, got ${order}`);
      cells.push(`${order.toFixed(2)} (errors ${coarse.toExponential(1)}, ${fine.toExponential(1)})`);
    }
    rows.push([method, `${nominal}`, ...cells]);
  }
  console.log(`\nOrders from ${COARSE} and ${4 * COARSE} steps (50 and 200 at the steps):`);
  console.log(table([["method", "nominal", "at the steps", "between them"], ...rows]));
}
