/**
 * The places of the compiled kernels. They differ between the sources (src/backends/, run by tsx and Deno) and the bundle (dist/,
 * where the kernels lie beside it), so the build sets RETRODICT_BUNDLED and drops the other branch.
 *
 * Each address is written out: `new URL("literal", import.meta.url)` is the form by which a user's bundler (Vite,
 * webpack, Rollup) finds the file and copies it. A file whose name is made at run time would not be copied.
 */
import { foldersSet, inFolder } from "../../host/folders.ts";

declare const RETRODICT_BUNDLED: true | undefined;

/** `plain`: SIMD only, the same bits everywhere. `relaxed`: SIMD with fused multiply-add, faster where a host has it. */
export type KernelBuild = "plain" | "relaxed";
/** A build, or its version for threads: the same kernels over a shared memory. */
export type KernelsFile = KernelBuild | `${KernelBuild}-threads`;

const urls: Record<KernelsFile, () => URL> =
  typeof RETRODICT_BUNDLED !== "undefined" // written out here, so that the other branch is dropped: bundlers would look for its files
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

/** Advice if the kernels are missing. */
export const KERNELS_HINT =
  "copy kernels*.wasm from dist/ of the package there, or say where they are: setFolders({ kernels })";

/**
 * The address of a file of kernels: `file:` in Node and Deno, `http(s):` in a browser, or in the folder that `setFolders` has set.
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
