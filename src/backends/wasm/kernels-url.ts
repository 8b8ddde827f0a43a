/**
 * Where the compiled kernels are. The answer differs between the sources (src/backends/, run by tsx and Deno) and the
 * bundle (dist/, where the modules lie beside it), so the build sets RETRODICT_BUNDLED and the other branch is dropped.
 *
 * Each address is written out: `new URL("literal", import.meta.url)` is the form by which a user's bundler (Vite,
 * webpack, Rollup) finds the file and copies it. A name put together at run time would be left behind.
 */
import { foldersSet, inFolder } from "../../host/folders.ts";

declare const RETRODICT_BUNDLED: true | undefined;

/** `plain`: SIMD only, the same bits everywhere. `relaxed`: SIMD with fused multiply-add, faster where a host has it. */
export type KernelBuild = "plain" | "relaxed";
/** A build, or what threads run of it: the same kernels over a memory that they share. */
export type KernelsFile = KernelBuild | `${KernelBuild}-threads`;

const urls: Record<KernelsFile, () => URL> =
  typeof RETRODICT_BUNDLED !== "undefined" // written here, for the other branch to be dropped: bundlers look for its files
    ? {
        plain: () => new URL("./kernels.wasm", import.meta.url),
        relaxed: () => new URL("./kernels-relaxed.wasm", import.meta.url),
        "plain-threads": () => new URL("./kernels-threads.wasm", import.meta.url),
        "relaxed-threads": () => new URL("./kernels-relaxed-threads.wasm", import.meta.url),
      }
    : {
        plain: () => new URL("../../../dist/kernels.wasm", import.meta.url),
        relaxed: () => new URL("../../../dist/kernels-relaxed.wasm", import.meta.url),
        "plain-threads": () => new URL("../../../dist/kernels-threads.wasm", import.meta.url),
        "relaxed-threads": () => new URL("../../../dist/kernels-relaxed-threads.wasm", import.meta.url),
      };

const files: Readonly<Record<KernelsFile, string>> = {
  plain: "kernels.wasm",
  relaxed: "kernels-relaxed.wasm",
  "plain-threads": "kernels-threads.wasm",
  "relaxed-threads": "kernels-relaxed-threads.wasm",
};

/** What to do where the kernels are not. */
export const KERNELS_HINT =
  "copy kernels*.wasm from dist/ of the package there, or say where they are: setFolders({ kernels })";

/**
 * The place of a file of the kernels: `file:` in Node and Deno, `http(s):` in a browser, or as `setFolders` has it.
 * @throws in a bundle of a format other than ESM, whose code does not know its own address.
 */
export function kernelsUrl(file: KernelsFile): string | URL {
  const { kernels } = foldersSet();
  if (kernels !== undefined) return inFolder(kernels, files[file]);
  try {
    return urls[file]();
  } catch (cause) {
    throw new Error(`kernels: expected the address of this module, got none (bundle as ESM); ${KERNELS_HINT}`, {
      cause,
    });
  }
}
