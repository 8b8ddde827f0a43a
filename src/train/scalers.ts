/** The entries of a training program that are fitted to simulations once, before the first step: scalers, and what a guide fits. */
import type { Executor } from "../backends/backend.ts";
import type { BackendOptions } from "../backends/select.ts";
import type { Slab } from "../graph/plan.ts";
import type { Fitted } from "../guides/guide.ts";
import type { Embedding } from "../nn/embedding.ts";
import { fitScales } from "../nn/fit-observed.ts";
import type { Problem } from "../problem/problem.ts";
import { constantSd, meanRows, typicalNoiseSd } from "../simulate/noise-sd.ts";
import { noiseSd, type WorkSimulations } from "../simulate/simulate.ts";
import type { FittedFeatures, TracedTraining } from "./program.ts";
import { FIT_SIMULATIONS } from "./simulations.ts";

/** Fits the scalers and writes them, then the entries that the guide fits to scaled data. Returns the guide's own. */
export async function fitFrozen(
  executor: Executor,
  { program, guide, embedding }: TracedTraining,
  problem: Problem,
  bank: WorkSimulations,
  constant: readonly (number | null)[],
  backend: BackendOptions,
  features?: FittedFeatures,
): Promise<Fitted> {
  const scalers = features?.entries ?? (await fitScalers(embedding, problem, bank, constant, backend));
  const write = async (own: Fitted, complete: boolean): Promise<void> => {
    const numbers = Object.fromEntries(Object.entries(own).map(([name, { data }]) => [name, data]));
    await executor.writeWeights(packFrozen(program.frozen, { ...scalers, ...numbers }, complete), "frozen");
  };
  await write({}, guide.fit === undefined && features === undefined);
  if (features !== undefined) {
    const rows = Math.min(bank.count, FIT_SIMULATIONS);
    const y = bank.noisy.subarray(0, rows * problem.layout.width);
    const { parts } = await executor.run("parts", { rows, inputs: { y } });
    Object.assign(scalers, fitScales(parts));
    await write({}, guide.fit === undefined);
  }
  if (guide.fit === undefined) return {};
  const inputs = { theta: bank.theta, y: bank.noisy };
  const { features: seen, z, theta, weights = null } = await executor.run("fit", { rows: bank.count, inputs });
  const own = await guide.fit({ features: seen, z, theta, weights });
  await write(own, true);
  return own;
}

/** The scalers of plain data, and their distance. */
async function fitScalers(
  embedding: Embedding,
  problem: Problem,
  bank: WorkSimulations,
  constant: readonly (number | null)[],
  backend: BackendOptions,
): Promise<Record<string, Float32Array>> {
  const { M } = problem;
  const [noiseless, noisy] = [bank.clean, bank.noisy].map((rows) => rows.subarray(0, FIT_SIMULATIONS * M));
  const rows = { theta: bank.theta, clean: noiseless };
  const mean = await meanRows(problem, rows, backend);
  const clean = mean === noiseless ? noiseless : Float32Array.from(mean);
  const isConstant = constantSd(problem) !== null;
  const sd = isConstant ? noiseSd({ clean, noisy }, M) : await typicalNoiseSd(problem, rows, backend);
  // A page that does not train does not load them.
  const [{ fitEmbedding }, { fitDistance }] = await Promise.all([
    import("../nn/fit-embedding.ts"),
    import("../nn/fit-distance.ts"),
  ]);
  return {
    ...(await fitEmbedding(embedding, M, clean, noisy, sd, constant, problem.noise.data, backend)),
    ...(await fitDistance(M, clean, noisy, sd, constant, backend)),
  };
}

/** The values of the frozen slab. `complete`: whether every entry must be among `fitted`. */
function packFrozen(slab: Slab, fitted: Readonly<Record<string, Float32Array>>, complete: boolean): Float32Array {
  const values = new Float32Array(slab.bytes / 4);
  for (const { name, offset } of slab.entries) {
    if (fitted[name] !== undefined) values.set(fitted[name], offset / 4);
    else if (complete) throw new Error(`internal: no fit for frozen entry "${name}"`);
  }
  return values;
}
