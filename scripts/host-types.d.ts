/**
 * Classes of the host that the declarations of the package name. A project without the types of the DOM or of Node has none of
 * them: there each is what the library uses of it, and elsewhere the host's own.
 */
export type AbortSignal = typeof globalThis extends { AbortSignal: { prototype: infer T } }
  ? T
  : {
      readonly aborted: boolean;
      readonly reason: unknown;
      throwIfAborted(): void;
      addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
      removeEventListener(type: "abort", listener: () => void): void;
    };

export type URL = typeof globalThis extends { URL: { prototype: infer T } } ? T : { readonly href: string };
