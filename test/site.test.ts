// slow (40 s): the site is built, and opened in Chromium
// The site: a strict policy, what it loads, the arm under the hand, links, visits without a network, accessibility.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { buildSite, POLICY } from "../scripts/build-site.ts";
import { type ServedSite, serveSite } from "../scripts/serve-site.ts";
import { answer, loadPlain } from "../site/answers.ts";
import { formatLink, parseLink } from "../site/link.ts";
import { plate, rod } from "../site/worker-answers.ts";
import { type OpenPage, withPage, withTasks } from "./helpers/browser.ts";
import { PATIENCE, root } from "./helpers/processes.ts";

/** Bytes before the arm moves, gzipped. */
const MOST_BYTES = 300_000;
/** Sum of the layout shifts of the first view. */
const MOST_SHIFT = 0.01;

const folder = mkdtempSync(join(tmpdir(), "retrodict-site-"));
let served: ServedSite;
test.before(async () => {
  await buildSite(folder);
  served = await serveSite(folder, { policy: POLICY });
});
test.after(async () => {
  await served.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens the site. `sent`: what the server has sent to this page. */
const withSite = (
  use: (open: OpenPage, sent: () => ServedSite["sent"]) => Promise<void>,
  fragment = "",
): Promise<void> => {
  const before = served.sent.length;
  const options = { origin: served.origin, path: `/${fragment}` };
  return withPage(folder, options, (open) => use(open, () => served.sent.slice(before)));
};

/** The value of an expression once it is true. The page's policy forbids to evaluate text there later, so it is asked again and again. */
async function until<T>(page: Page, expression: string): Promise<T> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await page.waitForTimeout(20)) {
    const value = await page.evaluate(expression).catch(() => undefined); // undefined while the page is loaded
    if (value) return value as T;
  }
  throw new Error(`expected ${expression}, got nothing in ${PATIENCE} ms: ${await page.textContent("main")}`);
}

const has = (id: string, pattern: RegExp): string => `${pattern}.test(document.getElementById("${id}").textContent)`;

/** The fingerprint of the draws that a figure shows, once there are some. */
const drawn = (page: Page, id: string, before?: string): Promise<string> =>
  until(page, `((now) => now !== ${JSON.stringify(before)} && now)(document.getElementById("${id}")?.dataset.draws)`);

test("a link is read as it was written, and nothing else is", () => {
  for (const link of [
    { problem: "arm", numbers: [1.6, -0.301], seed: 4294967295 },
    { problem: "plate", numbers: [0.2, 0.8], seed: 0 },
    { problem: "rod", numbers: [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], seed: 7 },
  ] as const)
    assert.equal(parseLink(formatLink(link)), link);
  for (const text of [
    "",
    "#arm=1.6",
    "#arm=1.6,x",
    "#arm=1.6,",
    "#arm=1e9,0",
    "#arm=1,1&seed=-1",
    "#arm=1,1&seed=.5",
    "#eit=1,1",
  ])
    assert.is(parseLink(text), null, text);
});

test("the arm moves after less than 300 kB, and the page keeps its own strict policy and shifts nothing", () =>
  withSite(async ({ page, errors, origin }, sent) => {
    await drawn(page, "arm");
    const bytes = sent().reduce((sum, file) => sum + file.bytes, 0);
    console.log(`gzip, kB before the arm moves: ${(bytes / 1000).toFixed(1)} in ${sent().length} files`);
    assert.ok(bytes <= MOST_BYTES, `${bytes}`);
    await until(page, has("arm-measured", /ms on this device/));
    const shift = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) sum += (entry as unknown as { value: number }).value;
          }).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => resolve(sum), 100);
        }),
    );
    assert.ok(shift <= MOST_SHIFT, `layout shift ${shift}`);
    const origins = await page.evaluate(() =>
      performance.getEntriesByType("resource").map(({ name }) => new URL(name).origin),
    );
    assert.equal([...new Set(origins)], [origin]);
    assert.equal(errors, []); // a violation of the policy is an error in the console
  }));

