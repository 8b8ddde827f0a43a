/**
 * Runs test files in this process, one after another, for test/run.ts: node --import tsx test/helpers/group.ts FILE…
 * A line that MARK begins tells which file runs from here on, and that none does after the last one.
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { MARK } from "./group-mark.ts";

const files = process.argv.slice(2);
// Tests run as soon as a file has registered them, unless it is uvu's own command that loads it, which it knows by its path.
process.argv[1] = "uvu/bin.js";
const { exec } = await import("uvu");
const { UVU_QUEUE } = globalThis as unknown as { UVU_QUEUE: unknown[][] };

process.stderr.write = process.stdout.write.bind(process.stdout) as typeof process.stderr.write; // in the order of both
for (const file of files) {
  console.log(`\n${MARK}${file}`);
  UVU_QUEUE[0] = [null]; // no name, and then what the file registers
  await import(pathToFileURL(resolve(file)).href);
  await exec();
}
console.log(`\n${MARK}`);
