/** scripts/lint-layers.ts finds and names each kind of fault, and src/ has none. */
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findLayerFaults, importsOf, readImports } from "../scripts/lint-layers.ts";

const faultsOf = (files: Readonly<Record<string, string>>): string[] =>
  findLayerFaults(new Map(Object.entries(files).map(([file, source]) => [file, importsOf(file, source)])));

test("imports from the same folder, from earlier folders and from version.ts are allowed", () => {
  const files = {
    "version.ts": "",
    "numbers/math.ts": "",
    "graph/a.ts": 'import { exp } from "../numbers/math.ts";\nimport { b } from "./b.ts";',
    "graph/b.ts": 'import { VERSION } from "../version.ts";',
    "index.ts": 'export { a } from "./graph/a.ts";',
  };
  assert.equal(faultsOf(files), []);
});

test("an import from a later folder is named with both files and both folders", () => {
  const files = { "graph/a.ts": 'import { train } from "../train/train.ts";', "train/train.ts": "" };
  assert.equal(faultsOf(files), [
    'src/graph/a.ts -> src/train/train.ts: "graph" comes before "train"; move what both need into "graph" or an earlier folder',
  ]);
});

test("type-only imports, dynamic imports, re-exports and import types count", () => {
  const up = [
    'import type { T } from "../train/train.ts";',
    'const load = () => import("../train/train.ts");',
    'export { t } from "../train/train.ts";',
    'export * from "../train/train.ts";',
    'let x: import("../train/train.ts").T;',
    'import "../train/train.ts";',
    'import {\n  t,\n} from "../train/train.ts";',
  ];
  for (const source of up) {
    assert.equal(importsOf("graph/a.ts", source), ["train/train.ts"], source);
    assert.is(faultsOf({ "graph/a.ts": source, "train/train.ts": "" }).length, 1, source);
  }
});

test("imports in comments, of packages and from outside src/ do not count", () => {
  const source = [
    '// import { t } from "../train/train.ts";',
    '/* import { t } from "../train/train.ts"; */',
    'import { readFileSync } from "node:fs";',
    'import { Option } from "commander";',
    'import { asset } from "../../dist/asset.ts";',
  ];
  assert.equal(importsOf("graph/a.ts", source.join("\n")), []);
});

test("a circle is named with all its files, whatever the length", () => {
  const files = {
    "graph/a.ts": 'import { b } from "./b.ts";',
    "graph/b.ts": 'import { c } from "./c.ts";',
    "graph/c.ts": 'import type { A } from "./a.ts";',
    "graph/apart.ts": 'import { a } from "./a.ts";',
    "graph/self.ts": 'import { self } from "./self.ts";',
  };
  assert.equal(faultsOf(files), [
    "circle of 3 files: src/graph/a.ts, src/graph/b.ts, src/graph/c.ts",
    "circle of 1 files: src/graph/self.ts",
  ]);
});

test("a file in no folder, a folder outside the order and the import of a face are named", () => {
  const files = {
    "stray.ts": "",
    "attic/old.ts": "",
    "ops.ts": "",
    "graph/a.ts": 'import { sin } from "../ops.ts";',
  };
  assert.equal(faultsOf(files), [
    "src/stray.ts is in no folder: move it to the folder that it belongs to",
    'src/attic/old.ts is in "attic", which has no place in the order of scripts/lint-layers.ts',
    "src/graph/a.ts -> src/ops.ts: a folder imports no face; import the file that defines the name",
  ]);
});

test("src/ has no fault", () => {
  const imports = readImports(fileURLToPath(new URL("..", import.meta.url)));
  assert.ok(imports.size > 200, `${imports.size} files`);
  assert.equal(findLayerFaults(imports), []);
});

test.run();
