/**
 * Files and standard input on Node and Deno. A written file appears whole or not at all: the bytes go to a temporary file in
 * the same folder, which is then renamed. Nothing here imports "node:" modules, so a bundle for a browser may contain this file;
 * in a browser every function throws.
 */
import type { FileHandle } from "node:fs/promises";

interface Host {
  readonly pid: number;
  kill(pid: number, signal: 0): void;
  readonly stdin: AsyncIterable<Uint8Array>;
  getBuiltinModule?(id: "node:fs"): typeof import("node:fs");
  getBuiltinModule?(id: "node:os"): typeof import("node:os");
  getBuiltinModule?(id: "node:path"): typeof import("node:path");
}

function host(): Required<Host> {
  const process = (globalThis as { process?: Host }).process;
  if (!process?.getBuiltinModule)
    throw new Error(
      "files: expected Node or Deno, got a host without a file system; there toBytes(map) gives a file's bytes, and load(bytes) reads them",
    );
  return process as Required<Host>;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EEXIST: "it is there already",
  EISDIR: "it is a folder",
  ELOOP: "too many links",
  EMFILE: "too many open files",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "no such file or folder",
  ENOSPC: "no space left",
  ENOTDIR: "a part of the path is not a folder",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
};

/** An error of the file system in words, with the path as the caller wrote it. */
function explain(verb: string, path: string, error: unknown): Error {
  const { code, message } = error as { code?: string; message: string };
  return new Error(`cannot ${verb} "${path}": ${(code && REASONS[code]) ?? message}`, { cause: error });
}

/** Bytes of the largest file that is read: an array buffer holds so many on every host. */
export const MAX_BYTES = 2_147_483_647;

/**
 * All of a file, or of standard input for "-".
 *
 * @throws an Error that names the path, when it cannot be read, and when it is larger than `most` bytes (which is checked before reading).
 */
export async function readBytes(path: string, most = MAX_BYTES): Promise<Uint8Array<ArrayBuffer>> {
  if (path === "-") return readStdin(most);
  const { promises: fs } = host().getBuiltinModule("node:fs");
  try {
    const { size } = await fs.stat(path);
    if (size > most) throw new Error(`expected at most ${most} bytes, got ${size}`);
    return new Uint8Array(await fs.readFile(path));
  } catch (error) {
    throw explain("read", path, error);
  }
}

async function readStdin(most: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of host().stdin) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > most) throw new Error(`cannot read standard input: expected at most ${most} bytes, got more`);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Tells temporary files of this machine from those of others that write to the same folder. Deno would ask for a permission. */
const machine = (): string =>
  "Deno" in globalThis
    ? ""
    : host()
        .getBuiltinModule("node:os")
        .hostname()
        .replace(/[^A-Za-z0-9]/g, "_")
        .slice(0, 60);

/** Whether no process has this number. */
function isDead(pid: number): boolean {
  try {
    host().kill(pid, 0);
    return false;
  } catch (error) {
    return (error as { code?: string }).code === "ESRCH";
  }
}

/** Removes what killed processes of this machine have left: files of the names that `writeBytes` gives to its temporary ones. */
async function sweep(folder: string): Promise<void> {
  const { promises: fs } = host().getBuiltinModule("node:fs");
  const { join } = host().getBuiltinModule("node:path");
  const here = machine();
  if (here === "") return;
  for (const name of await fs.readdir(folder).catch(() => [] as string[])) {
    const [, of, pid] = /^\..+\.retrodict-(\w+)-(\d+)-[0-9a-f]{8}\.tmp$/.exec(name) ?? [];
    if (of === here && isDead(Number(pid))) await fs.rm(join(folder, name), { force: true }).catch(() => {});
  }
}

/**
 * Writes a file. When writing fails, or the process ends midway, an earlier file of that name stays whole. A link is followed; a
 * device or a pipe cannot be replaced, so it is written to directly.
 *
 * @throws an Error that names the path.
 */
export async function writeBytes(path: string, content: Uint8Array | string): Promise<void> {
  const { promises: fs } = host().getBuiltinModule("node:fs");
  const { dirname, basename, join } = host().getBuiltinModule("node:path");
  try {
    const target = await fs.realpath(path).catch(() => path);
    const old = await fs.stat(target).catch(() => null);
    if (old?.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
    if (old && !old.isFile()) return await fs.writeFile(target, content);
    if (old) await fs.access(target, fs.constants.W_OK); // renaming would circumvent the write protection of the file
    await sweep(dirname(target));
    const tag = [machine(), host().pid, crypto.randomUUID().slice(0, 8)].join("-");
    const name = `.${basename(target).slice(0, 100)}.retrodict-${tag}.tmp`;
    const temporary = join(dirname(target), name);
    let file: FileHandle | undefined;
    try {
      file = await fs.open(temporary, "wx", old?.mode);
      await file.writeFile(content);
      await file.sync(); // else a crash could leave the new name with nothing in it
      await file.close();
      await fs.rename(temporary, target);
    } catch (error) {
      await file?.close().catch(() => {});
      await fs.rm(temporary, { force: true });
      throw error;
    }
  } catch (error) {
    throw explain("write", path, error);
  }
}

/** Checks that a path can be written: its folder exists, and the path itself is no folder. @throws as `writeBytes` would. */
export async function checkWritable(path: string): Promise<void> {
  const { promises: fs } = host().getBuiltinModule("node:fs");
  const { dirname } = host().getBuiltinModule("node:path");
  try {
    if (path === "") throw Object.assign(new Error(), { code: "ENOENT" }); // its folder would be this one
    const old = await fs.stat(path).catch(() => null);
    if (old?.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
    await fs.access(old ? path : dirname(path), fs.constants.W_OK);
  } catch (error) {
    throw explain("write", path, error);
  }
}

/** Whether a file or folder exists at a path. */
export async function fileExists(path: string): Promise<boolean> {
  const { promises: fs } = host().getBuiltinModule("node:fs");
  return fs.access(path).then(
    () => true,
    () => false,
  );
}

/** Removes a file, if it is there and can be removed. */
export async function removeFile(path: string): Promise<void> {
  const { promises: fs } = host().getBuiltinModule("node:fs");
  await fs.rm(path, { force: true }).catch(() => {});
}

/** Appends to an existing file, by one write. @throws an Error that names the path. */
export async function appendBytes(path: string, content: Uint8Array): Promise<void> {
  const { promises: fs } = host().getBuiltinModule("node:fs");
  let file: FileHandle | undefined;
  try {
    file = await fs.open(path, fs.constants.O_WRONLY | fs.constants.O_APPEND); // not "a", which would create a file that has been deleted
    await file.writeFile(content);
  } catch (error) {
    throw explain("write", path, error);
  } finally {
    await file?.close();
  }
}
