/**
 * Writes the API reference, docs/api/*.md: one page for each entry point of the package, made from the docstrings.
 *
 *   npm run docs:api             writes the pages
 *   npm run docs:api -- --check  writes nothing; fails where a page is out of date or a public name has no docstring
 *
 * `deno doc --json` finds the public names, their docstrings and their places; signatures are the text of the source. Options
 * come from their tables (src/checks/options.ts): the comment on a row is its description.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isRequired, type OptionTable } from "../src/checks/options.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "docs/api");

/** Entry points: page → the module that users import, and its source. */
const entries = {
  index: {
    module: "retrodict",
    source: "src/index.ts",
    about: "Problems, training, inference, sampling, and model files.",
  },
  infer: {
    module: "retrodict/infer",
    source: "src/infer.ts",
    about: "Inference alone, for pages that do not train.",
  },
  ops: {
    module: "retrodict/ops",
    source: "src/ops.ts",
    about: "The differentiable operations that forward models are written in.",
  },
  priors: {
    module: "retrodict/priors",
    source: "src/priors.ts",
    about: "Distributions of parameters, and how they are put together.",
  },
  dynamics: {
    module: "retrodict/dynamics",
    source: "src/dynamics.ts",
    about: "Ordinary differential equations in forward models.",
  },
  fem: { module: "retrodict/fem", source: "src/fem.ts", about: "Meshes and finite elements." },
  problems: { module: "retrodict/problems", source: "src/problems.ts", about: "The problems that are built in." },
  element: {
    module: "retrodict/element",
    source: "src/element.ts",
    about: "A custom element that shows a posterior in a page.",
  },
  diagnostics: { module: "retrodict/diagnostics", source: "src/diagnostics.ts", about: "Tests of posteriors." },
} as const;

interface JsDoc {
  readonly doc?: string;
  readonly tags?: readonly { readonly kind: string; readonly doc?: string }[];
}
interface Member {
  readonly name: string;
  readonly jsDoc?: JsDoc;
}
interface Declaration {
  readonly kind: "function" | "variable" | "interface" | "typeAlias" | "class";
  readonly location: { readonly filename: string; readonly line: number };
  readonly jsDoc?: JsDoc;
  readonly def: {
    readonly properties?: readonly Member[];
    readonly methods?: readonly Member[];
    readonly tsType?: {
      readonly value?: { readonly typeName?: string; readonly typeParams?: readonly { readonly repr: string }[] };
    };
  };
}
interface Name {
  readonly name: string;
  readonly declarations: readonly Declaration[];
}

/** The public names of an entry point, in alphabetical order. */
function publicNames(source: string): readonly Name[] {
  const { stdout, stderr, status } = spawnSync(join(root, "node_modules/.bin/deno"), ["doc", "--json", source], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, NO_COLOR: "1" },
  });
  if (status !== 0)
    throw new Error(`deno doc ${source}: expected exit status 0, got ${status}: ${stderr.slice(0, 2000)}`);
  const { nodes } = JSON.parse(stdout) as { nodes: Record<string, { symbols: Name[] }> };
  return Object.values(nodes)
    .flatMap(({ symbols }) => symbols)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const sources = new Map<string, string[]>();
function linesOf(file: string): string[] {
  const lines = sources.get(file) ?? readFileSync(file, "utf8").split("\n");
  sources.set(file, lines);
  return lines;
}

