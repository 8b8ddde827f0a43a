/**
 * The places of the files that come with the package (compiled kernels, trained models and the worker), and how they are read.
 * By default they are beside the module that asks for them; `setFolders` sets other folders, once for the whole program. The
 * choice is state of this module, because every call that computes looks for kernels and a page has one place for its files.
 * Workers read no files: the kernels are posted to them.
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
export function setFolders(folders: Folders = {}): void {
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

/** The base of relative addresses in a page or its worker; undefined in Node and Deno, where a relative address is a path. */
function pageAddress(): string | undefined {
  const { document, process, location } = globalThis as {
    document?: { baseURI: string };
    process?: { getBuiltinModule?: unknown };
    location?: { href: string };
  };
  return document?.baseURI ?? (process?.getBuiltinModule ? undefined : location?.href);
}

const isUrl = (place: string): boolean => /^(https?|file|data|blob):/.test(place);

/** A place as an absolute URL, or as a path on hosts with files. */
function placed(place: string | URL): string | URL {
  const page = pageAddress();
  return typeof place === "string" && page === undefined && !isUrl(place) ? place : new URL(place, page);
}

/**
 * The bytes at a URL or a path.
 * @param owner opens the message. @param what names the file that is expected there.
 * @throws an Error that names the place and says what came instead.
 */
export async function readPlace(owner: string, what: string, place: string | URL): Promise<Uint8Array> {
  const url = placed(place);
  if (typeof url === "string") return readBytes(url);
  if (url.protocol === "file:" && pageAddress() === undefined) {
    const path = decodeURIComponent(url.pathname);
    return readBytes(/^\/[A-Za-z]:/.test(path) ? path.slice(1) : path); // "/C:/…" is "C:/…" on Windows
  }
  const answer = await fetch(url).catch((cause: Error) => {
    const reason = (cause.cause as Error | undefined)?.message || cause.message; // where Node hides the reason
    const policy =
      pageAddress() === undefined ? "" : `; a Content-Security-Policy must allow ${url.origin} by connect-src`;
    throw new Error(`${owner}: expected ${what} at ${url.href}, got no answer (${reason}${policy})`, { cause });
  });
  if (!answer.ok) throw new Error(`${owner}: expected ${what} at ${url.href}, got HTTP ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}
