// The README's code and commands run as they stand, but with fewer training steps.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, "g"))].map(([, code]) => code);

/** Runs in a folder inside the repository, where "retrodict" is found. */
function inFolder(use: (folder: string) => void): void {
  const folder = mkdtempSync(join(root, "out-readme-"));
  try {
    use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(
  folder: string,
  script: string,
  args: readonly string[],
): { status: number | null; stdout: string; stderr: string } {
  const tsx = ["--import", "tsx", script, ...args];
  const env = { ...process.env, TSX_TSCONFIG_PATH: join(root, "tsconfig.json") };
  return spawnSync(process.execPath, tsx, { cwd: folder, encoding: "utf8", timeout: 60_000, env });
}

test("the code of the README runs", () => {
  const code = blocks("ts");
  assert.is(code.length, 1);
  inFolder((folder) => {
    const script = join(folder, "readme.ts");
    writeFileSync(script, code[0].replace(/steps: \d+/, "steps: 40"));
    const { status, stdout, stderr } = run(folder, script, []);
    assert.is(status, 0, stderr);
    assert.match(stdout, /Float64Array\(4\)/);
    assert.ok(existsSync(join(folder, "arm.safetensors")));
  });
});

test("the commands of the README run", () => {
  const commands = blocks("sh")
    .flatMap((block) => block.split("\n"))
    .filter((line) => line.startsWith("retrodict "))
    .map((line) => line.split(/\s+/).slice(1));
  assert.ok(commands.length >= 3);
  inFolder((folder) => {
    writeFileSync(join(folder, "measurements.csv"), "reach,height\n1.6,0.3\n1.2,-0.8\n");
    writeFileSync(join(folder, "potentials.csv"), `${Array.from({ length: 9 }, (_, k) => 0.85 - 0.0875 * k)}\n`);
    for (const name of ["pendulum.js", "plate.js", "plate.msh"])
      writeFileSync(join(folder, name), readFileSync(join(root, "examples", name)));
    for (const words of commands) {
      const short = words[0] === "train" ? ["--steps", "20", "--batch", "32"] : [];
      const { status, stderr } = run(folder, join(root, "src/cli/main.ts"), [...words, ...short]);
      assert.is(status, 0, `${words.join(" ")}: ${stderr}`);
    }
    assert.ok(existsSync(join(folder, "draws.npy")));
  });
});

test.run();
