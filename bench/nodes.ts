/** Benches run on this Node and on a newer one, because their compilers differ. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const newerNode = join(fileURLToPath(new URL("..", import.meta.url)), "node_modules/node-current/bin/node");

/**
 * Runs this command again in a process of each Node. Returns false in such a process, and if there is no newer Node: then the bench
 * runs in the present process.
 * @throws if one of them fails.
 */
export function runOnEveryNode(name: string): boolean {
  if (process.env.RETRODICT_BENCH_CHILD !== undefined || !existsSync(newerNode)) return false;
  for (const node of [process.execPath, newerNode]) {
    const env = { ...process.env, RETRODICT_BENCH_CHILD: "1" };
    const { status } = spawnSync(node, ["--import", "tsx", ...process.argv.slice(1)], { stdio: "inherit", env });
    if (status !== 0) throw new Error(`bench ${name}: expected exit status 0 from ${node}, got ${status}`);
  }
  return true;
}
