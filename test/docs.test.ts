// slow (14 s): every example of docs/, in a process of its own
// The code of the pages in docs/ runs as it stands, and the files, scripts, benches and pages that they name are there.
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ORDER } from "../scripts/lint-layers.ts";
import { blocks, inFolder, pages, read } from "./helpers/pages.ts";
import { root, runScript } from "./helpers/processes.ts";

const scripts = JSON.parse(read("package.json")).scripts as Record<string, string>;
const benches = [...read("bench/main.ts").matchAll(/^ {2}"?([\w-]+)"?: async/gm)].map(([, name]) => name);
const tests = readdirSync(join(root, "test"), { recursive: true }).map(String);
/** A link within the repository: its path, and the heading that it points to. */
const LINK = /\]\((?!https?:)([^)#\s]*)(?:#([^)]+))?\)/g;
/** A source file by its path in the repository; `NAME` in it stands for any. */
const FILE = /\b(?:assembly|bench|examples|scripts|shaders|src|test)\/[\w./-]*\w\.(?:ts|js|mjs)\b/g;
/** The anchors of the headings of a page. */
const anchors = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replaceAll(" ", "-"),
  );
assert.ok(benches.length > 10, "the benches by name, read from bench/main.ts");

for (const page of pages) {
  const text = read(page);

  test(`what ${page} names is there`, () => {
    for (const [, path, anchor] of text.replace(/```[\s\S]*?```/g, "").matchAll(LINK)) {
      const target = path === "" ? page : join(dirname(page), path);
      assert.ok(existsSync(join(root, target)), target);
      if (anchor) assert.ok(anchors(read(target)).includes(anchor), `${target}#${anchor}`);
    }
    for (const [path] of text.matchAll(FILE)) if (!path.includes("NAME")) assert.ok(existsSync(join(root, path)), path);
    for (const [, path] of text.matchAll(/npx tsx (\S+\.ts)/g)) assert.ok(existsSync(join(root, path)), path);
    for (const [, name] of text.matchAll(/npm run ([\w:]+)/g)) assert.ok(Object.hasOwn(scripts, name), name);
    for (const [, name] of text.matchAll(/npm run bench ([\w-]+)/g)) assert.ok(benches.includes(name), `bench ${name}`);
    for (const [, words] of text.matchAll(/npm test -- ([\w-]+)/g))
      assert.ok(
        tests.some((name) => name.includes(words)),
        `test ${words}`,
      );
  });

  test(`no code of ${page} is left out of the tests`, () => {
    const tested = page === "docs/loading.md" ? ["ts", "sh", "text", "html"] : ["ts", "sh", "text"]; // the page runs in test/browser.test.ts
    const fences = [...text.matchAll(/^```(\w*)$/gm)].map(([, language]) => language).filter((_, i) => i % 2 === 0);
    for (const language of fences) assert.ok(tested.includes(language), `a block of ${language || "no language"}`);
  });

  if (page === "README.md") continue; // its code trains for longer: test/readme.test.ts
  blocks(text, "ts").forEach((code, i) => {
    test(`example ${i + 1} of ${page} runs`, () =>
      inFolder((folder) => {
        const script = join(folder, "example.ts");
        writeFileSync(script, code);
        const { status, err } = runScript(script, [], { cwd: folder });
        assert.is(status, 0, err);
      }));
  });
}

test("the README links every page of docs/", () => {
  const readme = read("README.md");
  for (const page of pages.filter((name) => name.startsWith("docs/"))) assert.ok(readme.includes(`(${page})`), page);
});

test("docs/architecture.md lists the folders of src/ in their order", () => {
  const rows = [...read("docs/architecture.md").matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  assert.equal(rows, [...ORDER]);
});

test.run();
