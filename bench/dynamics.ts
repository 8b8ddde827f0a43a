/**
 * `npm run bench dynamics [-- --only orders,define,gradients,solutions,memory,posteriors --reference DIR]`: differential equations.
 * Answers are checked before anything is timed; candidates are interleaved, and times are medians of processor time.
 */

import { machine } from "./driver.ts";
import { define } from "./dynamics/define.ts";
import { gradients, solutions } from "./dynamics/lotka.ts";
import { memory } from "./dynamics/memory.ts";
import { orders } from "./dynamics/orders.ts";
import { posteriors } from "./dynamics/posteriors.ts";

/** The arguments of the command line that parts read. */
export interface DynamicsArgs {
  readonly only?: string;
  /** The folder with the reference posteriors. */
  readonly reference?: string;
}

/** Parts by name, in the order in which they run. A part prints its own table. */
const parts: Readonly<Record<string, (args: DynamicsArgs) => Promise<void>>> = {
  orders,
  define,
  gradients,
  solutions,
  memory,
  posteriors,
};

export async function dynamics(args: DynamicsArgs): Promise<void> {
  const names = args.only?.split(",") ?? Object.keys(parts);
  const odd = names.find((name) => !Object.hasOwn(parts, name));
  if (odd !== undefined) throw new Error(`bench dynamics: expected ${Object.keys(parts).join(", ")}, got "${odd}"`);
  console.log(machine());
  for (const name of names) await parts[name](args);
}
