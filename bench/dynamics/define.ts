/** Time to define a problem, to choose its steps, and to the first draw of its prior predictive, by number of steps. */
import { ode } from "../../src/dynamics.ts";
import { mul, sub } from "../../src/graph/build.ts";
import { defineProblem, gaussianNoise, logNormal, simulate } from "../../src/index.ts";
import { lotkaVolterra } from "../../src/problems.ts";
import { table } from "../report.ts";

const problemOf = (steps: number | "auto") =>
  defineProblem({
    name: `lotka-${steps}`,
    prior: logNormal([-0.125, -3, -0.125, -3], 0.5),
    noise: gaussianNoise(1),
    forward: (theta) =>
      ode({
        parameters: theta,
        initial: [30, 1],
        times: Array.from({ length: 10 }, (_, k) => 2 * (k + 1)),
        steps,
        rhs: (_t, [x, y], [a, b, c, d]) => [mul(x, sub(a, mul(b, y))), mul(y, sub(mul(d, x), c))],
      }),
  });

/** Milliseconds of processor time. */
async function timed<T>(run: () => T | Promise<T>): Promise<{ value: T; ms: number }> {
  const before = process.cpuUsage();
  const value = await run();
  const { user, system } = process.cpuUsage(before);
  return { value, ms: (user + system) / 1000 };
}

const ROUNDS = 7;
const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

export async function define(): Promise<void> {
  await simulate(lotkaVolterra, 8, { backend: "wasm", threads: 1 }); // kernels are compiled once a process
  const kinds = [100, 10_000, "auto"] as const;
  const all = kinds.map(() => ({ define: [] as number[], choose: [] as number[], draw: [] as number[] }));
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, steps] of kinds.entries()) {
      const made = await timed(() => problemOf(steps));
      const chosen = await timed(() => made.value.solvers());
      const drawn = await timed(() => simulate(made.value, 1, { backend: "wasm", threads: 1 }));
      if (!drawn.value.noisy.every(Number.isFinite)) throw new Error("bench dynamics: expected finite data");
      all[i].define.push(made.ms);
      all[i].choose.push(chosen.ms);
      all[i].draw.push(drawn.ms);
    }
  const ms = (list: readonly number[]): string => median(list).toFixed(1);
  const rows = kinds.map((steps, i) => [
    `${steps}${steps === "auto" ? ` (${problemOf(steps).solvers()[0].steps})` : ""}`,
    ...[all[i].define, all[i].choose, all[i].draw].map(ms),
  ]);
  console.log(`\nLotka–Volterra, ms of processor time, medians of ${ROUNDS}:`);
  console.log(table([["steps", "defineProblem", "choice of steps", "first draw, with compilation"], ...rows]));
}
