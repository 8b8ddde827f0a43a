/** `retrodict infer MODEL --data FILE`: the posterior of each observation. */
import { extname } from "node:path";
import type { Rows } from "../backends/backend.ts";
import { newRows } from "../backends/requests.ts";
import { expectRoom, type OptionsOf, option, positive, whole } from "../checks/options.ts";
import { checkWritable, readBytes, writeBytes } from "../host/files.ts";
import { type AmortisedPosterior, infer, inferTable } from "../infer/infer.ts";
import type { InverseMap } from "../model/model.ts";
import { digitsFor } from "../numbers/offsets.ts";
import type { Posterior } from "../posterior/posterior.ts";
import { numbered } from "../problem/columns.ts";
import type { Parameter, Problem } from "../problem/problem.ts";
import { type Observation, set } from "../problem/set.ts";
import { problems } from "../problems/table.ts";
import { type CorrectedPosterior, correctTable } from "../sampling/correct.ts";
import { formatCsv } from "../store/csv.ts";
import { encodeNpy } from "../store/npy.ts";
import { parseObservations, taken } from "../store/observations.ts";
import { addOptions, type CliCommand, type ComputeOptions, type Output, type Result, UsageError } from "./command.ts";
import { correctAll, correctionJson, finite } from "./correct-step.ts";
import { writeResult } from "./keep.ts";
import { findModelArgument, MODEL_HELP } from "./model-argument.ts";
import { formatNumber, formatTable } from "./table.ts";

interface Options extends ComputeOptions, OptionsOf<typeof drawsTable> {
  readonly data: string;
  readonly seed?: number;
  readonly out?: string;
  readonly problem?: string;
  readonly report?: string;
}

/** Draws of all observations, (N, S, D). */
interface Draws {
  readonly theta: Rows;
  readonly shape: readonly [N: number, S: number, D: number];
  readonly names: readonly string[];
}

const drawsTable = {
  samples: option(whole(1), 1000, "draws of each posterior to write to --out"),
  correct: option(
    correctTable.method.check,
    undefined,
    "correct to the exact posterior: psis by importance weights, nuts by chains, auto by weights if they suffice, else by chains",
  ),
  noiseScale: option(
    positive,
    undefined,
    "noise of the observations, in units of the problem's, for a model trained with --noise-scale",
  ),
};

/** Rows of a CSV file: observation and draw, counted from 1, then the parameters. */
function* csvRows({ theta, shape: [N, S, D] }: Draws): Generator<Rows> {
  for (let n = 0; n < N; n++) {
    for (let s = 0; s < S; s++) {
      const row = newRows(2 + D, theta instanceof Float32Array ? "f32" : "f64");
      row.set([n + 1, s + 1]);
      row.set(theta.subarray((n * S + s) * D, (n * S + s + 1) * D), 2);
      yield row;
    }
  }
}

/** (N, S, D) as nested lists. */
function nested({ theta, shape: [N, S, D] }: Draws): number[][][] {
  const list = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
  return list(N, (n) => list(S, (s) => list(D, (d) => theta[(n * S + s) * D + d])));
}

/** Writers of draws, by extension of the file. */
const writers: Readonly<Record<string, (draws: Draws) => Uint8Array | string>> = {
  ".npy": ({ theta, shape }) => encodeNpy(theta, shape),
  ".csv": (draws) => formatCsv(["observation", "draw", ...draws.names], csvRows(draws)),
  ".json": (draws) => `${JSON.stringify({ parameters: draws.names, shape: draws.shape, draws: nested(draws) })}\n`,
};

/** Each observation has its own seed: `seed` plus its index, so that draws of different observations are independent. */
async function drawAll(posteriors: readonly Posterior[], map: InverseMap, S: number, seed: number): Promise<Draws> {
  const { D, parameters } = map.spec;
  expectRoom("infer", "--samples", S, posteriors.length * D);
  const dtype = map.work.parameters === null ? "f32" : "f64";
  const theta = newRows(posteriors.length * S * D, dtype);
  for (const [n, posterior] of posteriors.entries()) {
    theta.set(await posterior.sample(S, { seed: (seed + n) >>> 0 }), n * S * D);
  }
  return { theta, shape: [posteriors.length, S, D], names: parameters.map((p) => p.name) };
}

