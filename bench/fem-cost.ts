/**
 * Cost of finite elements: making a model, the data of a sample, and their gradient with respect to the coefficients. Grids of the unit square,
 * f64, 36 sensors, one thread, plain kernels; processor time, the least of three runs. `npx tsx bench/fem-cost.ts`
 */
import type { Executor } from "../src/backends/backend.ts";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { rectangle } from "../src/fem/generators.ts";
import { poisson } from "../src/fem/poisson.ts";
import { batchSum, input, square, sumFeatures } from "../src/graph/build.ts";
import { grad } from "../src/graph/grad.ts";
import { compile } from "../src/graph/program.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { atOnce } from "../src/host/yielding.ts";

const sensors = Array.from({ length: 36 }, (_, k) => [(1 + (k % 6)) / 7, (1 + Math.floor(k / 6)) / 7] as const);
const milliseconds = (): number => process.cpuUsage().user / 1000;

/** Milliseconds per sample. */
async function cost(executor: Executor, plan: string, a: Float64Array, rows: number): Promise<number> {
  let least = Infinity;
  for (let k = 0; k < 4; k++) {
    const [from, started] = [milliseconds(), performance.now()];
    let runs = 0; // the clock of processor time is coarse
    do {
      await executor.run(plan, { rows, inputs: { a } });
      runs++;
    } while (performance.now() - started < 300);
    if (k > 0) least = Math.min(least, (milliseconds() - from) / (rows * runs)); // the first warms up
  }
  return least;
}

console.log("cells  unknowns  entries of L  model, ms  data, ms  gradient, ms");
for (const cells of [16, 32, 64, 128]) {
  const from = milliseconds();
  const model = poisson({ mesh: rectangle({ cells }), dirichlet: [{ on: () => true, value: 0 }], source: 1, sensors });
  const made = milliseconds() - from;
  const a = input("a", model.E, { dtype: "f64" });
  const u = model.observe(a);
  const [g] = grad(batchSum(sumFeatures(square(u))), [a]) as [Tensor];
  const executor = await createWasm(atOnce(compile({ data: { outputs: { u } }, gradient: { outputs: { g } } })), {
    build: "plain",
  });
  const rows = cells > 64 ? 16 : 160;
  const values = Float64Array.from({ length: rows * model.E }, (_, i) => 1 + (i % 7));
  const costs = [await cost(executor, "data", values, rows), await cost(executor, "gradient", values, rows)];
  const { n, symbolic } = model.pattern;
  const row = [`${cells}²`, n, symbolic.entries, made.toFixed(0), ...costs.map((ms) => ms.toPrecision(2))];
  console.log(row.map((x, i) => String(x).padStart([5, 9, 13, 10, 9, 13][i])).join(" "));
}
