/** `retrodict train PROBLEM --out FILE`: learns an inverse map and saves it. Ctrl-C saves a checkpoint. */
import { InvalidArgumentError } from "commander";
import { isDecimal } from "../checks/decimal.ts";
import { type OptionsOf, oneOf, option, pickOptions, whole } from "../checks/options.ts";
import { checkWritable, removeFile } from "../host/files.ts";
import type { Problem } from "../problem/problem.ts";
import { taken } from "../store/observations.ts";
import { loadPairs } from "../store/pairs-file.ts";
import { loadCheckpoint, save, saveCheckpoint, saveTable } from "../store/store.ts";
import { surrogateTable } from "../surrogate/options.ts";
import { type Checkpoint, TrainingStopped } from "../train/checkpoint.ts";
import { fullSettings, presetNames, type TrainOptions, trainTable } from "../train/options.ts";
import { train } from "../train/train.ts";
import { weightsText } from "../train/warnings.ts";
import {
  addOptions,
  type CliCommand,
  type ComputeOptions,
  type Output,
  type Result,
  shellWord,
  UsageError,
  withFile,
} from "./command.ts";
import { exit } from "./guard.ts";
import { writeOrKeep, writeResult } from "./keep.ts";
import { findProblemArgument } from "./problem-argument.ts";
import { progressView, simulationView } from "./progress.ts";
import { surrogateJson, surrogateOf } from "./surrogate-step.ts";
import { formatNumber, formatTime } from "./table.ts";

/** Options of `train` that a preset may set, and others. */
const SETTINGS = ["guide", "objective", "steps", "batch", "particles", "rate", "heldOut"] as const;
const OPTIONS = ["preset", "seconds", "seed", "bankFile", "checkpointEvery"] as const;
/** Options of other functions, and options with other names here. */
const ownTable = {
  precision: saveTable.precision,
  simulations: option(whole(1), undefined, trainTable.bank.help),
  bankNoise: option(
    oneOf("add", "included"),
    undefined,
    "add: Y is noise-free, and noise is added (default); included: Y contains noise",
  ),
  surrogateSteps: surrogateTable.steps,
};

interface Options
  extends ComputeOptions,
    Pick<TrainOptions, (typeof SETTINGS | typeof OPTIONS)[number]>,
    OptionsOf<typeof ownTable> {
  readonly out: string;
  readonly resume?: string;
  readonly surrogate?: boolean;
  readonly bank?: readonly string[];
  readonly missing?: TrainOptions["missing"];
  readonly noiseScale?: readonly [number, number];
}

const checkpointPath = (out: string): string => `${out.replace(/\.safetensors$/, "")}.checkpoint.safetensors`;

/** The command that continues from a checkpoint: the present one with another --resume. */
function resumeCommand(checkpoint: string): string {
  const given = process.argv.slice(2);
  const kept = given.filter((word, i) => !/^--resume(=|$)/.test(word) && given[i - 1] !== "--resume");
  return ["retrodict", ...kept, "--resume", checkpoint].map(shellWord).join(" ");
}

const resumeFrom = (path: string): Promise<Checkpoint> =>
  loadCheckpoint(path).catch((error) => {
    throw withFile(path, error);
  });

/** The signals that end a training, SIGHUP when its terminal is closed, and the status at a second one. */
const STATUS: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** A signal that aborts at the first Ctrl-C. A second Ctrl-C ends the process at once. */
function abortOnInterrupt(onAbort: () => void): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) exit(STATUS[name] ?? 1);
    controller.abort(new Error("train: stopped"));
    onAbort();
  };
  const names = Object.keys(STATUS) as NodeJS.Signals[];
  for (const name of names) process.on(name, stop);
  const release = (): void => {
    for (const name of names) process.off(name, stop);
  };
  return { signal: controller.signal, release };
}

/** The two files of --bank; commander alone would take any number. */
function twoFiles(path: string, before: readonly string[] = []): readonly string[] {
  if (before.length < 2) return [...before, path];
  throw new InvalidArgumentError("Expected two files, THETA and Y; put PROBLEM before --bank.");
}

