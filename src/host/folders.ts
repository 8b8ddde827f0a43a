/**
 * Where the files that come with the package are, compiled kernels, trained models and the worker, and how such files are read.
 * They are found beside the module that asks for them; `setFolders` says otherwise, once for a whole program. That is state of
 * the module: kernels are looked for by every call that computes, and a page has one place for its files. Workers ask for none:
 * kernels are posted to them.
 */
import { type Check, type OptionsOf, option, readOptions } from "../checks/options.ts";
import { readBytes } from "./files.ts";

/** A folder, as a URL or a path. */
export const folder: Check<string | URL> = {
  expected: "a URL or a path of a folder",
  test: (x) => typeof x === "string" || x instanceof URL,
};

/** The options of `setFolders`. */
export const foldersTable = {
  /** Folder of `kernels.wasm` and its other builds, `kernels-*.wasm`. */
  kernels: option(folder),
  /** Folder of the trained models: `arm.safetensors` and the others. */
  models: option(folder),
  /** Folder of `worker.js`. */
  worker: option(folder),
};
/** Folders of the files that come with the package. */
export type Folders = OptionsOf<typeof foldersTable>;
type FolderName = keyof Folders;

const chosen: Partial<Record<FolderName, string>> = {};

/**
 * Sets the folders of the files that come with the package, where they are not beside it: a bundle left them behind, or a server
 * keeps them apart. Each is a URL or a path; a path is relative to the page, or in Node and Deno to the current folder. Folders
 * that are not named stay as they are; undefined means beside the package again. Kernels that are already loaded stay in use.
 * @throws on an unknown name, and on a value that is neither a URL nor a path.
 */
export function setFolders(folders: Folders): void {
  for (const [name, place] of Object.entries(readOptions("setFolders", foldersTable, folders))) {
    if (place !== undefined) chosen[name as FolderName] = String(placed(place));
    else if (name in folders) delete chosen[name as FolderName];
  }
}

/** The folders that `setFolders` has set; in a page as absolute addresses, so that they do not change when the page's does. */
export const foldersSet = (): Readonly<Partial<Record<FolderName, string>>> => ({ ...chosen });

/** The URL or path of a file in a folder. */
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
