/** The API reference is complete and current: every public name has a docstring, and docs/api is what the docstrings say. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";

const root = fileURLToPath(new URL("..", import.meta.url));

test("every public name and option has a docstring, and docs/api is made from them", () => {
  const args = ["--import", "tsx", "scripts/build-api.ts", "--check"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  assert.is(stderr, "");
  assert.match(stdout, /^api: [1-9]\d* names, 0 errors$/m);
  assert.is(status, 0);
});

test.run();