/** Numbers from A to B: "0.5,2". */
function numbersOf(text: string, count: readonly number[], what: string): number[] {
  const words = text.split(",");
  if (!count.includes(words.length) || !words.every(isDecimal)) throw new InvalidArgumentError(`Expected ${what}.`);
  return words.map(Number);
}

/** --missing: any, a rate, or the ends of a range of rates. */
function missingOf(text: string): TrainOptions["missing"] {
  if (text === "any") return "any";
  const [low, high = low] = numbersOf(text, [1, 2], "any, a rate, or two rates, such as 0,0.9");
  return { rate: [low, high] };
}

/** --noise-scale: the ends of a range. */
const scalesOf = (text: string): readonly [number, number] => {
  const [low, high] = numbersOf(text, [2], "two numbers, such as 0.5,2");
  return [low, high];
};

/** The bank: pairs from files, or a number of simulations. @throws UsageError on options that contradict each other. */
async function bankOf(problem: Problem, options: Options, output: Output): Promise<TrainOptions["bank"]> {
  const { bank, bankNoise, bankFile, simulations } = options;
  if (bankFile !== undefined && problem.simulate === null)
    throw new UsageError(`--bank-file: expected a problem with simulate(), got "${problem.name}", which has none`);
  if (bank === undefined) {
    if (problem.forward === null && problem.simulate === null)
      throw new UsageError(
        `--bank: expected two files, THETA and Y, because "${problem.name}" has no simulator; got none`,
      );
    if (bankNoise !== undefined) throw new UsageError("--bank-noise: expected --bank THETA Y too, got no --bank");
    return simulations;
  }
  if (bank.length !== 2) throw new UsageError(`--bank: expected two files, THETA and Y, got ${bank.length}`);
  if (simulations !== undefined) throw new UsageError("--simulations: expected no --bank, got both");
  if (bankFile !== undefined) throw new UsageError("--bank-file: expected no --bank, got both");
  if (options.objective === "elbo")
    throw new UsageError(
      "--objective: expected npe, because pairs from files (--bank) allow no other objective, got elbo",
    );
  const { warnings = [], ...pairs } = await loadPairs(bank[0], bank[1], bankNoise);
  for (const [path, names] of [
    [bank[0], pairs.columns?.theta],
    [bank[1], pairs.columns?.y],
  ] as const)
    for (const text of taken({ names: names ?? null })) output.note(`${path}: ${text}`);
  for (const text of warnings) output.warn(text);
  return pairs;
}

/** Saves the checkpoint of a stopped training, and says how to continue. */
async function keepCheckpoint(stopped: TrainingStopped, out: string): Promise<Error> {
  const { step } = stopped.checkpoint;
  const save = (path: string): Promise<void> => saveCheckpoint(stopped.checkpoint, path);
  const { path, reason } = await writeOrKeep(checkpointPath(out), save);
  const kept = `${reason === undefined ? "" : `${reason.message}; `}saved step ${step} to "${path}"`;
  const next = stopped.reason !== "diverged" ? `${kept}; continue with: ${resumeCommand(path)}` : kept;
  return new Error(`${stopped.message}; ${next}`, { cause: stopped });
}

/** The options of `train`. @throws UsageError on options that do not go together, or not with the problem. */
async function settingsOf(problem: Problem, options: Options, output: Output): Promise<TrainOptions> {
  const { preset, bankFile, out } = options;
  const settings = {
    ...pickOptions(trainTable, { ...options, resume: undefined }),
    ...(options.noiseScale && { noise: { scale: options.noiseScale } }),
    bank: await bankOf(problem, options, output),
  };
  const names = presetNames(problem);
  if (preset !== undefined && !names.includes(preset))
    throw new UsageError(`--preset: expected ${names.join(", ")}, got "${preset}"`);
  for (const file of [out, bankFile]) if (file !== undefined) await checkWritable(file); // before hours of training
  return settings;
}

