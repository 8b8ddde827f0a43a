/**
 * Builds the site of site/ into plain files for any static host: `npm run site`.
 *
 *   tsx scripts/build-site.ts [--out FOLDER]     default out/site
 *   tsx scripts/build-site.ts --serve [--port N] builds it, and serves it on this machine alone
 */
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build, type Metafile } from "esbuild";
import { buildKernels } from "./kernels.ts";
import { serveSite } from "./serve-site.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const here = join(root, "site");

/** What the page may load and do; a host may send it as a header too. */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types retrodict site",
].join("; ");

const MODELS = ["arm", "eit", "rod"];

/** Bundles a script with what it loads on demand into a folder. @returns what the bundler made. */
async function bundle(name: string, folder: string): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: here,
    entryPoints: { [name]: `${name}.ts` },
    outdir: folder,
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2022",
    define: { RETRODICT_BUNDLED: "true" },
    metafile: true,
    logLevel: "warning",
    legalComments: "none",
  });
  return metafile;
}

/** The files that a script loads at once, itself among them. */
function reached({ outputs }: Metafile, entry: string): string[] {
  const [start] = Object.keys(outputs).filter((path) => path.endsWith(`/${entry}`));
  const files = new Set([start]);
  for (const file of files)
    for (const { path, kind } of outputs[file].imports) if (kind === "import-statement") files.add(path);
  return [...files].map((path) => path.slice(path.lastIndexOf("/") + 1));
}

const escapeText = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** The page, with what the first view needs named in its head, so that all of it loads at once. */
function page(scripts: readonly string[]): string {
  const fetched = ["app/kernels.wasm", "models/arm.safetensors"];
  const preloads = [
    ...scripts.map((name) => `<link rel="modulepreload" href="app/${name}">`),
    ...fetched.map((path) => `<link rel="preload" href="${path}" as="fetch" crossorigin>`),
  ];
  const parts: Readonly<Record<string, string>> = {
    POLICY,
    PRELOADS: preloads.join("\n"),
    EXAMPLE: escapeText(readFileSync(join(here, "cooling.js"), "utf8").trimEnd()),
  };
  return readFileSync(join(here, "index.html"), "utf8").replace(
    /\b(POLICY|PRELOADS|EXAMPLE)\b/g,
    (name) => parts[name],
  );
}

/** All files below a folder, as paths relative to it. */
const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll("\\", "/"),
    )
    .sort();

/** Builds the site. @returns the paths of its files. */
export async function buildSite(out: string): Promise<string[]> {
  await buildKernels({ only: "plain", ifStale: true });
  rmSync(out, { recursive: true, force: true });
  for (const folder of ["app", "models"]) mkdirSync(join(out, folder), { recursive: true });
  copyFileSync(join(root, "dist/kernels.wasm"), join(out, "app/kernels.wasm"));
  for (const name of MODELS)
    copyFileSync(join(root, `models/${name}.safetensors`), join(out, `models/${name}.safetensors`));
  const first = await bundle("main", join(out, "app"));
  await bundle("worker", join(out, "app"));
  for (const name of ["style.css", "icon.svg"]) copyFileSync(join(here, name), join(out, name));
  writeFileSync(join(out, "index.html"), page(reached(first, "main.js")));
  const files = filesOf(out);
  const hash = createHash("sha256");
  for (const file of files) hash.update(file).update(readFileSync(join(out, file)));
  const script = readFileSync(join(here, "offline.js"), "utf8")
    .replace('"FILES"', JSON.stringify(["./", ...files]))
    .replace("VERSION", hash.digest("hex").slice(0, 12));
  writeFileSync(join(out, "offline.js"), script);
  return [...files, "offline.js"];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { out: { type: "string" }, serve: { type: "boolean" }, port: { type: "string" } },
  });
  const out = values.out ?? join(root, "out/site");
  const files = await buildSite(out);
  console.log(`${files.length} files in ${out}`);
  if (values.serve) {
    const { origin } = await serveSite(out, { port: Number(values.port ?? 8080), policy: POLICY });
    console.log(`the site is at ${origin} (Ctrl-C ends it)`);
  }
}
