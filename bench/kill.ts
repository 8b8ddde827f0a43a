/**
 * `npm run bench kill [-- --cases 60]`: trainings on the command line that are killed (SIGKILL) at a random moment and resumed from
 * their checkpoint. Each must end with the bits of the training that nobody killed, its curve of losses included, and leave no
 * temporary file and no checkpoint. The moments lie between the first checkpoint and the end, because before there are no steps to lose.
 * Work lost is the time between the last checkpoint on disk and the kill, in per cent of all that time.
 *
 * The trainings are small but long: the module of their problem stretches each pause between two chunks of steps, so that they take
 * 30 s of wall time and a few seconds of processor time. It needs the built package (npm run build).
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { randomWord } from "../src/numbers/random.ts";
import { decodeModel } from "../src/store/model-file.ts";
import { hardware, table } from "./report.ts";

const SEED = 11;
const CASES = 60;
const AT_ONCE = 2;
const CHECKPOINT_S = 1;
/** Milliseconds of a pause between two chunks of steps. */
const PAUSE_MS = 800;
/** A copy: the package may be built anew meanwhile. */
const dist = fs.mkdtempSync(join(tmpdir(), "retrodict-dist-"));

/** Trainings that differ in everything that a checkpoint holds. */
const trainings: Readonly<Record<string, readonly string[]>> = {
  "gaussian, npe": ["forward", "--guide", "gaussian", "--steps", "400", "--batch", "32"],
  "spline, npe": ["forward", "--guide", "spline", "--steps", "120", "--batch", "32"],
  "coupling, elbo": [
    "forward",
    "--guide",
    "coupling",
    "--objective",
    "elbo",
    "--particles",
    "2",
    "--steps",
    "40",
    "--batch",
    "32",
  ],
  "amsgrad, simulator": ["simulator", "--guide", "mixture", "--preset", "amsgrad", "--simulations", "1000"],
};

const moduleOf = (model: string): string => `
import { defineProblem, gaussianNoise, normal } from "${pathToFileURL(join(dist, "index.js"))}";
import { square } from "${pathToFileURL(join(dist, "ops.js"))}";
const wait = setTimeout;
globalThis.setTimeout = (f, ms, ...rest) => wait(f, ms === 0 ? ${PAUSE_MS} : ms, ...rest);
const amsgrad = { mixture: { optimiser: "amsgrad", steps: 200, batch: 32 } };
export default defineProblem({
  name: "slow", prior: normal([0, 0], [1, 1]), data: 2, noise: gaussianNoise(0.1), presets: { amsgrad },
  ${model === "forward" ? "forward: square" : "simulate: (rows) => rows.map(([a, b]) => [a * a, b * b])"},
});`;

interface Run {
  readonly status: number | null;
  readonly err: string;
  /** When its first checkpoint was on disk, and when its process ended, ms. */
  readonly begun: number;
  readonly ended: number;
}

/** Runs a training; kills it some seconds after its first checkpoint. */
function retrodict(folder: string, args: readonly string[], killAfter = Number.POSITIVE_INFINITY): Promise<Run> {
  const child = spawn(process.execPath, [join(dist, "cli.js"), ...args], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let [err, begun] = ["", Number.NaN];
  let timer: NodeJS.Timeout | undefined;
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    if (!Number.isNaN(begun) || !err.includes("keeps a checkpoint")) return;
    begun = Date.now();
    if (Number.isFinite(killAfter)) timer = setTimeout(() => child.kill("SIGKILL"), 1000 * killAfter);
  });
  return new Promise((done) =>
    child.on("close", (status) => {
      clearTimeout(timer);
      done({ status, err, begun, ended: Date.now() });
    }),
  );
}

const argsOf = (name: string): string[] => {
  const [model, ...options] = trainings[name];
  return [
    "train",
    `${model}.mjs`,
    "--out",
    "model",
    ...options,
    "--held-out",
    "256",
    "--kernels",
    "plain",
    "--checkpoint-every",
    `${CHECKPOINT_S}`,
  ];
};

function folderOf(name: string): string {
  const folder = fs.mkdtempSync(join(tmpdir(), "retrodict-kill-"));
  fs.writeFileSync(join(folder, `${trainings[name][0]}.mjs`), moduleOf(trainings[name][0]));
  return folder;
}

