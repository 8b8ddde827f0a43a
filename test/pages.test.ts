// The form of the README: its commands and its code run in readme.test.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { read } from "./helpers/pages.ts";

test("the README can be read in one go", () => {
  const lines = read("README.md").trimEnd().split("\n");
  assert.ok(lines.length <= 140, `${lines.length} lines`);
  for (const line of lines) assert.ok(line.length <= 120, `${line.length} columns: ${line}`);
});

test.run();
