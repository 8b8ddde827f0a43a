/**
 * Runs the tests: every test/**\/*.test.ts in a Node process of its own, two at a time.
 *
 *   npm test                    all of them
 *   npm test -- kernels/dense   those whose path contains one of the words given
 *
 * A test that cannot run here prints a line `SKIP <reason>` and returns; it is counted as skipped. A file fails that has
 * a failing test, ends with another status than 0, exceeds the time limit, or runs no test (and skips none). The last
 * line is `N passed, N failed`, with `, N skipped` if there are any; the status is 0 only when tests ran and none failed.
 *
 * With RETRODICT_REQUIRE=all in the environment a test that is skipped has failed: a machine that is to show all must not
 * leave out a browser or an adapter unseen. The one exception are reference data, where the folder that holds them is not
 * there; such reasons begin with "the reference".
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What one test file did. */
interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
  /** One reason for each test that was skipped by printing one. */
  reasons: string[];
  /** What is wrong with the file as a whole, if anything. */
  problem?: string;
}

const root = fileURLToPath(new URL("..", import.meta.url));
const workers = 2;
const limit = 600_000; // ms for one file: Jacobians of all problems by the oracle take two minutes, four on a busy machine
const running = new Set<ChildProcess>();
const required = process.env.RETRODICT_REQUIRE ?? "";
if (required !== "" && required !== "all")
  throw new Error(`RETRODICT_REQUIRE: expected "all" or nothing, got "${required}"`);
const hasReference = existsSync(join(root, "../shared/reference"));

/** Whether a reason to skip will do. */
const isExcused = (reason: string): boolean => required === "" || (/^the reference /.test(reason) && !hasReference);

/** Ends a test process with all that it started: each one leads a process group of its own. */
function kill(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    child.kill("SIGKILL"); // no such group: it has ended, or the host has no groups
  }
}

/** Sums the lines like `Passed: 3` that uvu closes with; undefined where there is none. */
function count(output: string, label: "Total" | "Passed" | "Skipped"): number | undefined {
  const found = [...output.matchAll(new RegExp(`^ {2}${label}: +(\\d+)$`, "gm"))];
  return found.length === 0 ? undefined : found.reduce((sum, [, n]) => sum + Number(n), 0);
}

/** Reads what one test process printed; `ended` says how it ended if not with status 0. */
function judge(output: string, ended: string | undefined): Outcome {
  const reasons = [...output.matchAll(/^(?:.*[•✘] )?SKIP (.+)$/gm)].map(([, reason]) => reason.trim());
  const total = count(output, "Total") ?? 0;
  const returned = count(output, "Passed") ?? 0; // without an error: those that printed SKIP are among them
  const unnamed = count(output, "Skipped") ?? 0; // by uvu's own test.skip, which gives no reason
  const missed = reasons.filter((reason) => !isExcused(reason));
  const refused = missed.length + (required === "" ? 0 : unnamed);
  const skipped = unnamed + reasons.length - refused;
  const outcome: Outcome = {
    passed: Math.max(0, returned - reasons.length),
    failed: total - returned + refused,
    skipped,
    reasons,
  };
  if (refused > 0) outcome.problem = `skipped what RETRODICT_REQUIRE=all asks for: ${missed.join("; ") || "test.skip"}`;
  if (outcome.failed > 0) return outcome;
  if (ended) outcome.problem = ended;
  else if (total === 0 && skipped === 0) outcome.problem = "ran no test (is `test.run()` missing?)";
  if (outcome.problem) outcome.failed = 1;
  return outcome;
}

/** Runs one file and prints what it printed when it failed. */
async function runFile(file: string): Promise<Outcome> {
  const started = performance.now();
  const child = spawn(process.execPath, ["--import", "tsx", file], {
    cwd: root,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" },
  });
  running.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill(child);
  }, limit);
  const ended = await new Promise<string | undefined>((resolve) => {
    child.on("error", (error) => resolve(String(error)));
    child.on("exit", () => setTimeout(kill, 1000, child).unref()); // a grandchild must not hold the output open
    child.on("close", (code, signal) => resolve(code === 0 ? undefined : `ended with ${signal ?? `status ${code}`}`));
  });
  clearTimeout(timer);
  running.delete(child);
  const outcome = judge(output, late ? `took more than ${limit / 1000} s and was ended` : ended);
  const { passed, failed, skipped, reasons, problem } = outcome;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const counts = [`${passed} passed`, failed > 0 && `${failed} failed`, skipped > 0 && `${skipped} skipped`];
  console.log(`${failed > 0 ? "FAIL" : "ok  "} ${file}  ${counts.filter(Boolean).join(", ")}  ${seconds} s`);
  for (const reason of reasons) console.log(`     skipped: ${reason}`);
  if (failed > 0) console.log(`${output.trimEnd()}\n${problem ? `  ${file}: ${problem}\n` : ""}`);
  return outcome;
}

/** Ends the whole run. */
function abandon(): void {
  for (const child of running) kill(child);
  process.exit(1);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, abandon);
const parent = process.ppid;
setInterval(() => process.ppid === parent || abandon(), 500).unref(); // a shell that is killed does not pass it on

const words = process.argv.slice(2);
const names = readdirSync(join(root, "test"), { recursive: true }).map((name) => `test/${name}`.replaceAll("\\", "/"));
const files = names
  .filter((name) => name.endsWith(".test.ts") && (words.length === 0 || words.some((word) => name.includes(word))))
  .sort();

const compiler = spawnSync(process.execPath, ["--import", "tsx", "scripts/build-wasm.ts", "--if-stale"], {
  cwd: root,
  stdio: "inherit",
});
const broken = compiler.status === 0 ? 0 : 1;
if (broken) console.log("FAIL assembly/ does not compile, so no test was run");

const outcomes: Outcome[] = [];
const queue = (broken ? [] : files).values();
const work = async () => {
  for (const file of queue) outcomes.push(await runFile(file));
};
await Promise.all(Array.from({ length: workers }, work));

const sum = (key: "passed" | "failed" | "skipped") => outcomes.reduce((total, outcome) => total + outcome[key], 0);
const passed = sum("passed");
const failed = sum("failed") + broken;
const skipped = sum("skipped");
if (files.length === 0) console.log(`no test file matches ${words.join(" ") || "test/**/*.test.ts"}`);
if (failed > 0 || passed === 0) process.exitCode = 1;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
