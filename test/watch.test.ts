// slow (10 s): the example trains a small map
// The example of a structure that is watched: as a process, and as a page with the model that the process keeps.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { withPage } from "./helpers/browser.ts";
import { buildPrograms } from "./helpers/package.ts";
import { root, runScript } from "./helpers/processes.ts";

buildPrograms();
const folder = mkdtempSync(join(tmpdir(), "retrodict-watch-"));
test.after(() => rmSync(folder, { recursive: true }));
const here = join(folder, "examples", "watch");
const model = join(here, "watch.safetensors");
mkdirSync(here, { recursive: true });

test("the process tells the tilt each second, alarms once the structure leans, and keeps its model", () => {
  const args = ["--model", model, "--steps", "800", "--seconds", "20", "--at-once"];
  const { status, out, err } = runScript("examples/watch/watch.js", args);
  assert.is(status, 0, err);
  const lines = [...out.matchAll(/^second (\d+): tilt (-?[\d.]+) ± ([\d.]+) mrad, (\d+) readings lost/gm)];
  const found = lines.map(([, second, tilt, sd, lost]) => [second, tilt, sd, lost].map(Number));
  assert.ok(found.length >= 18, out);
  assert.ok(
    found.some(([, , , lost]) => lost > 50),
    "a fault of the radio",
  );
  // The sensor leans from 0 to 1 mrad between the seconds 10 and 11; a window of 100 readings may reach back for some seconds.
  for (const [second, tilt, sd] of found) {
    if (second > 3 && second <= 10) assert.ok(Math.abs(tilt) < 4.5 * sd, `second ${second}: ${tilt}`);
    if (second > 15) assert.ok(Math.abs(tilt - 1) < 4.5 * sd, `second ${second}: ${tilt}`);
  }
  assert.match(out, /^second 20: .*: ALARM/m);
  assert.not.match(out, /^second [1-9]: .*: ALARM/m);
});

test("the page shows the same", () => {
  for (const name of ["index.html", "sensor.js"]) copyFileSync(join(root, "examples/watch", name), join(here, name));
  for (const name of ["dist", "models"]) symlinkSync(join(root, name), join(folder, name));
  return withPage(folder, { path: "/examples/watch/index.html?pause=0" }, async ({ page, errors }) => {
    await page.waitForFunction("document.body.dataset.done === 'yes'");
    assert.match((await page.textContent("#now")) ?? "", /^After 60 s: (0\.[789]|1\.[0123])\d ± 0\.\d\d mrad$/);
    assert.ok((await page.locator("circle").count()) >= 57);
    assert.equal(errors, []);
  });
});

test.run();
