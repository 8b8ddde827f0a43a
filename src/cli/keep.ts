/** Results that cannot be written where they were to go are kept elsewhere: they may be hours of work. */
import { promises as fs } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { toError } from "../checks/arguments.ts";

/** Where a result is. */
export interface Kept {
  readonly path: string;
  /** Why it is not where it was to go. */
  readonly reason?: Error;
}

/** Writes a result to a path, or else into a new folder among the temporary files, at home, or here. @throws the first error, if none can be written to. */
export async function writeOrKeep(path: string, write: (path: string) => Promise<void>): Promise<Kept> {
  try {
    await write(path);
    return { path };
  } catch (thrown) {
    const reason = toError(thrown);
    for (const place of [tmpdir(), homedir(), "."]) {
      let folder: string | undefined;
      try {
        folder = await fs.mkdtemp(join(place, "retrodict-"));
        const kept = join(folder, basename(path));
        await write(kept);
        return { path: kept, reason };
      } catch {
        if (folder !== undefined) await fs.rm(folder, { recursive: true, force: true });
      }
    }
    throw reason;
  }
}

/** As `writeOrKeep`. @throws also where it is kept elsewhere, with the place. */
export async function writeResult(path: string, what: string, write: (path: string) => Promise<void>): Promise<void> {
  const { path: kept, reason } = await writeOrKeep(path, write);
  if (reason !== undefined) throw new Error(`${reason.message}; ${what} in "${kept}"`, { cause: reason });
}
