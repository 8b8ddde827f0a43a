/** The README, CONTRIBUTING and the pages of docs/: their code, their commands, and a folder to run them in. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { root } from "./processes.ts";

/** Paths relative to the repository. */
export const pages: readonly string[] = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

export const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** The fenced code blocks of one language. */
export const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, "g"))].map(([, code]) => code);

/** The words of each `retrodict …` line of the shell blocks, without the program's name and without comments. */
export const commands = (text: string): string[][] =>
  blocks(text, "sh")
    .flatMap((block) => block.split("\n"))
    .filter((line) => line.startsWith("retrodict "))
    .map((line) =>
      line
        .replace(/\s+#.*/, "")
        .trim()
        .split(/\s+/)
        .slice(1),
    );

/** A folder inside the repository, where "retrodict" is found, with the package's own folders beside the script. */
export async function inFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(root, "out-docs-"));
  try {
    for (const name of ["dist", "models"]) symlinkSync(join(root, name), join(folder, name));
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
