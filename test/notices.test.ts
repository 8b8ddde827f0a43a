// The licences that travel with what is bundled.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { thirdPartyNotices } from "../scripts/notices.ts";

const folder = mkdtempSync(join(tmpdir(), "retrodict-notices-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** A package of a name in a folder of its own. */
function packaged(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, "package.json"), JSON.stringify({ name, version: "1.2.3", license: "MIT" }));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

test("each package is named once, in order, with its licence and its notice", () => {
  const [b, a] = [packaged("b", { LICENCE: "of b\n", "NOTICE.txt": "by b" }), packaged("a", { "license.md": "of a" })];
  const line = "-".repeat(80);
  assert.is(thirdPartyNotices([b, a, b]), `a 1.2.3 (MIT)\n\nof a\n\n${line}\n\nb 1.2.3 (MIT)\n\nof b\n\nby b\n`);
});

test("a package without a licence text fails the build, by name", () => {
  const bare = packaged("bare", { "README.md": "" });
  assert.throws(() => thirdPartyNotices([bare]), /^bare 1\.2\.3: expected a file with its licence \(MIT\), got none; /);
});

test.run();
