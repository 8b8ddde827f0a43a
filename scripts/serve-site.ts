/** A static server on the loopback interface, as a host of the site is one: compressed files, and a strict policy as a header. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, sep } from "node:path";
import { gzipSync } from "node:zlib";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

export interface ServedSite {
  readonly origin: string;
  /** Paths that were asked for, and the bytes that were sent for each. */
  readonly sent: readonly { readonly path: string; readonly bytes: number }[];
  readonly close: () => Promise<void>;
}

/** Serves a folder. A page that brings a policy of its own in a `sandbox…` file is sent without the header. */
export async function serveSite(
  folder: string,
  { port = 0, policy }: { port?: number; policy: string },
): Promise<ServedSite> {
  const sent: { path: string; bytes: number }[] = [];
  const compressed = new Map<string, Buffer>();
  const server = createServer(({ url = "/" }, answer) => {
    const { pathname } = new URL(url, "http://host");
    const path = join(
      folder,
      normalize(decodeURIComponent(pathname.endsWith("/") ? `${pathname}index.html` : pathname)),
    );
    if (!path.startsWith(folder + sep) || !existsSync(path) || !statSync(path).isFile())
      return void answer.writeHead(404).end();
    const body = compressed.get(path) ?? gzipSync(readFileSync(path), { level: 9 });
    compressed.set(path, body);
    sent.push({ path: pathname, bytes: body.length });
    answer.writeHead(200, {
      "content-type": TYPES[extname(path)] ?? "application/octet-stream",
      "content-encoding": "gzip",
      "x-content-type-options": "nosniff",
      ...(!pathname.startsWith("/sandbox") && { "content-security-policy": policy }),
    });
    answer.end(body);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent, close };
}
