/**
 * `npm run bench studies [-- --only NAME,…] [--full] [--cases N] [--images DIR] [--quick]`: which guide, which network, how many
 * parameters? Each study prints a table in Markdown and writes a figure; docs/studies.md says what came of them.
 */
import { fileURLToPath } from "node:url";
import { hardware } from "../report.ts";
import type { StudyOptions } from "./options.ts";

/** Studies by name, in order. */
const studies: Readonly<Record<string, () => Promise<(options: StudyOptions) => Promise<void>>>> = {
  architecture: async () => (await import("./architecture.ts")).architecture,
  multimodal: async () => (await import("./multimodal.ts")).multimodal,
  scaling: async () => (await import("./scaling.ts")).scaling,
  methods: async () => (await import("./methods.ts")).methods,
};

export interface StudyArguments {
  readonly only?: string;
  readonly full?: boolean;
  readonly quick?: boolean;
  readonly cases?: string;
  readonly images?: string;
}

/** @throws on a name that is no study, and on a number of cases that is none. */
export async function runStudies({ only, full = false, quick = false, cases, images }: StudyArguments): Promise<void> {
  const names = only?.split(",") ?? Object.keys(studies);
  const odd = names.find((name) => !Object.hasOwn(studies, name));
  if (odd !== undefined) throw new Error(`bench studies: expected ${Object.keys(studies).join(", ")}, got "${odd}"`);
  const count = cases === undefined ? undefined : Number(cases);
  if (count !== undefined && !(Number.isInteger(count) && count >= 2))
    throw new Error(`--cases: expected a whole number of at least 2, got "${cases}"`);
  const folder = images ?? fileURLToPath(new URL("../../docs/images", import.meta.url));
  console.log(hardware());
  for (const name of names) {
    const started = performance.now();
    console.log(`\n## ${name}\n`);
    await (await studies[name]())({ full, quick, folder, cases: count });
    console.log(`${name}: ${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
  }
}
