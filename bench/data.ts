/**
 * `npm run bench data [-- --only linear,rod,eit,distance,cost,sets,stream --steps N --cases N --seed N]`: data as sensors give them. Maps are
 * trained for any subset of the data, or for sets of any number of members, and compared with exact posteriors.
 */
import { cost, distance, eitEdges, linear, rodSubsets } from "./data/missing.ts";
import { sets, streams } from "./data/sets.ts";
import { machine } from "./driver.ts";

/** The arguments of the command line that parts read. */
export interface DataArgs {
  readonly only?: string;
  /** Training steps of the maps, in place of each part's own. */
  readonly steps?: string;
  /** Observations of each subset. */
  readonly cases?: string;
  readonly seed?: string;
}

/** Parts by name, in the order in which they run. A part prints its own table. */
const parts: Readonly<Record<string, (args: DataArgs) => Promise<void>>> = {
  linear,
  distance,
  cost,
  rod: rodSubsets,
  eit: eitEdges,
  sets,
  stream: streams,
};

export async function data(args: DataArgs): Promise<void> {
  const names = args.only?.split(",") ?? Object.keys(parts);
  const odd = names.find((name) => !Object.hasOwn(parts, name));
  if (odd !== undefined) throw new Error(`bench data: expected ${Object.keys(parts).join(", ")}, got "${odd}"`);
  console.log(machine());
  for (const name of names) await parts[name](args);
}
