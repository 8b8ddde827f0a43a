/**
 * `npm run bench fuzz [-- --only csv,npy] [--seed 1] [--cases 0.1] [--input 1234]`: every reader of bytes from elsewhere on mutations of
 * valid inputs. Counted are
 *
 *   crashes     errors that are not the library's own: of another class than Error, marked "internal:", or caused by such an error
 *   slow        inputs that take more than 2 s of processor time
 *   large       inputs during which the process grows by more than 300 MB
 *   non-finite  answers that hold NaN or an infinity
 *
 * The column "read" counts inputs that are read without an error: mutations that leave a valid input.
 * Input i of a target is a function of the seed and i, so what is told can be tried again (--only TARGET --input i). A run without any
 * finding has status 0. --cases is a share of the inputs.
 */
import { Worker } from "node:worker_threads";
import { randomOf } from "./fuzz/mutate.ts";
import { type Target, targets } from "./fuzz/targets.ts";
import { cpuSeconds, hardware, table } from "./report.ts";

const SLOW_S = 2;
const LARGE_MB = 300;
/** Seconds after which an input counts as one that never ends. */
const HANGS_S = 120;
const SHOWN = 5;

const kinds = ["crashes", "slow", "large", "non-finite"] as const;
type Kind = (typeof kinds)[number];

interface Options {
  readonly only?: string;
  readonly seed?: string;
  readonly cases?: string;
  readonly input?: string;
}

/** Whether an error is one that the library meant, and everything that it was made from, too: JSON has errors of its own. */
function isOwn(error: unknown): boolean {
  if (!(error instanceof Error) || /^internal:|internal: /.test(error.message)) return false;
  const own = error.constructor === Error || error instanceof SyntaxError || error.name === "TrainingStopped";
  return own && (error.cause === undefined || isOwn(error.cause));
}

/** The place of the first number that is not finite, or null. */
function oddNumber(value: unknown, path = ""): string | null {
  if (typeof value === "number") return Number.isFinite(value) ? null : `${path}: ${value}`;
  if (ArrayBuffer.isView(value)) {
    const at = (value as Float64Array).findIndex((x) => !Number.isFinite(x));
    return at < 0 ? null : `${path}[${at}]: ${(value as Float64Array)[at]}`;
  }
  if (typeof value !== "object" || value === null) return null;
  for (const [key, entry] of Object.entries(value)) {
    const odd = oddNumber(entry, `${path}.${key}`);
    if (odd !== null) return odd;
  }
  return null;
}

/** Ends the process if an input never ends; a thread of its own, because the main one would then not look. */
function watchdog(): { tell(target: number, input: number): void; end(): Promise<number> } {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const names = Object.keys(targets);
  const code = `
    const { workerData: { shared, names } } = require("node:worker_threads");
    let [last, since] = ["", Date.now()];
    setInterval(() => {
      const now = shared.join();
      if (now !== last) [last, since] = [now, Date.now()];
      else if (Date.now() - since > ${1000 * HANGS_S}) {
        require("node:fs").writeSync(2, \`hangs: \${names[shared[0]]}, input \${shared[1]}\\n\`);
        process.kill(process.pid, "SIGKILL");
      }
    }, 1000);`;
  const worker = new Worker(code, { eval: true, execArgv: [], workerData: { shared, names } });
  worker.unref();
  return {
    tell: (target, input) => void shared.set([target, input]),
    end: () => worker.terminate(),
  };
}

/** What is found at one input, and whether it is read without an error. */
async function tryInput(
  { make, read }: Target,
  seed: number,
  i: number,
): Promise<{ found: [Kind, string][]; accepted: boolean }> {
  const input = make(randomOf(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(i + 1, 0x85ebca6b)));
  const found: [Kind, string][] = [];
  let accepted = true;
  const [resident, before] = [process.memoryUsage.rss(), cpuSeconds()];
  try {
    const odd = oddNumber(await read(input));
    if (odd !== null) found.push(["non-finite", odd]);
  } catch (error) {
    accepted = false;
    if (!isOwn(error)) found.push(["crashes", (error as Error)?.stack?.slice(0, 700) ?? String(error)]);
  }
  const took = cpuSeconds() - before;
  if (took > SLOW_S) found.push(["slow", `${took.toFixed(1)} s for ${input.length} bytes`]);
  const grown = process.resourceUsage().maxRSS / 1024 - resident / 2 ** 20; // the peak, which never falls
  if (grown > LARGE_MB && process.memoryUsage.rss() > peak)
    found.push(["large", `${grown.toFixed(0)} MB for ${input.length} bytes`]);
  peak = Math.max(peak, process.resourceUsage().maxRSS * 1024);
  return { found, accepted };
}
let peak = 0;

export async function fuzz({ only, seed: given = "1", cases = "1", input }: Options): Promise<void> {
  console.log(hardware());
  const [seed, share, started] = [Number(given), Number(cases), performance.now()];
  const dog = watchdog();
  console.log(`seed ${seed}`);
  const rows = [["reader", "inputs", "read", ...kinds, "CPU s"]];
  const all: Record<Kind, number> & { inputs: number; read: number } = {
    inputs: 0,
    read: 0,
    crashes: 0,
    slow: 0,
    large: 0,
    "non-finite": 0,
  };
  for (const [t, name] of Object.keys(targets).entries()) {
    if (only !== undefined && !only.split(",").includes(name)) continue;
    const target = await targets[name]();
    const [from, to] = input === undefined ? [0, Math.ceil(share * target.count)] : [Number(input), Number(input) + 1];
    const counts: Record<Kind, number> = { crashes: 0, slow: 0, large: 0, "non-finite": 0 };
    let read = 0;
    const seen = new Map<string, number>();
    const begun = cpuSeconds();
    peak = process.resourceUsage().maxRSS * 1024;
    for (let i = from; i < to; i++) {
      dog.tell(t, i);
      const { found, accepted } = await tryInput(target, seed, i);
      if (accepted) read++;
      for (const [kind, text] of found) {
        counts[kind]++;
        all[kind]++;
        const like = `${kind} ${text.replace(/\d+/g, "").slice(0, 120)}`;
        seen.set(like, (seen.get(like) ?? 0) + 1);
        if (seen.get(like) === 1 && seen.size <= SHOWN * 4) console.log(`${name}, input ${i}: ${kind}: ${text}`);
      }
    }
    console.log(`${name}: ${read} of ${to - from} inputs are read`);
    all.inputs += to - from;
    all.read += read;
    rows.push([
      name,
      `${to - from}`,
      `${read}`,
      ...kinds.map((kind) => `${counts[kind]}`),
      (cpuSeconds() - begun).toFixed(0),
    ]);
  }
  await dog.end();
  rows.push(["all", `${all.inputs}`, `${all.read}`, ...kinds.map((kind) => `${all[kind]}`), cpuSeconds().toFixed(0)]);
  console.log(`\n${table(rows)}\n${((performance.now() - started) / 60_000).toFixed(1)} min of wall time`);
  if (kinds.some((kind) => all[kind] > 0)) process.exitCode = 1;
}
