/**
 * Pages in Chromium, where both playwright-core and the browser are installed: they are served from a folder, as any static
 * server would, and have a (software) adapter of WebGPU where the system has a driver for one.
 */
import { existsSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { PATIENCE } from "./processes.ts";
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
  /** Errors in the page so far: uncaught ones, and those of the console. */
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
    browser = await chromium.launch({ executablePath, args: FLAGS, timeout: PATIENCE });
  } catch (error) {
    await close();
    return `Chromium does not start: ${String(error).split("\n")[0]}`;
  }
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE);
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

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly args: { readonly name?: string };
  /** Microseconds by the clock, and of the processor. */
  readonly dur?: number;
  readonly tdur?: number;
}

/**
 * Does something and measures the tasks of the page's main thread meanwhile: milliseconds of the processor, so that other work on
 * the machine does not lengthen them. Hosts with a coarse clock of processor time add the time of tasks before, but no task takes
 * more than the time that passes.
 */
export async function withTasks<T>(
  { page }: OpenPage,
  action: () => Promise<T>,
): Promise<{ result: T; tasks: readonly number[] }> {
  const browser = page.context().browser() as Browser;
  await browser.startTracing(page, { categories: ["toplevel"] });
  let trace: Buffer | undefined;
  let result: T;
  try {
    result = await action();
  } finally {
    trace = await browser.stopTracing();
  }
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: readonly TraceEvent[] };
  const main = new Set(
    traceEvents.flatMap(({ name, args, pid, tid }) =>
      name === "thread_name" && args.name === "CrRendererMain" ? [`${pid} ${tid}`] : [],
    ),
  );
  const tasks = traceEvents.filter(
    ({ name, pid, tid }) => name === "ThreadControllerImpl::RunTask" && main.has(`${pid} ${tid}`),
  );
  if (tasks.length === 0) throw new Error("the browser told of no task");
  return { result, tasks: tasks.map(({ dur = 0, tdur = dur }) => Math.min(dur, tdur) / 1000) };
}
