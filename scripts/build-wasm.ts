/**
 * Compiles the kernels into dist/ (scripts/kernels.ts).
 *
 *   tsx scripts/build-wasm.ts              all, always
 *   tsx scripts/build-wasm.ts --if-stale   those that are missing or older than what they are made of
 *   tsx scripts/build-wasm.ts --only NAME  one of them
 */
import { parseArgs } from "node:util";
import { buildKernels } from "./kernels.ts";

const { values } = parseArgs({ options: { "if-stale": { type: "boolean" }, only: { type: "string" } } });
try {
  await buildKernels({ only: values.only, ifStale: values["if-stale"] });
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
