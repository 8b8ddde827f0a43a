// Meshes of built-in problems are made when a forward model is first traced, so importing the problems is cheap.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Bytes of typed arrays after the import of the problems, and after the forward model of one is traced. */
function bytesHeld(name: string): { imported: number; traced: number } {
  const program = `
    const bytes = () => process.memoryUsage().arrayBuffers;
    const before = bytes();
    const { problems } = await import("./src/problems/table.ts");
    const imported = bytes() - before;
    const { input } = await import("./src/graph/build.ts");
    const problem = problems["${name}"];
    const kept = problem.forward(input("theta", problem.D));
    console.log(JSON.stringify({ imported, traced: bytes() - before, kept: kept.cols }));
  `;
  const args = ["--import", "tsx", "--input-type=module", "--eval", program];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: "utf8",
    timeout: 100_000,
  });
  assert.is(status, 0, stderr);
  return JSON.parse(stdout);
}

for (const name of ["eit", "darcy"]) {
  test(`importing the problems makes no mesh, and tracing ${name} does`, () => {
    const { imported, traced } = bytesHeld(name);
    // The coordinates, triangles and maps of the least mesh take a megabyte; the import reads some files of source.
    assert.ok(imported < 400_000, `${imported} bytes`);
    assert.ok(traced > 1_000_000, `${traced} bytes`);
  });
}

test.run();
