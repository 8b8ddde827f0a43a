/** `retrodict train PROBLEM --out FILE`: learns an inverse map and saves it. Ctrl-C saves a checkpoint. */
import { InvalidArgumentError, Option } from "commander";
import { positive, whole } from "../checks/options.ts";
import { type GuideName, guideNames } from "../guides/index.ts";
import { checkWritable } from "../host/files.ts";
import { type ObjectiveName, objectiveNames } from "../objectives/index.ts";
import type { Problem } from "../problem/problem.ts";
import { type Precision, precisions } from "../store/half.ts";
import { loadPairs } from "../store/pairs-file.ts";
import { loadCheckpoint, save, saveCheckpoint } from "../store/store.ts";
import { type Checkpoint, TrainingStopped } from "../train/checkpoint.ts";
import { fullSettings, type TrainOptions } from "../train/options.ts";
import { train } from "../train/train.ts";
import { weightsText } from "../train/warnings.ts";
import {
  type CliCommand,
  type ComputeOptions,
  type Output,
  parserOf,
  type Result,
  shellWord,
  UsageError,
  withFile,
} from "./command.ts";
import { findProblemArgument } from "./problem-argument.ts";
import { progressView, simulationView } from "./progress.ts";
import { surrogateJson, surrogateOf } from "./surrogate-step.ts";
import { formatNumber, formatTime } from "./table.ts";

interface Options extends ComputeOptions {
  readonly out: string;
  readonly resume?: string;
  readonly surrogate?: boolean;
  readonly surrogateSteps?: number;
  readonly preset?: string;
  readonly guide?: GuideName;
  readonly objective?: ObjectiveName;
  readonly steps?: number;
  readonly batch?: number;
  readonly particles?: number;
  readonly rate?: number;
  readonly seed?: number;
  readonly bank?: readonly string[];
  readonly bankNoise?: "add" | "included";
  readonly bankFile?: string;
  readonly simulations?: number;
  readonly heldOut?: number;
  readonly precision?: Precision;
}

const checkpointPath = (out: string): string => `${out.replace(/\.safetensors$/, "")}.checkpoint.safetensors`;

/** The command that carries on from a checkpoint: as it was given, but for --resume. */
function resumeCommand(checkpoint: string): string {
  const given = process.argv.slice(2);
  const kept = given.filter((word, i) => !/^--resume(=|$)/.test(word) && given[i - 1] !== "--resume");
  return ["retrodict", ...kept, "--resume", checkpoint].map(shellWord).join(" ");
}

/** What is refused in a file is told with its name. */
const resumeFrom = (path: string): Promise<Checkpoint> =>
  loadCheckpoint(path).catch((error) => {
    throw withFile(path, error);
  });

/** A signal that aborts at the first Ctrl-C; a second one ends the process at once. */
function abortOnInterrupt(onAbort: () => void): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(name === "SIGINT" ? 130 : 143);
    controller.abort(new Error("train: stopped"));
    onAbort();
  };
  const names: NodeJS.Signals[] = ["SIGINT", "SIGTERM"];
  for (const name of names) process.on(name, stop);
  const release = (): void => {
    for (const name of names) process.off(name, stop);
  };
  return { signal: controller.signal, release };
}

/** The files of --bank, which come two: commander alone would take any number. */
function twoFiles(path: string, before: readonly string[] = []): readonly string[] {
  if (before.length < 2) return [...before, path];
  throw new InvalidArgumentError("Expected two files, THETA and Y; put PROBLEM before --bank.");
}

/** What trains: pairs from files, or so many simulations. @throws UsageError on options that do not go together. */
async function bankOf(problem: Problem, options: Options): Promise<TrainOptions["bank"]> {
  const { bank, bankNoise, bankFile, simulations } = options;
  if (bankFile !== undefined && problem.simulate === null)
    throw new UsageError(`--bank-file: expected a problem with simulate(), got "${problem.name}" without it`);
  if (bank === undefined) {
    if (problem.forward === null && problem.simulate === null)
      throw new UsageError(`--bank: expected two files, THETA and Y, for "${problem.name}" has no simulator; got none`);
    if (bankNoise !== undefined) throw new UsageError("--bank-noise: expected --bank THETA Y beside it, got none");
    return simulations;
  }
  if (bank.length !== 2) throw new UsageError(`--bank: expected two files, THETA and Y, got ${bank.length}`);
  if (simulations !== undefined) throw new UsageError("--simulations: expected no --bank beside it, got both");
  if (bankFile !== undefined) throw new UsageError("--bank-file: expected no --bank beside it, got both");
  if (options.objective === "elbo")
    throw new UsageError(
      "--objective: expected npe, for pairs from elsewhere (--bank) train by nothing else, got elbo",
    );
  return loadPairs(bank[0], bank[1], bankNoise);
}

