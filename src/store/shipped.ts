/**
 * The models that come with the package, by the name of their problem, and where their files are. As with the kernels
 * (backends/kernels-url.ts) each address is written out, so that a user's bundler finds the file and copies it.
 */
import { foldersSet, inFolder } from "../host/folders.ts";

declare const RETRODICT_BUNDLED: true | undefined;

const urls: Readonly<Record<string, () => URL>> =
  typeof RETRODICT_BUNDLED !== "undefined"
    ? {
        arm: () => new URL("../models/arm.safetensors", import.meta.url),
        rod: () => new URL("../models/rod.safetensors", import.meta.url),
        eit: () => new URL("../models/eit.safetensors", import.meta.url),
      }
    : {
        arm: () => new URL("../../models/arm.safetensors", import.meta.url),
        rod: () => new URL("../../models/rod.safetensors", import.meta.url),
        eit: () => new URL("../../models/eit.safetensors", import.meta.url),
      };

/** Names that `load` knows. */
export const shippedModels: readonly string[] = Object.freeze(Object.keys(urls));

/** No path with an extension or a folder, and no URL. */
const NAME = /^[A-Za-z][\w-]*$/;

/** Whether a source names a model, rather than a place: it has no slash, dot or colon. */
export const isModelName = (source: unknown): source is string => typeof source === "string" && NAME.test(source);

/**
 * Where the file of a shipped model is. `folder`: where the models are if not in the package, a URL or a path.
 * @throws on a name that is none of them, and in a bundle of a format other than ESM, whose code does not know its own address.
 */
export function shippedModel(name: string, folder: string | URL | undefined = foldersSet().models): string | URL {
  if (!Object.hasOwn(urls, name))
    throw new Error(
      `load: expected the name of a shipped model, ${shippedModels.join(", ")}, or a path, got "${name}"`,
    );
  if (folder !== undefined) return inFolder(folder, `${name}.safetensors`);
  try {
    return urls[name]();
  } catch (cause) {
    const hint = "say where the models are: setFolders({ models })";
    throw new Error(`load: expected the address of this module, got none (bundle as ESM); ${hint}`, { cause });
  }
}
