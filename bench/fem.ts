/**
 * `npm run bench fem [-- --only npm,share,memory,gradients,profile]`: finite elements and the sparse solver, on this Node and on
 * a newer one. Times are medians of processor time, candidates interleaved, answers checked first.
 */
import { machine } from "./driver.ts";
import { gradients, profile } from "./fem/gradient.ts";
import { memory } from "./fem/memory.ts";
import { againstNpm, share } from "./fem/w5.ts";
import { runOnEveryNode } from "./nodes.ts";

/** Parts by name, in the order in which they are run. */
const parts: Record<string, () => Promise<void>> = { npm: againstNpm, share, memory, gradients, profile };

export async function fem({ only }: { only?: string }): Promise<void> {
  const names = only?.split(",") ?? Object.keys(parts);
  const odd = names.find((name) => !Object.hasOwn(parts, name));
  if (odd !== undefined) throw new Error(`bench fem: expected ${Object.keys(parts).join(", ")}, got "${odd}"`);
  if (runOnEveryNode("fem")) return;
  console.log(machine());
  for (const name of names) await parts[name]();
}