async function run([name]: readonly string[], options: Options, output: Output): Promise<Result> {
  const { out, surrogate: bySurrogate = false, surrogateSteps, precision } = options;
  if (surrogateSteps !== undefined && !bySurrogate)
    throw new UsageError("--surrogate-steps: expected --surrogate too, got no --surrogate");
  const given = await findProblemArgument(name);
  const settings = await settingsOf(given, options, output);
  const { guide, objective, steps, batch, budget, pairs } = fullSettings(given, settings);
  const length = budget ? `${budget.seconds} s of steps` : `${steps} steps`;
  const resume = options.resume === undefined ? undefined : await resumeFrom(options.resume);
  const from = resume ? ` from step ${resume.step}` : "";
  if (pairs) output.note(`${pairs.train.count} pairs to train on, ${pairs.heldOut.count} held out`);
  const [simulating, view] = [simulationView(output), progressView(output)];
  const stop = (): void => {
    simulating.stop();
    view.stop();
  };
  let keeping = false;
  const onCheckpoint = async (checkpoint: Checkpoint): Promise<void> => {
    const path = checkpointPath(out);
    await saveCheckpoint(checkpoint, path);
    if (!keeping)
      output.note(`keeps a checkpoint in "${path}"; if this process is killed, continue with: ${resumeCommand(path)}`);
    keeping = true;
  };
  const { signal, release } = abortOnInterrupt(() => {
    stop();
    output.note("stopping; press Ctrl-C again to end at once");
  });
  try {
    const fitted = bySurrogate
      ? await surrogateOf(given, { ...settings, steps: surrogateSteps }, signal, output)
      : undefined;
    const problem = fitted ?? given;
    output.note(
      `${problem.name}: ${problem.D} parameters, ${problem.M} data; ${guide.name} guide, ${objective}, ${length} of ${batch}${from}`,
    );
    const map = await train(problem, {
      ...settings,
      resume,
      signal,
      onSimulate: (p) => {
        if (signal.aborted) return;
        simulating.update(p);
        if (p.done === p.count) simulating.stop();
      },
      onWarning: (message) => {
        stop();
        output.warn(message);
      },
      onCheckpoint,
      onProgress: (p) => signal.aborted || view.update(p),
    });
    stop();
    await writeResult(out, "the trained model is", (path) => save(map, path, { precision }));
    if (keeping) await removeFile(checkpointPath(out)); // there is nothing to continue any more
    const { training } = map.spec;
    const { heldOut, weights } = training;
    const measured = weights ? `; on held-out observations ${weightsText(weights)}` : "";
    const best = `held-out loss ${formatNumber(heldOut.best)} at step ${heldOut.bestStep}${measured}`;
    output.note(`${best}, ${formatTime(training.seconds)}; saved "${out}"`);
    const { parameters, guide: used } = map.spec;
    const told = fitted ? surrogateJson(fitted) : {};
    return { json: { model: out, problem: problem.name, parameters, guide: used, training, ...told } };
  } catch (error) {
    stop();
    throw error instanceof TrainingStopped ? await keepCheckpoint(error, out) : error;
  } finally {
    release();
  }
}

export const trainCommand: CliCommand<Options> = {
  name: "train",
  summary: "learn the inverse map of a problem",
  computes: true,
  define: (command) => {
    command
      .argument("<PROBLEM>", "name of a built-in problem, or a module file whose default export is a problem")
      .requiredOption("--out <FILE>", "model file to write (safetensors)")
      .option("--surrogate", "first fit a network to the forward model, report its error, and train through it")
      .option(
        "--bank <FILES...>",
        "two files, THETA and Y, of pairs simulated elsewhere, with parameters from the prior: .npy (N, D) and (N, M), CSV or JSON",
        twoFiles,
      )
      .option("--resume <FILE>", "continue from the checkpoint of an interrupted training");
    command
      .option("--missing <RATES>", "train for missing data: any, a rate, or two rates, such as 0,0.9", missingOf)
      .option("--noise-scale <LOW,HIGH>", "train for noise of any scale in this range, such as 0.5,2", scalesOf);
    addOptions(command, trainTable, SETTINGS, ", or the preset's");
    addOptions(command, trainTable, OPTIONS);
    addOptions(command, ownTable);
  },
  run,
};
