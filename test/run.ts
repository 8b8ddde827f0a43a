/**
 * Runs the tests: every test/**\/*.test.ts, in two processes at a time.
 *
 *   npm test                    all of them
 *   npm test -- kernels/dense   those whose path contains one of the words given
 *   npm run test:fast           all but the slow ones, in less than a minute
 *
 * The first line of a slow file says so, with the seconds of processor time that it takes, and why:
 *
 *   // slow (40 s): the pinned trainings in five kinds of pages
 *
 * Slow files run first, the slowest of them first, each in a process of its own. The others share processes, GROUP of them, one
 * after another in the order of their paths: most of what they take is the start. Each is judged alone. Where a process ends
 * early, the file that it was at has failed, and those that follow run in another process.
 *
 * A test that cannot run here prints a line `SKIP <reason>` and returns; it is counted as skipped. A file fails that has
 * a failing test, ends its process, exceeds the time limit, or runs no test (and skips none); so does the last file of a process
 * that ends with another status than 0, or not by itself. The last line is `N passed, N failed`, with `, N skipped` if there are
 * any; the status is 0 only when tests ran and none failed.
 *
 * With RETRODICT_REQUIRE=all in the environment a test that is skipped has failed: a machine that is to show all must not
 * leave out a browser or an adapter unseen. The one exception are reference data, where the folder that holds them is not
 * there; such reasons begin with "the reference".
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { MARK } from "./helpers/group-mark.ts";

/** Result of one test file. */
interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
  /** One reason for each test that was skipped by printing one. */
  reasons: string[];
  /** A fault of the file as a whole. */
  problem?: string;
}

const root = fileURLToPath(new URL("..", import.meta.url));
const WORKERS = 2;
const GROUP = 8;
/** Seconds for one file, and for the end of its process: only what hangs takes so long, however busy the machine is. */
const LIMIT = 3600;
const LAST = 300;
const running = new Set<ChildProcess>();
const outcomes: Outcome[] = [];
const required = process.env.RETRODICT_REQUIRE ?? "";
if (required !== "" && required !== "all")
  throw new Error(`RETRODICT_REQUIRE: expected "all" or nothing, got "${required}"`);
const hasReference = existsSync(join(root, "../shared/reference"));

/** Whether a reason to skip will do. */
const isExcused = (reason: string): boolean => required === "" || (/^the reference /.test(reason) && !hasReference);

/** Seconds of processor time that the first line of a slow file tells; 0 for others. @throws where that line is not as it has to be. */
function slowness(file: string): number {
  const [line] = readFileSync(join(root, file), "utf8").split("\n", 1);
  if (!/^\W*slow\b/i.test(line)) return 0;
  const [, seconds] = /^\/\/ slow \((\d+) s\): \S/.exec(line) ?? [];
  if (seconds === undefined)
    throw new Error(`${file}: expected a first line like "// slow (40 s): why", got "${line}"`);
  return Number(seconds);
}

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

/** Prints what became of a file, and what it printed if it failed. */
function tell(
  file: string,
  { passed, failed, skipped, reasons, problem }: Outcome,
  output: string,
  seconds: number,
): void {
  const counts = [`${passed} passed`, failed > 0 && `${failed} failed`, skipped > 0 && `${skipped} skipped`];
  console.log(`${failed > 0 ? "FAIL" : "ok  "} ${file}  ${counts.filter(Boolean).join(", ")}  ${seconds.toFixed(1)} s`);
  for (const reason of reasons) console.log(`     skipped: ${reason}`);
  if (failed > 0) console.log(`${output.trimEnd()}\n${problem ? `  ${file}: ${problem}\n` : ""}`);
}

/** Runs files in one process, as far as that gets. @returns the files that it did not get to. */
async function runProcess(files: readonly string[]): Promise<readonly string[]> {
  const child = spawn(process.execPath, ["--import", "tsx", "test/helpers/group.ts", ...files], {
    cwd: root,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" },
  });
  running.add(child);
  let [at, started, output, late] = [-1, performance.now(), "", ""];
  let timer: NodeJS.Timeout | undefined;
  const allow = (seconds: number, what: string): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      late = `${what} more than ${seconds} s and was ended`;
      kill(child);
    }, 1000 * seconds);
  };
  const finish = (ended?: string): void => {
    const outcome = judge(output, ended);
    outcomes.push(outcome);
    tell(files[at], outcome, output, (performance.now() - started) / 1000);
  };
  /** The next file begins, or all are done; the last one has its outcome when the process ends. */
  const proceed = (): void => {
    if (at >= 0 && at < files.length - 1) finish();
    if (++at < files.length) [started, output] = [performance.now(), ""];
    if (at < files.length) allow(LIMIT, "took");
    else allow(LAST, "had not ended by itself after");
  };
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith(MARK)) proceed();
    else output += `${line}\n`;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  allow(LIMIT, "took");
  const ended = await new Promise<string | undefined>((resolve) => {
    child.on("error", (error) => resolve(String(error)));
    child.on("exit", () => setTimeout(kill, 1000, child).unref()); // a grandchild must not hold the output open
    child.on("close", (code, signal) => resolve(code === 0 ? undefined : `ended with ${signal ?? `status ${code}`}`));
  });
  clearTimeout(timer);
  running.delete(child);
  const done = at === files.length;
  at = Math.min(Math.max(at, 0), files.length - 1);
  finish(late || ended || (done ? undefined : "ended before its tests"));
  return files.slice(at + 1);
}

/** Ends the whole run. */
function abandon(): void {
  for (const child of running) kill(child);
  process.exit(1);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, abandon);
const parent = process.ppid;
setInterval(() => process.ppid === parent || abandon(), 500).unref(); // a shell that is killed does not pass it on

const words = process.argv.slice(2).filter((word) => word !== "--fast");
const names = readdirSync(join(root, "test"), { recursive: true }).map((name) => `test/${name}`.replaceAll("\\", "/"));
const files = names
  .filter((name) => name.endsWith(".test.ts") && (words.length === 0 || words.some((word) => name.includes(word))))
  .sort();
const secondsOf = new Map(files.map((file) => [file, slowness(file)]));
const slow = files
  .filter((file) => secondsOf.get(file))
  .sort((a, b) => (secondsOf.get(b) ?? 0) - (secondsOf.get(a) ?? 0));
const others = files.filter((file) => !slow.includes(file));
const queue: (readonly string[])[] = process.argv.includes("--fast") ? [] : slow.map((file) => [file]);
for (let i = 0; i < others.length; i += GROUP) queue.push(others.slice(i, i + GROUP));

const compiler = spawnSync(process.execPath, ["--import", "tsx", "scripts/build-wasm.ts", "--if-stale"], {
  cwd: root,
  stdio: "inherit",
});
const broken = compiler.status === 0 ? 0 : 1;
if (broken) console.log("FAIL assembly/ does not compile, so no test was run");

const work = async (): Promise<void> => {
  for (let group = queue.shift(); group; group = queue.shift()) {
    const rest = await runProcess(group);
    if (rest.length > 0) queue.unshift(rest);
  }
};
if (!broken) await Promise.all(Array.from({ length: WORKERS }, work));

const sum = (key: "passed" | "failed" | "skipped") => outcomes.reduce((total, outcome) => total + outcome[key], 0);
const passed = sum("passed");
const failed = sum("failed") + broken;
const skipped = sum("skipped");
if (files.length === 0) console.log(`no test file matches ${words.join(" ") || "test/**/*.test.ts"}`);
if (failed > 0 || passed === 0) process.exitCode = 1;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
