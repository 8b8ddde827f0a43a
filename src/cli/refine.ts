/** `retrodict refine MODEL --data FILE --out FILE`: a model for one observation, by rounds of simulations where its posterior lies. */
import { type OptionsOf, pickOptions } from "../checks/options.ts";
import { checkWritable, readBytes } from "../host/files.ts";
import { refineTable } from "../refine/options.ts";
import { refine } from "../refine/refine.ts";
import { parseObservations, taken } from "../store/observations.ts";
import { save } from "../store/store.ts";
import { trainTable } from "../train/options.ts";
import { addOptions, type CliCommand, type ComputeOptions, type Output, type Result, UsageError } from "./command.ts";
import { dataOf, tableOf } from "./infer.ts";
import { writeResult } from "./keep.ts";
import { findModelArgument, MODEL_HELP } from "./model-argument.ts";
import { formatNumber } from "./table.ts";

const OPTIONS = ["simulations", "rounds", "cut", "gain", "cases", "seed"] as const;

interface Options
  extends ComputeOptions,
    Pick<OptionsOf<typeof refineTable>, (typeof OPTIONS)[number]>,
    Pick<OptionsOf<typeof trainTable>, "steps"> {
  readonly data: string;
  readonly out: string;
  readonly problem?: string;
}

async function run([model]: readonly string[], options: Options, output: Output): Promise<Result> {
  const { data, out, steps, backend, kernels, threads } = options;
  const compute = { backend, kernels, threads };
  await checkWritable(out);
  const { map } = await findModelArgument(model, options.problem, () => "refine", compute);
  const table = parseObservations(await readBytes(data), data === "-" ? "standard input" : data, dataOf(map));
  for (const text of taken(table)) output.note(text);
  for (const text of table.warnings) output.warn(text);
  const [y, ...others] = table.rows;
  if (others.length > 0)
    throw new UsageError(`--data: expected one observation, for which the model is refined, got ${table.rows.length}`);
  const {
    record,
    posterior,
    map: refined,
  } = await refine(map, y, {
    ...pickOptions(Object.fromEntries(OPTIONS.map((name) => [name, refineTable[name]])), options),
    ...compute,
    train: steps === undefined ? {} : { steps },
    onWarning: (text) => output.warn(text),
    onProgress: ({ round, rounds, stage, training }) => {
      if (training === undefined) output.note(`round ${round} of at most ${rounds}: ${stage}`);
    },
  });
  for (const [i, { used, accepted, left, by }] of record.rounds.entries())
    output.note(
      `round ${i + 1}: trained on ${used} simulations in ${formatNumber(100 * accepted)} % of the prior (by ${by}); ${formatNumber(100 * left)} % of them are left open`,
    );
  if (record.coverage) output.note(`${record.coverage.reading}, on ${record.coverage.cases} fresh simulations`);
  await writeResult(out, "the model is", (path) => save(refined, path));
  output.note(`saved "${out}", a model for this observation alone`);
  if (posterior.warning) output.warn(posterior.warning);
  return {
    json: { model, out, problem: refined.spec.problem, mean: [...posterior.mean], sd: [...posterior.sd], ...record },
    text: tableOf(refined, posterior),
  };
}

export const refineCommand: CliCommand<Options> = {
  name: "refine",
  summary: "refine a model for one observation by simulations where its posterior lies",
  computes: true,
  define: (command) => {
    command
      .argument("<MODEL>", MODEL_HELP)
      .requiredOption("--data <FILE>", "the observation: CSV, .npy, JSON, or - for standard input")
      .requiredOption("--out <FILE>", "where to save the refined model")
      .option("--problem <PROBLEM>", "problem of the model: built-in name or module file (default: the name in MODEL)");
    addOptions(command, refineTable, OPTIONS);
    addOptions(command, trainTable, ["steps"], " are 4000 here");
  },
  run,
};
