/**
 * Where the files that come with the package are, compiled kernels, trained models and the worker, and how such files are read.
 * They are found beside the module that asks for them; `setFolders` says otherwise, once for a whole program. That is state of
 * the module: kernels are looked for by every call that computes, and a page has one place for its files. Workers ask for none:
 * kernels are posted to them.
 */
import { describe } from "../checks/arguments.ts";
import { readBytes } from "./files.ts";

export interface Folders {
  /** Of `kernels.wasm` and its other builds, `kernels-*.wasm`. */
  readonly kernels?: string | URL;
  /** Of the trained models, `arm.safetensors` and the others. */
  readonly models?: string | URL;
  /** Of `worker.js`. */
  readonly worker?: string | URL;
}
type FolderName = keyof Folders;

const names: readonly FolderName[] = ["kernels", "models", "worker"];
const chosen: Partial<Record<FolderName, string>> = {};

/**
 * Says where the files that come with the package are, if not beside it: a bundle that left them behind, a server that keeps
 * them apart. A URL; or a path, which in a page is relative to the page and in Node and Deno to the current folder. What is not
 * named stays as it was; undefined means beside the package again. Kernels that are in use already stay.
 * @throws on a folder of another name, and on what is neither a URL nor a path.
 */
export function setFolders(folders: Folders): void {
  if (typeof folders !== "object" || folders === null)
    throw new Error(`setFolders: expected { ${names.join(", ")} }, got ${describe(folders)}`);
  const odd = Object.keys(folders).find((key) => !names.includes(key as FolderName));
  if (odd !== undefined) throw new Error(`setFolders: expected ${names.join(", ")}; got "${odd}"`);
  for (const name of names) if (name in folders) expectFolder("setFolders", name, folders[name]);
  for (const name of names) {
    const folder = folders[name];
    if (folder !== undefined) chosen[name] = String(placed(folder));
    else if (name in folders) delete chosen[name];
  }
}

/** Folders as `setFolders` has them: in pages absolute addresses, whatever the page's own is later. */
export const foldersSet = (): Readonly<Partial<Record<FolderName, string>>> => ({ ...chosen });

/** Refuses what is no folder. */
export function expectFolder(owner: string, name: string, folder: unknown): void {
  if (folder !== undefined && typeof folder !== "string" && !(folder instanceof URL))
    throw new Error(`${owner}: expected ${name} to be a URL or a path of a folder, got ${describe(folder)}`);
}

/** A file of a folder, a URL or a path. */
export function inFolder(folder: string | URL, file: string): string | URL {
  if (typeof folder === "string" && !isUrl(folder))
    return folder === "" ? file : `${folder.replace(/\/$/, "")}/${file}`;
  const base = new URL(folder);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  return new URL(file, base);
}

/** What a relative address is relative to, in a page or a worker of one; undefined in Node and Deno, where it is a path. */
function pageAddress(): string | undefined {
  const { document, process, location } = globalThis as {
    document?: { baseURI: string };
    process?: { getBuiltinModule?: unknown };
    location?: { href: string };
  };
  return document?.baseURI ?? (process?.getBuiltinModule ? undefined : location?.href);
}

const isUrl = (place: string): boolean => /^(https?|file|data|blob):/.test(place);

/** A URL, or a path where there are files. */
function placed(place: string | URL): string | URL {
  const page = pageAddress();
  return typeof place === "string" && page === undefined && !isUrl(place) ? place : new URL(place, page);
}

/**
 * The bytes at a URL or a path.
 * @param owner opens messages. @param what is expected there.
 * @throws an Error that names the place and says what came.
 */
export async function readPlace(owner: string, what: string, place: string | URL): Promise<Uint8Array> {
  const url = placed(place);
  if (typeof url === "string") return readBytes(url);
  if (url.protocol === "file:" && pageAddress() === undefined) {
    const path = decodeURIComponent(url.pathname);
    return readBytes(/^\/[A-Za-z]:/.test(path) ? path.slice(1) : path); // "/C:/…" is "C:/…" on Windows
  }
  const answer = await fetch(url).catch((cause: Error) => {
    const reason = (cause.cause as Error | undefined)?.message || cause.message; // Node hides the reason in there
    throw new Error(`${owner}: expected ${what} at ${url.href}, got no answer (${reason})`, { cause });
  });
  if (!answer.ok) throw new Error(`${owner}: expected ${what} at ${url.href}, got HTTP ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}
