/**
 * Checks gradients against central differences on the f64 reference backend.
 *
 *   D(h) = (f(x + h) − f(x − h)) / 2h,   f′ ≈ (4 D(h/2) − D(h)) / 3   (Richardson; Press et al., Numerical Recipes, §5.7)
 *
 * With h = 2^-9 the truncation is about h⁴ f⁗′/480 = 3e-14 f⁗′, and rounding about ε |f| / h = 1e-13 |f|: both far below the
 * tolerance of 1e-6 for smooth functions of order one. Leaves lie on a grid that f32 holds, and so do the steps from it.
 */
import { createReference } from "../../src/backends/reference/executor.ts";
import { compile } from "../../src/graph/program.ts";
import { show, type Tensor, topological } from "../../src/graph/tensor.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { type Arrays, fillSlab } from "./run.ts";

const STEP = 2 ** -9;

export interface DifferenceOptions {
  readonly rows: number;
  /** Values of the inputs and weights by name. */
  readonly values: Arrays;
  /** Largest error relative to the derivative, or to 0.01 where that is larger. */
  readonly relative?: number;
  /** h, by default 2^-9. */
  readonly step?: number;
}

const nameOf = (leaf: Tensor): string => leaf.attrs.name as string;

/**
 * Compares `gradients` of the scalar param `total` with respect to `leaves` (inputs and weights) entry by entry.
 * @throws with the leaf, the entry and both numbers where they differ.
 */
export async function checkGradients(
  total: Tensor,
  leaves: readonly Tensor[],
  gradients: readonly (Tensor | null)[],
  { rows, values, relative = 1e-6, step = STEP }: DifferenceOptions,
): Promise<void> {
  const named: Record<string, Tensor> = { total };
  gradients.forEach((g, i) => {
    if (g !== null) named[`gradient ${i}`] = g;
  });
  const program = atOnce(compile({ value: { outputs: { total } }, both: { outputs: named } }));
  const executor = await createReference(program);
  const data = Object.fromEntries(Object.entries(values).map(([k, v]) => [k, Float64Array.from(v)]));
  const hasWeights = program.weights.bytes > 0;
  const run = async (plan: string) => {
    if (hasWeights) await executor.writeWeights(fillSlab(program.weights, data));
    return executor.run(plan, { rows, inputs: data });
  };
  const analytic = await run("both");
  const isUsed = new Set(topological([total]));
  for (const [i, leaf] of leaves.entries()) {
    const got = analytic[`gradient ${i}`];
    if (got !== undefined && got.length !== data[nameOf(leaf)].length) {
      throw new Error(`gradient of ${show(leaf)} "${nameOf(leaf)}" has ${got.length} entries`);
    }
    const x = data[nameOf(leaf)];
    for (let at = 0; isUsed.has(leaf) && at < x.length; at++) {
      const before = x[at];
      const slope = async (h: number): Promise<number> => {
        x[at] = before + h;
        const up = (await run("value")).total[0];
        x[at] = before - h;
        const down = (await run("value")).total[0];
        x[at] = before;
        return (up - down) / (2 * h);
      };
      const want = (4 * (await slope(step / 2)) - (await slope(step))) / 3;
      const error = Math.abs((got?.[at] ?? 0) - want);
      if (!(error <= relative * Math.max(Math.abs(want), 0.01))) {
        throw new Error(
          `gradient of "${nameOf(leaf)}"[${at}]: expected ${want} by differences, got ${got?.[at] ?? "none"}`,
        );
      }
    }
  }
}
