/** `retrodict evaluate MODEL`: a verdict in words and numbers, and a report. */
import type { Evaluation } from "../evaluate/evaluation.ts";
import { type EvaluateOptions, evaluateTable } from "../evaluate/options.ts";
import { checkWritable, writeBytes } from "../host/files.ts";
import { addOptions, type CliCommand, type ComputeOptions, type Output, type Result, UsageError } from "./command.ts";
import { writeResult } from "./keep.ts";
import { findModelArgument, MODEL_HELP } from "./model-argument.ts";
import { stageView } from "./progress.ts";
import { formatNumber, formatTable, formatTime } from "./table.ts";

const OPTIONS = ["cases", "calibration", "against", "seed"] as const;

interface Options extends ComputeOptions, Pick<EvaluateOptions, (typeof OPTIONS)[number]> {
  readonly problem?: string;
  readonly report?: string;
}

const MARKS = { sound: "✓", correct: "!", doubtful: "✗" } as const;
const percent = (x: number): string => `${formatNumber(100 * x, 3)} %`;

function tableOf({ against, ks, weights, resimulation, calibration, milliseconds }: Evaluation): string {
  const rows: string[][] = [];
  for (const [name, own] of [
    ["KS, guide", ks?.guide],
    ["KS, corrected by weights", ks?.corrected],
  ] as const)
    if (own) {
      const { mean, median, p90, max, floor } = own;
      const numbers = [mean, median, p90, max].map((x) => x.toFixed(3)).join(" / ");
      rows.push([name, numbers, `two exact samples: ${floor.toFixed(3)}`]);
    }
  if (weights) rows.push(["k̂ above 0.7", percent(weights.above), "of the cases"]);
  if (resimulation) {
    const least = Number.isNaN(resimulation.truth) ? "" : `reference: ${resimulation.truth.toFixed(3)}`;
    rows.push(["re-simulation, noise sd", resimulation.guide.toFixed(3), least]);
  }
  const { sbc, coverage, tarp, foreign, cases } = calibration;
  const reference = against.name === "none" ? "" : `reference: ${formatNumber(milliseconds.truth, 3)} ms`;
  const passed = (ok: boolean): string => (ok ? "within its bands" : "outside its bands");
  rows.push(
    ["ranks (SBC)", passed(sbc.passed), `${cases} cases`],
    ["coverage", passed(coverage.passed), ""],
    ["TARP", passed(tarp.passed), ""],
    ["far observations", percent(foreign.beyondAll), `farther than 99.5 %: ${percent(foreign.beyondMost)}`],
    ["inference", `${formatNumber(milliseconds.infer, 2)} ms`, reference],
  );
  return formatTable([{ title: "diagnostic" }, { title: "mean / median / p90 / max" }, { title: "" }], rows);
}

/** The evaluation without draws, which only pictures need. */
function jsonOf({ examples, prior, ...rest }: Evaluation): Record<string, unknown> {
  const { draws: _draws, ...moments } = prior;
  return { ...rest, prior: moments, examples: examples.map(({ guide: _guide, truth: _truth, ...kept }) => kept) };
}

async function run([model]: readonly string[], options: Options, output: Output): Promise<Result> {
  const { report, problem: named, ...rest } = options;
  if (report !== undefined) {
    if (!/\.html?$/i.test(report))
      throw new UsageError(`--report: expected a name that ends in .html, got "${report}"`);
    await checkWritable(report);
  }
  const { backend, kernels, threads } = options;
  const { map, problem } = await findModelArgument(model, named, () => "evaluate", { backend, kernels, threads });
  const controller = new AbortController();
  const stop = (): void => controller.abort(new Error("evaluate: stopped"));
  process.once("SIGINT", stop);
  const view = stageView(output);
  try {
    const { evaluate } = await import("../evaluate/evaluate.ts");
    const evaluation = await evaluate(map, {
      ...rest,
      problem: problem ?? undefined,
      signal: controller.signal,
      onStage: (stage, done, count) => view.update({ stage, done, count }),
    });
    view.stop();
    if (report !== undefined) {
      const { reportHtml } = await import("../report/report.ts");
      await writeResult(report, "the report is", (path) => writeBytes(path, reportHtml(evaluation)));
      output.note(`saved the report to "${report}"; open it in a browser`);
    }
    const { verdict, against, cases, seconds } = evaluation;
    const findings = verdict.findings.map(({ good, text }) => `  ${good ? "+" : "−"} ${text}`);
    const what = against.name === "none" ? "evaluated" : "compared";
    const reference = against.name === "none" ? "" : ` with ${against.text},`;
    output.note(`${what} ${cases} evaluation cases${reference} in ${formatTime(seconds)}`);
    return {
      json: { model, ...jsonOf(evaluation), ...(report === undefined ? {} : { report }) },
      text: [`${MARKS[verdict.level]} ${verdict.headline}`, ...findings, "", tableOf(evaluation)].join("\n"),
    };
  } finally {
    view.stop();
    process.off("SIGINT", stop);
  }
}

export const evaluateCommand: CliCommand<Options> = {
  name: "evaluate",
  summary: "assess how accurate and well calibrated a model is",
  computes: true,
  define: (command) => {
    command
      .argument("<MODEL>", MODEL_HELP)
      .option("--report <FILE>", "write a report: one HTML file with pictures")
      .option("--problem <PROBLEM>", "built-in name or module file (default: the name in MODEL)");
    addOptions(command, evaluateTable, OPTIONS);
  },
  run,
};
