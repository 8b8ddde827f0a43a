/**
 * Pages in Chromium, where both playwright-core and the browser are installed: they are served from a folder, as any static
 * server would, and have a (software) adapter of WebGPU where the system has a driver for one.
 */
import { existsSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { type ServeOptions, type Server, serve } from "./server.ts";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Without --enable-unsafe-webgpu there is no adapter in software; the rest keeps the browser from talking to the world. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--enable-unsafe-webgpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Where Chromium is: CHROMIUM names it, or it lies where systems put it. Null where it is not. */
const browserPath = (): string | null =>
  [process.env.CHROMIUM ?? "", ...PLACES].find((p) => p && existsSync(p)) ?? null;

export interface OpenPage {
  readonly page: Page;
  readonly origin: string;
  /** Paths that the server was asked for. */
  readonly asked: readonly string[];
  /** What went wrong in the page so far: errors that nothing caught, and what the console calls errors. */
  readonly errors: readonly string[];
  readonly close: () => Promise<void>;
}

export interface PageOptions extends Omit<ServeOptions, "folder"> {
  /** Below the folder; default "/index.html". */
  readonly path?: string;
  /** Where the page comes from if not from a server of its own. */
  readonly origin?: string;
}

/** Opens a page of a folder. @returns why not, where there is no browser. */
export async function openPage(folder: string, options: PageOptions = {}): Promise<OpenPage | string> {
  const { path = "/index.html", origin: given, ...serving } = options;
  const executablePath = browserPath();
  if (executablePath === null) return "Chromium is not installed";
  const server: Server | null = given === undefined ? await serve({ folder, ...serving }) : null;
  let browser: Browser | undefined;
  const close = async (): Promise<void> => {
    await browser?.close();
    await server?.close();
  };
  try {
    const { chromium } = await import("playwright-core");
    browser = await chromium.launch({ executablePath, args: FLAGS });
  } catch (error) {
    await close();
    return `Chromium does not start: ${String(error).split("\n")[0]}`;
  }
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    const origin = given ?? (server as Server).origin;
    await page.goto(origin + path);
    return { page, origin, asked: server?.asked ?? [], errors, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Uses a page and closes it; prints why the test is skipped, where there is no browser. */
export async function withPage(
  folder: string,
  options: PageOptions,
  use: (open: OpenPage) => Promise<void>,
): Promise<void> {
  const open = await openPage(folder, options);
  if (typeof open === "string") return console.log(`SKIP ${open}`);
  try {
    await use(open);
  } finally {
    await open.close();
  }
}
