/** The page of fixtures/page, on the package as its users get it, and what it is asked to do. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";
import type { OpenPage } from "./browser.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/**
 * Writes the page into a folder.
 * @param path of the page in the folder.
 * @param packageAt where the package is: a URL, or an address relative to the page.
 */
export function writeLab(folder: string, path: string, packageAt: string): void {
  const beside = join(folder, dirname(path));
  mkdirSync(beside, { recursive: true });
  const html = readFileSync(here("../fixtures/page/index.html"), "utf8");
  writeFileSync(join(folder, path), html.replaceAll("PACKAGE", packageAt));
  writeFileSync(join(beside, "lab.js"), readFileSync(here("../fixtures/page/lab.js")));
  // What it imports of the library are types.
  const { code } = transformSync(readFileSync(here("pinned.ts"), "utf8"), { loader: "ts", format: "esm" });
  writeFileSync(join(beside, "pinned.js"), code);
}

/** Calls a function of the page's lab. */
export async function ask<T>({ page }: OpenPage, name: string, ...args: readonly unknown[]): Promise<T> {
  await page.waitForFunction("'lab' in window");
  return (await page.evaluate(`lab[${JSON.stringify(name)}](...${JSON.stringify(args)})`)) as T;
}
