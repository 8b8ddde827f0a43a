/** Pages in Firefox as the system has it, whose engine is SpiderMonkey: playwright-core drives only a Firefox of its own. */
import { existsSync } from "node:fs";
import { PATIENCE } from "./processes.ts";
import { type ServeOptions, serve } from "./server.ts";

const PLACES = ["/usr/bin/firefox-esr", "/usr/bin/firefox"];

/** Opens index.html of a folder, calls a function of its lab, and closes all; prints why it is skipped if there is no Firefox. */
export async function askInFirefox(
  options: ServeOptions,
  use: (ask: <T>(name: string, ...args: readonly unknown[]) => Promise<T>) => Promise<void>,
): Promise<void> {
  const executablePath = [process.env.FIREFOX ?? "", ...PLACES].find((path) => path && existsSync(path));
  if (executablePath === undefined) return console.log("SKIP Firefox is not installed");
  const { launch } = await import("puppeteer-core");
  const server = await serve(options);
  try {
    const limits = { timeout: PATIENCE, protocolTimeout: PATIENCE };
    const browser = await launch({ browser: "firefox", executablePath, headless: true, ...limits });
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(PATIENCE);
      await page.goto(`${server.origin}/index.html`);
      await page.waitForFunction("'lab' in window");
      await use(
        (name, ...args) => page.evaluate(`lab[${JSON.stringify(name)}](...${JSON.stringify(args)})`) as Promise<never>,
      );
    } finally {
      await browser.close();
    }
  } finally {
    await server.close();
  }
}
