/**
 * Lotka–Volterra over twenty days with an error of 1e-6: gradients of many parameter sets by the scan and by the same model unrolled by
 * hand, and solutions against ODEX (npm), Hairer's extrapolation code in JavaScript, at the same error.
 */
import { createRequire } from "node:module";
import type { Executor } from "../../src/backends/backend.ts";
import { createWasm } from "../../src/backends/wasm/executor.ts";
import { tsit5Tableau } from "../../src/dynamics/explicit.ts";
import { ode } from "../../src/dynamics.ts";
import { add, concat, input, mul, ones, split, square, sub, sumFeatures } from "../../src/graph/build.ts";
import { grad } from "../../src/graph/grad.ts";
import { compile } from "../../src/graph/program.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { normalAt } from "../../src/numbers/random.ts";
import { compare } from "../driver.ts";

export const ROWS = 1000;
const DAYS = Array.from({ length: 10 }, (_, k) => 2 * (k + 1));
const ERROR = 1e-6;
const MEAN = [-0.125, -3, -0.125, -3];
/** Parameters near the mean of the prior: the number of steps is the same for all, so they should need about the same. */
export const theta: Float64Array = Float64Array.from({ length: 4 * ROWS }, (_, k) =>
  Math.exp(MEAN[k % 4] + 0.1 * normalAt(1, 1, 0, Math.floor(k / 4), k % 4)),
);

const rates = (x: Tensor, y: Tensor, [a, b, c, d]: readonly Tensor[]): Tensor[] => [
  mul(x, sub(a, mul(b, y))),
  mul(y, sub(mul(d, x), c)),
];

/** The solution by scan (B, 20). */
export const byScan = (parameters: Tensor, steps: number): Tensor =>
  ode({ parameters, initial: [30, 1], times: DAYS, steps, rhs: (_t, [x, y], p) => rates(x, y, p) });

/** The same method in ops, step after step: a graph of about 100 nodes a step. */
function byHand(parameters: Tensor, steps: number): Tensor {
  const { a, b } = tsit5Tableau;
  const h = DAYS[DAYS.length - 1] / steps;
  const p = split(parameters);
  const one = ones(parameters.dtype);
  let u = concat(mul(one, 30), mul(one, 1));
  const seen: Tensor[] = [];
  for (let n = 1; n <= steps; n++) {
    const k: Tensor[] = [];
    const at = (weights: readonly number[]): Tensor =>
      weights.reduce((sum, w, j) => (w === 0 ? sum : add(sum, mul(k[j], h * w))), u);
    for (const row of a) {
      const [x, y] = split(at(row));
      k.push(concat(...rates(x, y, p)));
    }
    u = at(b);
    if ((n * DAYS.length) % steps === 0) seen.push(u);
  }
  return concat(...seen);
}

/** A program of the solution, and of the gradient of a sum of squares. */
export function programOf(solve: (parameters: Tensor) => Tensor) {
  const parameters = input("theta", 4, { dtype: "f64" });
  const y = solve(parameters);
  const [gradient] = grad(sumFeatures(square(y)), [parameters]);
  return atOnce(compile({ y: { outputs: { y } }, gradient: { outputs: { gradient: gradient as Tensor } } }));
}

async function made(solve: (parameters: Tensor) => Tensor): Promise<{ executor: Executor; seconds: number }> {
  const start = process.cpuUsage();
  const executor = await createWasm(programOf(solve));
  await executor.run("gradient", { rows: 8, inputs: { theta: theta.slice(0, 32) } });
  const { user, system } = process.cpuUsage(start);
  return { executor, seconds: (user + system) / 1e6 };
}

const farthest = (got: ArrayLike<number>, want: ArrayLike<number>): number =>
  Array.from(got).reduce((most, x, i) => Math.max(most, Math.abs(x - want[i]) / Math.max(1, Math.abs(want[i]))), 0);

/** Multiples of ten steps, whose relative error is below the bound for all parameter sets. */
async function stepsFor(error: number): Promise<{ steps: number; want: ArrayLike<number> }> {
  const solution = async (steps: number) => {
    const { executor } = await made((p) => byScan(p, steps));
    const { y } = await executor.run("y", { rows: ROWS, inputs: { theta } });
    executor.dispose();
    return y;
  };
  const want = await solution(2000);
  for (let steps = 50; ; steps += 10) {
    const off = farthest(await solution(steps), want);
    if (off <= error) return { steps, want };
  }
}

