/** A page in Chromium on files of a folder, where both playwright-core and the browser are installed. */
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, sep } from "node:path";
import type { Browser, Page } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

/** Where Chromium is: CHROMIUM names it, or it lies where systems put it. Null where it is not. */
const browserPath = (): string | null =>
  [process.env.CHROMIUM ?? "", ...PLACES].find((p) => p && existsSync(p)) ?? null;

export interface OpenPage {
  readonly page: Page;
  readonly origin: string;
  readonly close: () => Promise<void>;
}

/** Opens /index.html of a folder. @returns why not, where there is no browser. */
export async function openPage(folder: string): Promise<OpenPage | string> {
  const executablePath = browserPath();
  if (executablePath === null) return "Chromium is not installed";
  const server = createServer(({ url = "/" }, answer) => {
    const path = join(folder, normalize(decodeURIComponent(new URL(url, "http://host").pathname)));
    if (!path.startsWith(folder + sep) || !existsSync(path)) return void answer.writeHead(404).end();
    answer.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" });
    answer.end(readFileSync(path));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let browser: Browser | undefined;
  const close = async (): Promise<void> => {
    await browser?.close();
    server.closeAllConnections();
    server.close();
  };
  try {
    const { chromium } = await import("playwright-core");
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    const page = await browser.newPage();
    await page.goto(`${origin}/index.html`);
    return { page, origin, close };
  } catch (error) {
    await close();
    return `Chromium does not start: ${String(error).split("\n")[0]}`;
  }
}