const columns = [
  { title: "parameter" },
  { title: "unit" },
  { title: "mean", right: true },
  { title: "sd", right: true },
  { title: "5 %", right: true },
  { title: "95 %", right: true },
];

/** Mean, sd and quantiles of each parameter, as a table. */
export function tableOf(map: InverseMap, posterior: Posterior): string {
  const [low, high] = [posterior.quantile(0.05), posterior.quantile(0.95)];
  const numbers = (d: number): string[] =>
    [posterior.mean[d], posterior.sd[d], low[d], high[d]].map((x) => formatNumber(x, digitsFor(x, posterior.sd[d], 4)));
  const rows = map.spec.parameters.map(({ name, unit = "" }, d) => [name, unit, ...numbers(d)]);
  return formatTable(
    unitless(map) ? columns.filter(({ title }) => title !== "unit") : columns,
    unitless(map) ? rows.map(([name, , ...rest]) => [name, ...rest]) : rows,
  );
}

const unitless = (map: InverseMap): boolean => map.spec.parameters.every(({ unit }) => !unit);

/** `posterior`: the corrected posterior if there is one, else the inferred one. */
const jsonOf = (inferred: AmortisedPosterior, posterior: Posterior): Record<string, unknown> => ({
  mean: [...posterior.mean],
  sd: [...posterior.sd],
  q05: [...posterior.quantile(0.05)],
  q95: [...posterior.quantile(0.95)],
  covariance: [...posterior.covariance], // (D, D), row by row
  distance: finite(inferred.distance),
  farther: inferred.farther,
  ...(posterior.warning === undefined ? {} : { warning: posterior.warning }),
});

/** The data by name: of the problem, of the model file, or of a built-in problem that an older file is of. */
export function dataOf({ problem, spec: { M, data, problem: name, rows } }: InverseMap): readonly Parameter[] {
  if (rows?.set) return rows.set.names ?? numbered(rows.set.each);
  const known = problem?.data ?? data ?? (Object.hasOwn(problems, name) ? problems[name].data : undefined);
  return known?.length === M ? known : numbered(M);
}

/** Where results are written, once it is known that they can be. */
interface Places {
  readonly out: string | undefined;
  readonly writer: ((draws: Draws) => Uint8Array | string) | undefined;
  readonly report: string | undefined;
  /** Whether `out` is InferenceData. */
  readonly forArviz: boolean;
}

async function placesOf({ out, report, samples }: Options): Promise<Places> {
  const writer = out === undefined ? undefined : writers[extname(out).toLowerCase()];
  if (report !== undefined) {
    if (!/\.html?$/i.test(report))
      throw new UsageError(`--report: expected a name that ends in .html, got "${report}"`);
    await checkWritable(report);
  }
  if (out !== undefined) {
    const known = [...Object.keys(writers), ".arviz.json"].join(", ");
    if (writer === undefined) throw new UsageError(`--out: expected a name that ends in ${known}, got "${out}"`);
    await checkWritable(out);
  } else if (samples !== undefined) {
    throw new UsageError("--samples: expected --out FILE, which receives the draws, got no --out");
  }
  return { out, writer, report, forArviz: out !== undefined && /\.arviz\.json$/i.test(out) };
}

interface Inferred {
  readonly map: InverseMap;
  /** The problem, where it was needed. */
  readonly wanted: Problem | null;
  readonly inferred: readonly AmortisedPosterior[];
  readonly corrected: readonly CorrectedPosterior[] | null;
  readonly title: (n: number) => string;
}

