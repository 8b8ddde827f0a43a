// slow (15 s): eight pages of Chromium
/** Pages under a strict Content-Security-Policy: what docs/loading.md says is enough, and what is missing is named. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { withPage } from "./helpers/browser.ts";
import { ask, writeLab } from "./helpers/lab.ts";
import { installPackage, root } from "./helpers/package.ts";

const { folder, remove } = installPackage();
test.after(remove);

/** Directives of the documented policy; each case leaves out or changes some. */
const documented = {
  "default-src": "'none'",
  "img-src": "data:",
  "script-src": "'self' 'wasm-unsafe-eval'",
  "connect-src": "'self' blob:", // the lab loads what it has saved from a blob
  "worker-src": "'self'",
  "require-trusted-types-for": "'script'",
  "trusted-types": "retrodict",
};

/** Writes the page of the lab with a policy, and the hash of its import map in it. */
function writePage(name: string, policy: Readonly<Record<string, string>>): void {
  writeLab(folder, name, "./node_modules/retrodict");
  const html = readFileSync(join(folder, name), "utf8");
  const [, map] = /<script type="importmap">([\s\S]*?)<\/script>/.exec(html) ?? [];
  const hash = `'sha256-${createHash("sha256").update(map).digest("base64")}'`;
  const text = Object.entries(policy).map(([key, value]) => `${key} ${value}${key === "script-src" ? ` ${hash}` : ""}`);
  const meta = `<meta http-equiv="Content-Security-Policy" content="${text.join("; ")}">`;
  writeFileSync(join(folder, name), html.replace("<head>", `<head>${meta}`));
}

interface Kept {
  readonly device: string;
  readonly notice?: string;
  readonly error?: string;
}

const demand =
  "its Content-Security-Policy demands Trusted Types, and must allow those of this package by trusted-types retrodict";
const cases: readonly (readonly [what: string, change: object, options: object, expected: RegExp])[] = [
  ["the documented policy: nothing is missing", {}, { threads: 2 }, /^wasm plain, 2 threads$/],
  ["the documented policy, with a worker", {}, { worker: true }, /^wasm plain$/],
  [
    "a policy without WebAssembly",
    { "script-src": "'self'" },
    {},
    /^kernels: expected to compile WebAssembly, got a refusal by the page's Content-Security-Policy; add 'wasm-unsafe-eval' to its script-src$/,
  ],
  [
    "a policy that allows no connection",
    { "connect-src": "'none'" },
    {},
    /^kernels: .* got no answer \(.*; a Content-Security-Policy must allow http:\/\/127\.0\.0\.1:\d+ by connect-src\)/,
  ],
  ["a policy that names no Trusted Types", { "trusted-types": "'none'" }, { worker: true }, new RegExp(demand)],
  ["a policy that names those of others", { "trusted-types": "other" }, { threads: 2 }, new RegExp(demand)],
  ["a policy without workers", { "worker-src": "'none'" }, { worker: true }, /forbids workers \(worker-src\)/],
];
for (const [n, [what, change, options, expected]] of cases.entries())
  test(`a page under ${what}`, async () => {
    writePage(`page${n}.html`, { ...documented, ...change });
    await withPage(folder, { path: `/page${n}.html`, isolated: true }, async (open) => {
      const { device, notice } = await ask<Kept>(open, "trainAndKeep", options).catch((error: Error) => ({
        device: (/Error: (.*)/.exec(error.message) ?? [])[1],
        notice: undefined,
      }));
      assert.match(notice ?? device, expected, notice ?? device);
    });
  });

test("docs/loading.md names every directive of the policy that is tested", () => {
  const text = readFileSync(join(root, "docs/loading.md"), "utf8").replace(/\s+/g, " ");
  const { "default-src": _none, "img-src": _icon, ...named } = documented;
  for (const [key, value] of Object.entries(named))
    assert.ok(text.includes(`${key} ${value.replace(" blob:", "")}`), `${key} ${value}`);
});

test.run();