test("the arm follows the hand under a fourfold slower processor, in tasks of the length that is printed", () =>
  withSite(async (open) => {
    const { page, errors } = open;
    await drawn(page, "arm");
    await until(page, has("arm-measured", /ms on this device/));
    const session = await page.context().newCDPSession(page);
    await session.send("Emulation.setCPUThrottlingRate", { rate: 4 });
    const box = (await page.locator("#arm").boundingBox()) as NonNullable<
      Awaited<ReturnType<ReturnType<Page["locator"]>["boundingBox"]>>
    >;
    const before = await drawn(page, "arm");
    const { tasks } = await withTasks(open, async () => {
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await page.mouse.down();
      for (let k = 1; k <= 40; k++)
        await page.mouse.move(box.x + box.width * (0.5 + 0.005 * k), box.y + box.height * (0.5 - 0.004 * k));
      await page.mouse.up();
      await drawn(page, "arm", before);
    });
    await session.send("Emulation.setCPUThrottlingRate", { rate: 1 });
    const sorted = [...tasks].sort((a, b) => a - b);
    const { length } = sorted;
    console.log(
      `throttled, ms of the processor: the longest of ${length} tasks ${sorted[length - 1].toFixed(1)}; ${await page.textContent("#arm-measured")}`,
    );
    assert.ok(Number(await page.inputValue("#arm-0")) !== 1.6);
    assert.equal(errors, []);
  }));

test("keys move the arm, and the corrected answer says in words how far it can be trusted", () =>
  withSite(async ({ page, errors }) => {
    const before = await drawn(page, "arm");
    await page.focus("#arm-0");
    await page.keyboard.press("ArrowRight");
    await drawn(page, "arm", before);
    assert.is(await page.inputValue("#arm-0"), "1.605");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab"); // the switch
    await page.keyboard.press("ArrowRight");
    await until(page, has("arm-note", /^Exact by .*k̂/));
    await page.keyboard.press("Tab");
    assert.is(await page.evaluate("document.activeElement.id"), "arm-again");
    await until(page, has("said", /Exact by/));
    await page.click("#arm-figure summary");
    assert.is(await page.locator("#arm-table tbody tr").count(), 5);
    assert.equal(errors, []);
  }));

test("a link gives the same draws in another page and in Node, bit by bit", async () => {
  const cases = [
    ["arm", "#arm=1.234,-0.321&seed=9", async () => answer(await loadPlain("arm"), [1.234, -0.321], 9)],
    ["plate", "#plate=0.33,0.52&seed=5", () => plate({ place: [0.33, 0.52], seed: 5 })],
    [
      "rod",
      "#rod=0.9,0.8,0.7,0.6,0.5,0.4,0.3,0.2,0.1&seed=3",
      () => rod({ y: [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1], seed: 3 }),
    ],
  ] as const;
  for (const [id, fragment, inNode] of cases) {
    const expected = (await inNode()).fingerprint;
    await withSite(async ({ page, errors }) => {
      assert.is(await drawn(page, id), expected, fragment);
      assert.equal(errors, []);
    }, fragment);
  }
});

test("the second visit works without a network", () =>
  withSite(async ({ page }) => {
    const expected = await drawn(page, "arm");
    await until(page, "navigator.serviceWorker.getRegistration().then((it) => it?.active?.state === 'activated')");
    await page.context().setOffline(true);
    await page.reload();
    assert.is(await drawn(page, "arm"), expected);
    await page.locator("#rod").scrollIntoViewIfNeeded();
    await drawn(page, "rod");
  }));

test("an automatic check finds no serious fault of accessibility, light and dark, on a phone and a desktop", () =>
  withSite(async ({ page }) => {
    const axe = join(root, "node_modules/axe-core/axe.min.js");
    if (!existsSync(axe)) return console.log("SKIP axe-core is not installed: npm ci");
    const source = readFileSync(axe, "utf8");
    await drawn(page, "arm");
    for (const colorScheme of ["light", "dark"] as const)
      for (const width of [360, 1440]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        const session = await page.context().newCDPSession(page); // from outside of the page's policy
        const run = `${source};axe.run().then(({ violations }) => JSON.stringify(violations.map(({ id, impact, nodes }) => [id, impact, nodes.map((n) => n.html).join(" ")])))`;
        const { result } = await session.send("Runtime.evaluate", {
          expression: run,
          awaitPromise: true,
          returnByValue: true,
        });
        const violations = JSON.parse(String(result.value)) as [string, string, string][];
        for (const violation of violations) console.log(...violation);
        const serious = violations.filter(([, impact]) => impact === "serious" || impact === "critical");
        assert.equal(serious, []);
        const wide = await page.evaluate("document.documentElement.scrollWidth");
        assert.ok((wide as number) <= width, `${wide} px wide on a screen of ${width}`);
      }
  }));

test.run();