/** Writes what was asked for. @returns what the JSON tells of it. */
async function writeAll(
  { out, writer, report, forArviz }: Places,
  { map, wanted, inferred, corrected, title }: Inferred,
  { samples = drawsTable.samples.default, seed = 0, backend, kernels, threads }: Options,
  output: Output,
): Promise<Record<string, unknown>> {
  const compute = { seed, backend, kernels, threads };
  const posteriors: readonly Posterior[] = corrected ?? inferred;
  if (report !== undefined) {
    const { measurementHtml } = await import("../report/measurement.ts");
    const measurements = inferred.map((own, n) => ({
      title: title(n),
      inferred: own,
      corrected: corrected?.[n] ?? null,
    }));
    const html = await measurementHtml({ problem: wanted as Problem, measurements, data: dataOf(map), ...compute });
    await writeResult(report, "the report is", (path) => writeBytes(path, html));
    output.note(`saved the report to "${report}"; open it in a browser`);
  }
  const told = report === undefined ? {} : { report };
  if (out === undefined || writer === undefined) return told;
  if (forArviz) {
    const { toArviz } = await import("../diagnostics/arviz.ts");
    const data = await toArviz(posteriors[0], { draws: samples, problem: wanted ?? undefined, ...compute });
    await writeResult(out, "the draws are", (path) => writeBytes(path, `${JSON.stringify(data)}\n`));
    output.note(`saved InferenceData to "${out}"; read it by arviz.from_json`);
    return { ...told, out, seed };
  }
  const draws = await drawAll(posteriors, map, samples, seed);
  await writeResult(out, "the draws are", (path) => writeBytes(path, writer(draws)));
  output.note(`saved draws (${draws.shape.join(", ")}) to "${out}"`);
  return { ...told, out, shape: draws.shape, seed };
}

async function run([model]: readonly string[], options: Options, output: Output): Promise<Result> {
  const { data, seed = 0, noiseScale, correct: method, backend, kernels, threads } = options;
  const compute = { backend, kernels, threads };
  const places = await placesOf(options);
  const needed = ({ local }: InverseMap): string | undefined =>
    (method !== undefined && "--correct") ||
    (places.report !== undefined && "--report") ||
    (places.forArviz && "--out FILE.arviz.json") ||
    (local ? "a guide on Laplace's base" : undefined);
  const { map, problem: wanted } = await findModelArgument(model, options.problem, needed, compute);
  const bytes = await readBytes(data);
  const name = data === "-" ? "standard input" : data;
  const table = parseObservations(bytes, name, dataOf(map), map.spec.rows?.missing && !map.spec.rows.set);
  for (const text of taken(table)) output.note(text);
  for (const text of table.warnings) output.warn(text);
  // A file of a set has a member in each row.
  const rows: readonly Observation[] = map.spec.rows?.set ? [set(table.rows)] : table.rows;
  if (places.forArviz && rows.length > 1)
    throw new Error(
      `--out FILE.arviz.json: expected one observation, got ${rows.length}; InferenceData holds one posterior`,
    );
  const noise = noiseScale === undefined ? {} : { noise: { scale: noiseScale } };
  const inferred = await infer(map, rows, { seed, ...noise, ...compute });
  const title = (n: number): string => (rows.length > 1 ? `observation ${n + 1}` : "");
  const request = wanted && method && { method, problem: wanted, seed, title };
  const corrected = request ? await correctAll(inferred, request, output) : null;
  const posteriors: readonly Posterior[] = corrected ?? inferred;
  for (const [n, { warning }] of posteriors.entries()) {
    if (warning) output.warn(`${title(n) ? `${title(n)}: ` : ""}${warning}`);
  }
  const written = await writeAll(places, { map, wanted, inferred, corrected, title }, options, output);
  const tables = posteriors.map((p, n) => [title(n), tableOf(map, p)].filter((text) => text !== "").join("\n"));
  const { problem, parameters } = map.spec;
  return {
    json: {
      model,
      problem,
      parameters,
      device: (await map.executor("posterior")).device,
      observations: inferred.map((p, n) => ({
        ...jsonOf(p, posteriors[n]),
        ...(corrected ? correctionJson(corrected[n]) : {}),
      })),
      ...written,
    },
    text: tables.join("\n\n"),
  };
}

export const inferCommand: CliCommand<Options> = {
  name: "infer",
  summary: "compute the posteriors of observations",
  computes: true,
  define: (command) => {
    command
      .argument("<MODEL>", MODEL_HELP)
      .requiredOption(
        "--data <FILE>",
        "observations: CSV (one a row; of a model of sets one set, a member a row), .npy (N, M), JSON, or - for standard input; empty cells, NaN, NA and null are missing data",
      )
      .option(
        "--problem <PROBLEM>",
        "problem of the model, if it is needed: built-in name or module file (default: the name in MODEL)",
      )
      .option(
        "--out <FILE>",
        "write draws: .npy ((N, S, D), float32, or float64 for large offsets), .csv, .json, or .arviz.json for ArviZ",
      )
      .option("--report <FILE>", "write a report of the measurement: one HTML file with pictures");
    addOptions(command, drawsTable);
    addOptions(command, inferTable, ["seed"]);
  },
  run,
};
