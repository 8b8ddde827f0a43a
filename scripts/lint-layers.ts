/**
 * The folders of src/ have one order. A file imports only from its own folder and from earlier ones, types included, and no
 * chain of imports leads from a file back to itself. Each folder can therefore be read, tested and changed with only the earlier
 * folders in mind.
 *
 * Static imports, dynamic imports, re-exports and `import("…")` types all count. The faces (src/*.ts) may import from every
 * folder; no folder imports a face, except version.ts, which holds one constant.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, posix } from "node:path";
import { fileURLToPath } from "node:url";

/** From the ground up; docs/architecture.md says what each folder holds. */
export const ORDER = [
  "numbers",
  "checks",
  "host",
  "sparse",
  "graph",
  "backends",
  "distributions",
  "problem",
  "simulate",
  "search",
  "nn",
  "guides",
  "objectives",
  "posterior",
  "model",
  "sampling",
  "infer",
  "train",
  "surrogate",
  "store",
  "diagnostics",
  "refine",
  "evaluate",
  "fem",
  "dynamics",
  "problems",
  "report",
  "element",
  "cli",
] as const;

/** The files that may stand directly in src/: the entry points of package.json, and the version. */
export const FACES = [
  "index.ts",
  "ops.ts",
  "infer.ts",
  "priors.ts",
  "dynamics.ts",
  "fem.ts",
  "diagnostics.ts",
  "element.ts",
  "problems.ts",
  "version.ts",
] as const;

/** The import graph: the imports of each file, as paths below src/. */
export type Imports = ReadonlyMap<string, readonly string[]>;

const specifier = /\b(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

/** The relative imports of one source text, as paths below src/; imports from outside src/ are left out. */
export function importsOf(file: string, source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*/g, "");
  const paths = [...code.matchAll(specifier)].map(([, path]) => posix.join(posix.dirname(file), path));
  return [...new Set(paths.filter((path) => !path.startsWith("..")))];
}

const folderOf = (file: string): string => file.split("/")[0];
const isFace = (file: string): boolean => !file.includes("/");

/** Files in no folder, folders outside the order, and imports from later folders. */
function findArrows(imports: Imports): string[] {
  const rank = new Map<string, number>(ORDER.map((name, i) => [name, i]));
  return [...imports].flatMap(([file, targets]) => {
    if (isFace(file))
      return (FACES as readonly string[]).includes(file)
        ? []
        : [`src/${file} is in no folder: move it to the folder that it belongs to`];
    const from = folderOf(file);
    if (!rank.has(from))
      return [`src/${file} is in "${from}", which has no place in the order of scripts/lint-layers.ts`];
    return targets.flatMap((target) => {
      if (target === "version.ts") return [];
      if (isFace(target))
        return [`src/${file} -> src/${target}: a folder imports no face; import the file that defines the name`];
      const to = folderOf(target);
      if ((rank.get(to) ?? -1) <= rank.get(from)!) return [];
      return [
        `src/${file} -> src/${target}: "${from}" comes before "${to}"; move what both need into "${from}" or an earlier folder`,
      ];
    });
  });
}

/** Groups of files that reach each other (Tarjan's strongly connected components), each as one message. */
function findCircles(imports: Imports): string[] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file)!);
    stack.push(file);
    for (const target of imports.get(file) ?? []) {
      if (!imports.has(target)) continue;
      if (!index.has(target)) visit(target);
      if (stack.includes(target)) low.set(file, Math.min(low.get(file)!, low.get(target)!));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1 || imports.get(file)?.includes(file))
      circles.push(
        `circle of ${group.length} files: ${group
          .sort()
          .map((name) => `src/${name}`)
          .join(", ")}`,
      );
  };
  for (const file of imports.keys()) if (!index.has(file)) visit(file);
  return circles;
}

/** Everything wrong with an import graph, a line each. */
export const findLayerFaults = (imports: Imports): string[] => [...findArrows(imports), ...findCircles(imports)];

/** The import graph of src/. */
export function readImports(root: string): Imports {
  const names = readdirSync(posix.join(root, "src"), { recursive: true }).map((name) =>
    String(name).replaceAll("\\", "/"),
  );
  const files = names.filter((name) => /\.m?ts$/.test(name)).sort();
  return new Map(files.map((file) => [file, importsOf(file, readFileSync(posix.join(root, "src", file), "utf8"))]));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const imports = readImports(dirname(dirname(fileURLToPath(import.meta.url))));
  const faults = findLayerFaults(imports);
  for (const fault of faults) console.error(fault);
  console.log(`layers: ${imports.size} files, ${faults.length} errors`);
  if (faults.length > 0) process.exitCode = 1;
}
