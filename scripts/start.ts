/**
 * `npm start [-- OPTIONS]`: runs examples/arm.ts with no more work than it needs. Of the kernels it compiles the one build that
 * this Node runs, if that is stale. The example is bundled first: loading its hundreds of modules one by one takes longer.
 */
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import { build } from "esbuild";
import { chooseBuild, hostRunsRelaxed } from "../src/backends/wasm/kernels.ts";
import { buildKernels } from "./kernels.ts";
import { requireBuiltins } from "./require-builtins.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

if (!hostRunsRelaxed()) setFlagsFromString("--experimental-wasm-relaxed-simd"); // Node 20 has it behind a flag
await buildKernels({ only: chooseBuild("auto"), ifStale: true });

const bundle = join(root, "dist/.arm.mjs"); // beside the kernels, where it looks for them
await build({
  absWorkingDir: root,
  entryPoints: ["examples/arm.ts"],
  outfile: bundle,
  bundle: true,
  platform: "node",
  format: "esm",
  mainFields: ["module", "main"],
  plugins: [requireBuiltins],
  define: { RETRODICT_BUNDLED: "true" },
  logLevel: "warning",
});
await import(pathToFileURL(bundle).href);