/** Everything of a model file but the time that it took. */
async function contentOf(folder: string): Promise<string> {
  const { spec, tensors } = await decodeModel(fs.readFileSync(join(folder, "model")));
  const { seconds: _seconds, ...training } = spec.training;
  const bits = Object.entries(tensors).map(([key, { data }]) => [key, Buffer.from(data.buffer).toString("base64")]);
  return JSON.stringify([{ ...spec, training }, bits]);
}

interface Outcome {
  readonly lost: number;
  /** What went wrong, or "". */
  readonly fault: string;
}

/** One training: killed at a share of its time, and resumed. */
async function killed(name: string, at: number, whole: { content: string; seconds: number }): Promise<Outcome> {
  const folder = folderOf(name);
  try {
    const first = await retrodict(folder, argsOf(name), at * whole.seconds);
    if (first.status === 0) return { lost: 0, fault: (await contentOf(folder)) === whole.content ? "" : "other bits" };
    const checkpoint = join(folder, "model.checkpoint.safetensors");
    const lost = (first.ended - fs.statSync(checkpoint).mtimeMs) / 1000 / whole.seconds;
    const rest = await retrodict(folder, [...argsOf(name), "--resume", "model.checkpoint.safetensors"]);
    if (rest.status !== 0) return { lost, fault: rest.err.trim().split("\n").pop() ?? "failed" };
    if ((await contentOf(folder)) !== whole.content) return { lost, fault: "other bits" };
    const left = fs
      .readdirSync(folder)
      .filter((file) => /tmp$|checkpoint/.test(file) && file !== "model.checkpoint.safetensors");
    return { lost, fault: left.join(" ") };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;

export async function kill({ cases }: { cases?: string }): Promise<void> {
  console.log(hardware());
  fs.cpSync(resolve(import.meta.dirname, "../dist"), dist, {
    recursive: true,
    filter: (file) => !/types|\.map$/.test(file),
  });
  const names = Object.keys(trainings);
  const count = Number(cases ?? CASES);
  const jobs = Array.from({ length: count }, (_, i) => ({
    name: names[i % names.length],
    at: randomWord(SEED, 5, 0, i, 0) / 2 ** 32,
  }));
  const wholes = new Map<string, { content: string; seconds: number }>();
  const whole = async (name: string): Promise<void> => {
    const folder = folderOf(name);
    const { status, err, begun, ended } = await retrodict(folder, argsOf(name));
    if (status !== 0) throw new Error(`${name}: ${err}`);
    const seconds = (ended - begun) / 1000;
    wholes.set(name, { content: await contentOf(folder), seconds });
    fs.rmSync(folder, { recursive: true });
    console.log(`${name}: ${seconds.toFixed(1)} s`);
  };
  const outcomes: (Outcome & { name: string })[] = [];
  const cut = async ({ name, at }: (typeof jobs)[number]): Promise<void> => {
    const outcome = await killed(name, at, wholes.get(name) as { content: string; seconds: number });
    outcomes.push({ ...outcome, name });
    console.log(`${name}, killed at ${percent(at)}: ${percent(outcome.lost)} lost ${outcome.fault || "same bits"}`);
  };
  const inTurn = async (list: Iterator<() => Promise<void>>): Promise<void> => {
    for (let next = list.next(); !next.done; next = list.next()) await next.value();
  };
  for (const list of [names.map((name) => () => whole(name)), jobs.map((job) => () => cut(job))]) {
    const queue = list.values();
    await Promise.all(Array.from({ length: AT_ONCE }, () => inTurn(queue)));
  }
  console.log(
    table([
      ["training", "killed", "same bits", "work lost: mean", "worst"],
      ...[...names, "all"].map((name) => {
        const own = outcomes.filter((o) => name === "all" || o.name === name);
        const lost = own.map((o) => o.lost);
        const mean = lost.reduce((a, b) => a + b, 0) / lost.length;
        return [
          name,
          `${own.length}`,
          `${own.filter((o) => o.fault === "").length}`,
          percent(mean),
          percent(Math.max(...lost)),
        ];
      }),
    ]),
  );
  fs.rmSync(dist, { recursive: true });
  if (outcomes.some(({ fault }) => fault !== "")) process.exitCode = 1;
}