/** Gradients of 1000 parameter sets. */
export async function gradients(): Promise<void> {
  const { steps } = await stepsFor(ERROR);
  const scan = await made((p) => byScan(p, steps));
  const hand = await made((p) => byHand(p, steps));
  const run = ({ executor }: typeof scan) => executor.run("gradient", { rows: ROWS, inputs: { theta } });
  const off = farthest((await run(scan)).gradient, (await run(hand)).gradient);
  if (!(off < 1e-9)) throw new Error(`gradients: expected those of the unrolled model, got a difference of ${off}`);
  console.log(`\nLotka–Volterra, 20 days, ${steps} steps (error ≤ ${ERROR}): ${ROWS} gradients, f64, one thread.`);
  console.log(
    `tracing, compiling and the first eight: scan ${scan.seconds.toFixed(2)} s, unrolled ${hand.seconds.toFixed(2)} s`,
  );
  const results = await compare(
    `${ROWS} gradients`,
    [
      { name: "unrolled by hand", run: async () => void (await run(hand)) },
      { name: "ode (scan)", run: async () => void (await run(scan)) },
    ],
    { clock: "cpu" },
  );
  for (const { name, median } of results) console.log(`${name}: ${Math.round((1000 * ROWS) / median)} gradients/s`);
  for (const { executor } of [scan, hand]) executor.dispose();
}

type Derivatives = (t: number, u: number[]) => number[];
type Answer = (n: number, from: number, to: number, u: number[]) => void;
interface Odex {
  new (
    n: number,
  ): {
    absoluteTolerance: number;
    relativeTolerance: number;
    denseOutput: boolean;
    solve(f: Derivatives, from: number, u: number[], to: number, answer: Answer): unknown;
    grid(spacing: number, each: (t: number, u: number[]) => void): Answer;
  };
}

/** Solutions of 1000 parameter sets, against ODEX at the tolerance that gives the same error. */
export async function solutions(): Promise<void> {
  const require = createRequire(import.meta.url);
  let Solver: Odex;
  try {
    Solver = require("odex").Solver;
  } catch {
    return console.log("\nSolutions against odex: not run: install the peers of bench/ (npm ci in bench/)");
  }
  const { steps, want } = await stepsFor(ERROR);
  const scan = await made((p) => byScan(p, steps));
  const solveAll = (tolerance: number): Float64Array => {
    const out = new Float64Array(ROWS * 2 * DAYS.length);
    const solver = new Solver(2);
    solver.denseOutput = true;
    solver.absoluteTolerance = solver.relativeTolerance = tolerance;
    for (let r = 0; r < ROWS; r++) {
      const [a, b, c, d] = theta.subarray(4 * r, 4 * r + 4);
      const f: Derivatives = (_t, [x, y]) => [x * (a - b * y), y * (d * x - c)];
      let at = r * 2 * DAYS.length - 2; // the grid begins with the start, which is not kept
      const keep = (t: number, u: number[]): void => {
        if (t > 0) out.set(u, at);
        at += 2;
      };
      solver.solve(f, 0, [30, 1], DAYS[DAYS.length - 1], solver.grid(DAYS[0], keep));
    }
    return out;
  };
  let tolerance = 1e-4;
  while (farthest(solveAll(tolerance), want) > ERROR) tolerance /= 2;
  console.log(
    `\n${ROWS} solutions with an error of at most ${ERROR}: ode with ${steps} steps, odex with tolerance ${tolerance.toExponential(1)}`,
  );
  const results = await compare(
    `${ROWS} solutions`,
    [
      { name: "odex 2.0.4", run: () => void solveAll(tolerance) },
      { name: "ode (scan)", run: async () => void (await scan.executor.run("y", { rows: ROWS, inputs: { theta } })) },
    ],
    { clock: "cpu" },
  );
  for (const { name, median } of results) console.log(`${name}: ${Math.round((1000 * ROWS) / median)} solutions/s`);
  scan.executor.dispose();
}
