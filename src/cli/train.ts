/** `retrodict train PROBLEM --out FILE`: learns an inverse map and saves it. Ctrl-C saves a checkpoint. */
import { Option } from "commander";
import { type Checkpoint, TrainingStopped } from "../checkpoint.ts";
import { type GuideName, guideNames } from "../guides/index.ts";
import { type ObjectiveName, objectiveNames } from "../objectives/index.ts";
import { checkWritable } from "../store/files.ts";
import { loadCheckpoint, save, saveCheckpoint } from "../store.ts";
import { train } from "../train.ts";
import { fullSettings } from "../train-options.ts";
import {
  type CliCommand,
  type Output,
  positive,
  type Result,
  shellWord,
  UsageError,
  whole,
  withFile,
} from "./command.ts";
import { findProblemArgument } from "./problem-argument.ts";
import { progressView } from "./progress.ts";
import { surrogateJson, surrogateOf } from "./surrogate-step.ts";
import { formatNumber, formatTime } from "./table.ts";

interface Options {
  readonly out: string;
  readonly resume?: string;
  readonly surrogate?: boolean;
  readonly preset?: string;
  readonly guide?: GuideName;
  readonly objective?: ObjectiveName;
  readonly steps?: number;
  readonly batch?: number;
  readonly particles?: number;
  readonly rate?: number;
  readonly seed?: number;
  readonly backend?: "auto" | "wasm" | "webgpu";
  readonly kernels?: "plain" | "relaxed" | "auto";
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
    controller.abort();
    onAbort();
  };
  const names: NodeJS.Signals[] = ["SIGINT", "SIGTERM"];
  for (const name of names) process.on(name, stop);
  const release = (): void => {
    for (const name of names) process.off(name, stop);
  };
  return { signal: controller.signal, release };
}

/** Saves what an early end leaves, and says how to carry on. */
async function keepCheckpoint(stopped: TrainingStopped, out: string): Promise<Error> {
  const path = checkpointPath(out);
  const { step } = stopped.checkpoint;
  await saveCheckpoint(stopped.checkpoint, path);
  const kept = `saved step ${step} to "${path}"`;
  const next = stopped.reason === "aborted" ? `${kept}; carry on with: ${resumeCommand(path)}` : kept;
  return new Error(`${stopped.message}; ${next}`, { cause: stopped });
}

async function run([name]: readonly string[], options: Options, output: Output): Promise<Result> {
  const { out, resume: resumePath, surrogate: bySurrogate = false, ...settings } = options;
  const given = await findProblemArgument(name);
  if (settings.preset !== undefined && !Object.hasOwn(given.presets, settings.preset)) {
    const names = Object.keys(given.presets).join(", ") || "none, which this problem has";
    throw new UsageError(`--preset: expected ${names}, got "${settings.preset}"`);
  }
  const { guide, objective, steps, batch } = fullSettings(given, settings);
  await checkWritable(out); // hours later would be late
  const resume = resumePath === undefined ? undefined : await resumeFrom(resumePath);
  const from = resume ? ` from step ${resume.step}` : "";
  const view = progressView(output);
  const { signal, release } = abortOnInterrupt(() => {
    view.stop();
    output.note("stopping; again to leave at once");
  });
  try {
    const fitted = bySurrogate ? await surrogateOf(given, settings, signal, output) : undefined;
    const problem = fitted ?? given;
    output.note(
      `${problem.name}: ${problem.D} parameters, ${problem.M} data; ${guide.name} guide, ${objective}, ${steps} steps of ${batch}${from}`,
    );
    const map = await train(problem, {
      ...settings,
      resume,
      signal,
      onProgress: (p) => signal.aborted || view.update(p),
    });
    view.stop();
    await save(map, out);
    const { training } = map.spec;
    const best = `held-out loss ${formatNumber(training.heldOut.best)} at step ${training.heldOut.bestStep}`;
    output.note(`${best}, ${formatTime(training.seconds)}; saved "${out}"`);
    const { parameters, guide: used } = map.spec;
    const told = fitted ? surrogateJson(fitted) : {};
    return { json: { model: out, problem: problem.name, parameters, guide: used, training, ...told } };
  } catch (error) {
    view.stop();
    throw error instanceof TrainingStopped ? await keepCheckpoint(error, out) : error;
  } finally {
    release();
  }
}

export const trainCommand: CliCommand<Options> = {
  name: "train",
  summary: "learn the inverse map of a problem",
  define: (command) =>
    void command
      .argument("<PROBLEM>", "name of a built-in problem, or a module file whose default export is a problem")
      .requiredOption("--out <FILE>", "model file to write (safetensors)")
      .option("--preset <NAME>", "settings of the problem: fast, default or paper")
      .addOption(new Option("--guide <NAME>", "conditional density that is learned").choices(guideNames))
      .addOption(new Option("--objective <NAME>", "what is minimised").choices(objectiveNames))
      .option("--steps <N>", "updates of the weights", whole(1))
      .option("--batch <N>", "data sets an update", whole(1))
      .option("--particles <N>", "draws of the guide a data set, with --objective elbo", whole(1))
      .option("--rate <X>", "largest learning rate", positive)
      .option("--seed <N>", "of all random draws (default: 0)", whole(0))
      .option("--surrogate", "first fit a network to the forward model, and train through it; its error is told")
      .addOption(new Option("--backend <NAME>", "what computes").choices(["auto", "wasm", "webgpu"]))
      .addOption(
        new Option("--kernels <NAME>", "plain: same bits on every host; relaxed: faster").choices([
          "auto",
          "plain",
          "relaxed",
        ]),
      )
      .option("--resume <FILE>", "carry on from the checkpoint of an interrupted training"),
  run,
};