/** The text of a declaration: without the body of a function, the value of a constant, or `export`. */
function signature({ kind, location, def }: Declaration): string {
  const lines = linesOf(fileURLToPath(location.filename));
  const text: string[] = [];
  let depth = 0;
  for (const line of lines.slice(location.line)) {
    text.push(line);
    const code = line.replace(/"[^"]*"|\/\/.*|\/?\*.*/g, "").replace(/=>/g, "");
    for (const c of code) depth += "([{".includes(c) ? 1 : ")]}".includes(c) ? -1 : 0;
    const opensBody = kind === "function" && depth === 1 && /\{$/.test(line);
    if (opensBody || (kind === "variable" && / =$| = /.test(code)) || (depth === 0 && /[;}]$/.test(line))) break;
  }
  const whole = text.join("\n").replace(/^export (declare )?(async )?/, "");
  if (kind === "function") return whole.replace(/ \{$/, "").replace(/;$/, "");
  if (kind === "variable") return whole.replace(/ =(?!>)[\s\S]*$/, "").replace(/;$/, "");
  if (kind === "class") return classSignature(whole, def.properties ?? []);
  return whole;
}

/** The head of a class and its public properties. */
function classSignature(text: string, properties: readonly Member[]): string {
  const rows = text
    .split("\n")
    .filter((line) => properties.some(({ name }) => new RegExp(`^  readonly ${name}\\b`).test(line)));
  return [text.split("\n")[0], ...rows, "}"].join("\n");
}

/** The option tables of src/, by name, with the comment of each row. */
async function readTables(): Promise<
  ReadonlyMap<string, { table: OptionTable; comments: ReadonlyMap<string, string> }>
> {
  const found = new Map<string, { table: OptionTable; comments: ReadonlyMap<string, string> }>();
  const files = readdirSync(join(root, "src"), { recursive: true }).map((name) => join(root, "src", String(name)));
  for (const file of files.filter((name) => name.endsWith(".ts"))) {
    const text = readFileSync(file, "utf8");
    for (const [, name, body] of text.matchAll(/^export const (\w+Table) = \{\n([\s\S]*?)\n\}/gm)) {
      const module = (await import(pathToFileURL(file).href)) as Record<string, OptionTable>;
      const rows = body.matchAll(/\/\*\*([\s\S]*?)\*\/\s+(\w+):/g);
      const comments = new Map([...rows].map(([, comment, key]) => [key, tidy(comment)]));
      found.set(name, { table: module[name], comments });
    }
  }
  return found;
}
const tidy = (comment: string): string =>
  comment
    .replace(/^\s*\*? ?/gm, "")
    .replace(/\s+/g, " ")
    .trim();

const tables = await readTables();

/** A comment may stand in another table that this one takes the row from. */
const commentOf = (own: ReadonlyMap<string, string>, key: string, row: unknown): string | undefined =>
  own.get(key) ??
  [...tables.values()].find(({ table, comments }) => table[key] === row && comments.has(key))?.comments.get(key);

const cell = (text: string): string => text.replaceAll("|", "\\|");

/** The rows of an option table; undefined where the type is not made from one. */
function optionTable({ def }: Declaration): string[] | undefined {
  const { typeName, typeParams } = def.tsType?.value ?? {};
  const known = typeName === "OptionsOf" ? tables.get(typeParams?.[0].repr ?? "") : undefined;
  if (known === undefined) return undefined;
  const rows = Object.entries(known.table).map(([name, row]) => {
    const byDefault =
      row.default === undefined ? "" : isRequired(row) ? "required" : `\`${JSON.stringify(row.default)}\``;
    return `| \`${name}\` | ${cell(row.check.expected)} | ${byDefault} | ${cell(commentOf(known.comments, name, row) ?? "")} |`;
  });
  return ["| option | expected | default | |", "|---|---|---|---|", ...rows];
}

/** A public name that has no docstring, and its options that have none. */
function undocumented({ name, declarations }: Name): string[] {
  const bare = declarations.every(({ jsDoc }) => !jsDoc?.doc) ? [name] : [];
  const options = declarations.flatMap((declaration) => {
    const rows = optionTable(declaration) ?? [];
    return rows.filter((row) => row.endsWith("|  |")).map((row) => `${name}.${/`(\w+)`/.exec(row)?.[1]}`);
  });
  return [...bare, ...options];
}

function section({ name, declarations }: Name): string {
  const docs = declarations.map(({ jsDoc }) => jsDoc).filter((jsDoc) => jsDoc?.doc !== undefined);
  const parts = docs.flatMap((jsDoc) => [
    jsDoc?.doc ?? "",
    ...(jsDoc?.tags ?? []).filter(({ kind }) => kind === "throws").map(({ doc = "" }) => `**Throws** ${doc}`),
  ]);
  const options = declarations.map(optionTable).find((rows) => rows !== undefined);
  const isOverloaded = declarations.length > 1 && declarations.every(({ kind }) => kind === "function");
  const shown = isOverloaded ? declarations.filter(({ def }) => !("hasBody" in def)) : declarations;
  const code = options ?? ["```ts", ...(shown.length > 0 ? shown : declarations).map(signature), "```"];
  return [
    `## ${name}`,
    "",
    ...parts.flatMap((part) => [part.replaceAll("\n", " ").replace(" @throws ", " **Throws** ").trim(), ""]),
    ...code,
    "",
  ].join("\n");
}

const isCheck = process.argv.includes("--check");
const faults: string[] = [];
if (!isCheck) mkdirSync(folder, { recursive: true });
let count = 0;
for (const [page, { module, source, about }] of Object.entries(entries)) {
  const names = publicNames(source);
  count += names.length;
  faults.push(...names.flatMap(undocumented).map((name) => `${module}: "${name}" has no docstring`));
  const index = names.map(({ name }) => `[${name}](#${name.toLowerCase()})`).join(" · ");
  const head = [`# ${module}`, "", about, "", "Made from the docstrings by `npm run docs:api`.", "", index, ""];
  const text = `${[...head, ...names.map(section)].join("\n").trimEnd()}\n`;
  const path = join(folder, `${page}.md`);
  if (!isCheck) writeFileSync(path, text);
  else if (!existsSync(path) || readFileSync(path, "utf8") !== text)
    faults.push(`docs/api/${page}.md is out of date: run npm run docs:api`);
}
for (const fault of faults) console.error(fault);
console.log(`api: ${count} names, ${faults.length} errors`);
if (faults.length > 0) process.exitCode = 1;
