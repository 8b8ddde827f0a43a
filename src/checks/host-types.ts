/**
 * Classes of the host that public types name. A TypeScript project without "dom" and without @types/node knows none of them: there
 * each is what the library uses of it, and elsewhere the host's own.
 */

/** An `AbortSignal`. */
export type HostSignal = typeof globalThis extends { AbortSignal: { prototype: infer T } }
  ? T
  : {
      readonly aborted: boolean;
      readonly reason: unknown;
      addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
      throwIfAborted(): void;
      removeEventListener(type: "abort", listener: () => void): void;
    };

/** A `URL`. */
export type HostUrl = typeof globalThis extends { URL: { prototype: infer T } } ? T : { readonly href: string };
