// slow (40 s): every command of the README and of docs/
// The README's code runs unchanged except for fewer training steps, and so do the commands of all pages.
import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { retrodict } from "./helpers/cli.ts";
import { blocks, commands, inFolder, pages, read } from "./helpers/pages.ts";
import { root, runScript } from "./helpers/processes.ts";

test("the code of the README runs", async () => {
  const code = blocks(read("README.md"), "ts");
  assert.is(code.length, 1);
  await inFolder((folder) => {
    const script = join(folder, "readme.ts");
    writeFileSync(script, code[0].replace(/steps: \d+/, "steps: 40"));
    const { status, out, err } = runScript(script, [], { cwd: folder });
    assert.is(status, 0, err);
    assert.match(out, /Float64Array\(4\)/);
    assert.ok(existsSync(join(folder, "arm.safetensors")));
  });
});

/** What the commands read, by the names that they give it. */
function writeInputs(folder: string): void {
  const rows = (count: number, row: (i: number) => readonly number[]): string =>
    Array.from({ length: count }, (_, i) => `${row(i).join(",")}\n`).join("");
  writeFileSync(join(folder, "observations.csv"), "reach,height\n1.6,0.3\n1.2,-0.8\n");
  writeFileSync(
    join(folder, "potentials.csv"),
    rows(1, () => Array.from({ length: 9 }, (_, k) => 0.85 - 0.0875 * k)),
  );
  // Pairs of a problem that has no simulator.
  writeFileSync(
    join(folder, "theta.csv"),
    rows(100, (i) => [(i + 0.5) / 100]),
  );
  writeFileSync(
    join(folder, "y.csv"),
    rows(100, (i) => [i, i * i]),
  );
  writeFileSync(
    join(folder, "elsewhere.js"),
    'import { defineProblem, gaussianNoise, uniform } from "retrodict";\n' +
      'export default defineProblem({ name: "elsewhere", prior: uniform([0], [1]), data: 2, noise: gaussianNoise(0.1) });\n',
  );
  for (const name of ["pendulum.js", "plate.js", "plate.msh", "external.js"])
    copyFileSync(join(root, "examples", name), join(folder, name));
}

test("the commands of the README and of docs/ run, page by page", async () => {
  let count = 0;
  for (const page of pages) {
    const given = commands(read(page));
    count += given.length;
    if (given.length === 0) continue;
    await inFolder(async (folder) => {
      writeInputs(folder);
      for (const words of given) {
        const short = words[0] === "train" ? ["--steps", "20", "--batch", "32"] : [];
        const { status, err } = await retrodict([...words, ...short], "", { cwd: folder });
        assert.is(status, 0, `${page}: ${words.join(" ")}: ${err}`);
      }
      if (page === "README.md") assert.ok(existsSync(join(folder, "draws.npy")));
    });
  }
  assert.ok(count >= 10, `${count} commands`);
});

test.run();
