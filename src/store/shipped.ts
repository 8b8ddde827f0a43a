/**
 * The models that ship with the package, by the name of their problem, and their files. As for the kernels (backends/kernels-url.ts),
 * each address is written out, so that a user's bundler finds the file and copies it.
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

const NAME = /^[A-Za-z][\w-]*$/;

/** Whether a source names a model, rather than a place: it has no slash, dot or colon. */
export const isModelName = (source: unknown): source is string => typeof source === "string" && NAME.test(source);

/**
 * The address of a shipped model. `folder`: a URL or path of the models, if they are not in the package.
 * @throws on an unknown name, and in a bundle that is not ESM, whose code does not know its own address.
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
