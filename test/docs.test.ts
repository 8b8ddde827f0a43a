// The code of the pages in docs/ runs as it stands.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

const root = fileURLToPath(new URL("..", import.meta.url));
const pages = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));

for (const page of pages) {
  test(`the code of ${page} runs, and the files that it names are there`, () => {
    const text = readFileSync(join(root, "docs", page), "utf8");
    const blocks = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
    for (const [, path] of text.matchAll(/\]\((\.\.\/[^)]+)\)/g)) readFileSync(join(root, "docs", path));
    for (const [, path] of text.matchAll(/npx tsx (\S+\.ts)/g)) readFileSync(join(root, path));
    const folder = mkdtempSync(join(root, "out-docs-")); // inside the repository, where "retrodict" is found
    try {
      blocks.forEach((code, i) => {
        const script = join(folder, `${i}.ts`);
        writeFileSync(script, code);
        const env = { ...process.env, TSX_TSCONFIG_PATH: join(root, "tsconfig.json") };
        const args = ["--import", "tsx", script];
        const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 60_000, env });
        assert.is(status, 0, stderr);
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test.run();
