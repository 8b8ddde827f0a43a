/** A static server as a CDN is one: files of a folder, with the headers that a test asks for. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, sep } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".ts": "text/plain",
  ".wasm": "application/wasm",
};

/** Headers by what they are for. */
const HEADERS = {
  /** The page is cross-origin isolated: it has SharedArrayBuffer. */
  isolated: { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" },
  /** Pages of other origins may load from here, isolated ones too. */
  shared: { "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin" },
} as const;

export interface ServeOptions {
  readonly folder: string;
  readonly isolated?: boolean;
  readonly shared?: boolean;
}

export interface Server {
  readonly origin: string;
  /** Paths in the order in which they were asked for. */
  readonly asked: string[];
  readonly close: () => Promise<void>;
}

/** Serves a folder on a free port of this machine. */
export async function serve({ folder, isolated = false, shared = false }: ServeOptions): Promise<Server> {
  const asked: string[] = [];
  const more = { ...(isolated && HEADERS.isolated), ...(shared && HEADERS.shared) };
  const server = createServer(({ url = "/" }, answer) => {
    const { pathname } = new URL(url, "http://host");
    asked.push(pathname);
    const path = join(folder, normalize(decodeURIComponent(pathname)));
    const inside = path.startsWith(folder + sep) && existsSync(path) && statSync(path).isFile();
    if (!inside) return void answer.writeHead(404).end();
    answer.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream", ...more });
    answer.end(readFileSync(path));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, close };
}