/** Saves what an early end leaves, and says how to carry on. */
async function keepCheckpoint(stopped: TrainingStopped, out: string): Promise<Error> {
  const path = checkpointPath(out);
  const { step } = stopped.checkpoint;
  await saveCheckpoint(stopped.checkpoint, path);
  const kept = `saved step ${step} to "${path}"`;
  const next = stopped.reason !== "diverged" ? `${kept}; carry on with: ${resumeCommand(path)}` : kept;
  return new Error(`${stopped.message}; ${next}`, { cause: stopped });
}

async function run([name]: readonly string[], options: Options, output: Output): Promise<Result> {
  const {
    out,
    resume: resumePath,
    surrogate: bySurrogate = false,
    surrogateSteps,
    bank: _files,
    bankNoise: _noise,
    simulations: _count,
    precision,
    ...rest
  } = options;
  if (surrogateSteps !== undefined && !bySurrogate)
    throw new UsageError("--surrogate-steps: expected --surrogate, to fit one, got no --surrogate");
  const given = await findProblemArgument(name);
  const bank = await bankOf(given, options);
  const settings = { ...rest, bank };
  if (settings.preset !== undefined && !Object.hasOwn(given.presets, settings.preset)) {
    const names = Object.keys(given.presets).join(", ") || "none, which this problem has";
    throw new UsageError(`--preset: expected ${names}, got "${settings.preset}"`);
  }
  const { guide, objective, steps, batch, pairs } = fullSettings(given, settings);
  await checkWritable(out); // hours later would be late
  if (settings.bankFile !== undefined) await checkWritable(settings.bankFile);
  const resume = resumePath === undefined ? undefined : await resumeFrom(resumePath);
  const from = resume ? ` from step ${resume.step}` : "";
  if (pairs) output.note(`${pairs.train.count} pairs to train on, ${pairs.heldOut.count} held out`);
  const [simulating, view] = [simulationView(output), progressView(output)];
  const stop = (): void => {
    simulating.stop();
    view.stop();
  };
  const { signal, release } = abortOnInterrupt(() => {
    stop();
    output.note("stopping; again to leave at once");
  });
  try {
    const fitted = bySurrogate
      ? await surrogateOf(given, { ...settings, steps: surrogateSteps }, signal, output)
      : undefined;
    const problem = fitted ?? given;
    output.note(
      `${problem.name}: ${problem.D} parameters, ${problem.M} data; ${guide.name} guide, ${objective}, ${steps} steps of ${batch}${from}`,
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
      onProgress: (p) => signal.aborted || view.update(p),
    });
    stop();
    await save(map, out, { precision });
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
  define: (command) =>
    void command
      .argument("<PROBLEM>", "name of a built-in problem, or a module file whose default export is a problem")
      .requiredOption("--out <FILE>", "model file to write (safetensors)")
      .addOption(
        new Option(
          "--precision <NAME>",
          "of the weights in that file: f32 (default), or f16 for half of the bytes",
        ).choices(precisions),
      )
      .option("--preset <NAME>", "settings of the problem: fast, default or paper")
      .addOption(new Option("--guide <NAME>", "conditional density that is learned").choices(guideNames))
      .addOption(new Option("--objective <NAME>", "what is minimised").choices(objectiveNames))
      .option("--steps <N>", "updates of the weights", parserOf(whole(1)))
      .option("--batch <N>", "data sets an update", parserOf(whole(1)))
      .option("--particles <N>", "draws of the guide a data set, with --objective elbo", parserOf(whole(1)))
      .option("--rate <X>", "largest learning rate", parserOf(positive))
      .option("--seed <N>", "of all random draws (default: 0)", parserOf(whole(0)))
      .option("--surrogate", "first fit a network to the forward model, and train through it; its error is told")
      .option("--surrogate-steps <N>", "updates of that network (default: 12,000)", parserOf(whole(1)))
      .option(
        "--bank <FILES...>",
        "two files THETA and Y of pairs that were simulated elsewhere, parameters drawn from the prior: .npy (N, D) and (N, M), CSV or JSON",
        twoFiles,
      )
      .addOption(
        new Option("--bank-noise <HOW>", "add: Y is noise-free (default); included: it holds its noise").choices([
          "add",
          "included",
        ]),
      )
      .option(
        "--simulations <N>",
        "data sets to simulate before training (default for simulators: 20000)",
        parserOf(whole(1)),
      )
      .option(
        "--held-out <N>",
        "simulations, or pairs at most, that the loss is checked on (default: 2048)",
        parserOf(whole(2)),
      )
      .option("--bank-file <FILE>", "keep what a simulator gives, and carry on from what an earlier run has kept")
      .option("--resume <FILE>", "carry on from the checkpoint of an interrupted training"),
  run,
};
