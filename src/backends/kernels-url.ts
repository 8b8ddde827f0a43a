/**
 * Where the compiled kernels are. The answer differs between the sources (src/backends/, run by tsx and Deno) and the
 * bundle (dist/, where the modules lie beside it), so the build sets RETRODICT_BUNDLED and the other branch is dropped.
 *
 * Each address is written out: `new URL("literal", import.meta.url)` is the form by which a user's bundler (Vite,
 * webpack, Rollup) finds the file and copies it. A name put together at run time would be left behind.
 */
declare const RETRODICT_BUNDLED: true | undefined;

/** `plain`: SIMD only, the same bits everywhere. `relaxed`: SIMD with fused multiply-add, faster where a host has it. */
export type KernelsBuild = "plain" | "relaxed";

const bundled = typeof RETRODICT_BUNDLED !== "undefined";

const urls: Record<KernelsBuild, () => URL> = bundled
  ? {
      plain: () => new URL("./kernels.wasm", import.meta.url),
      relaxed: () => new URL("./kernels-relaxed.wasm", import.meta.url),
    }
  : {
      plain: () => new URL("../../dist/kernels.wasm", import.meta.url),
      relaxed: () => new URL("../../dist/kernels-relaxed.wasm", import.meta.url),
    };

/** The address of one of the two builds of the kernels: `file:` in Node and Deno, `http(s):` in a browser. */
export function kernelsUrl(build: KernelsBuild): URL {
  return urls[build]();
}
