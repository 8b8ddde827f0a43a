/** `retrodict page MODEL --out FILE`: a page that holds the model, for people without the command line. */
import { gzipSync } from "node:zlib";
import { kernelsUrl } from "../backends/wasm/kernels-url.ts";
import { type OptionsOf, option, seed } from "../checks/options.ts";
import { checkWritable, writeBytes } from "../host/files.ts";
import { inFolder, readPlace } from "../host/folders.ts";
import type { InverseMap } from "../model/model.ts";
import { columnOf, quantileOf } from "../numbers/moments.ts";
import type { Problem } from "../problem/problem.ts";
import { simulate } from "../simulate/simulate.ts";
import { toBytes } from "../store/store.ts";
import { addOptions, type CliCommand, type Output, type Result, UsageError } from "./command.ts";
import { writeResult } from "./keep.ts";
import { findModelArgument, MODEL_HELP } from "./model-argument.ts";

const pageTable = {
  seed: option(seed, 0, "seed of the first observation, which is simulated"),
};
interface Options extends OptionsOf<typeof pageTable> {
  readonly out: string;
  readonly problem?: string;
}

/** Most data that have a slider each. */
const MOST_SLIDERS = 24;
/** Simulations that tell the usual range of the data. */
const SIMULATIONS = 512;

const packed = (bytes: Uint8Array): string => gzipSync(bytes, { level: 9 }).toString("base64");

/** A simulated observation and the usual range of the data. */
async function usual(problem: Problem, own: number) {
  const { noisy } = await simulate(problem, SIMULATIONS, { seed: own, kernels: "plain" });
  const M = problem.M;
  const ranges = Array.from({ length: M }, (_, m) => {
    const sorted = columnOf(noisy, M, m).sort();
    return [quantileOf(sorted, 0.005), quantileOf(sorted, 0.995)].map((x) => Number(x.toPrecision(4)));
  });
  return {
    data: Array.from(noisy.subarray(0, M), (x) => Number(x.toPrecision(6))),
    ranges: ranges as [number, number][],
  };
}

async function run([model]: readonly string[], options: Options, output: Output): Promise<Result> {
  const { out, problem: named, seed: own = 0 } = options;
  if (!/\.html?$/i.test(out)) throw new UsageError(`--out: expected a name that ends in .html, got "${out}"`);
  await checkWritable(out);
  const { map, problem } = await findModelArgument(model, named, () => "page");
  const known = problem as Problem;
  refuseWhat(map);
  const { data, ranges } = await usual(known, own);
  const kernels = kernelsUrl("plain");
  const { pageHtml } = await import("../report/page.ts");
  const html = pageHtml({
    map,
    description: known.description,
    names: known.data,
    data,
    ranges: known.M > MOST_SLIDERS ? null : ranges,
    kernels: packed(await readPlace("page", "the kernels", kernels)),
    model: packed(toBytes(map, { precision: "f16" })),
    script: new TextDecoder().decode(
      await readPlace("page", "the script of pages", inFolder(new URL("./", kernels), "page.js")),
    ),
  });
  await writeResult(out, "the page is", (path) => writeBytes(path, html));
  const kB = Math.round(Buffer.byteLength(html) / 1000);
  output.note(`saved the page to "${out}" (${kB} kB); open it in a browser`);
  return { json: { model, out, bytes: Buffer.byteLength(html) }, text: `${out}  ${kB} kB` };
}

/** @throws for a model whose posteriors need the forward model, which no page holds. */
function refuseWhat({ local, spec }: InverseMap): void {
  if (local)
    throw new Error(
      `page: expected a model that infers without its problem, got guide "${spec.guide.name}" on Laplace's base; train another guide`,
    );
}

export const pageCommand: CliCommand<Options> = {
  name: "page",
  summary: "write a page that holds a model and answers measurements, in one file",
  define: (command) => {
    command
      .argument("<MODEL>", MODEL_HELP)
      .requiredOption("--out <FILE>", "page to write: one HTML file that opens from a disk")
      .option("--problem <PROBLEM>", "built-in name or module file (default: the name in MODEL)");
    addOptions(command, pageTable);
  },
  run,
};
