/**
 * The first example: `npm start`. Learns the inverse kinematics of an arm (src/problems/arm.ts), infers the posteriors
 * of four end points, compares them with exact draws, and writes the model and a page of pictures to out/.
 *
 *   tsx examples/arm.ts [--steps N] [--out FOLDER] [--picture FILE.svg]
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { type InverseMap, infer, type Posterior, save, simulate, train } from "retrodict";
import { arm } from "retrodict/problems";
import { hostRunsRelaxed } from "../src/backends/wasm/kernels.ts";
import { progressView } from "../src/cli/progress.ts";
import { formatTable, formatTime } from "../src/cli/table.ts";
import { ksFloor, ksPerParameter } from "../src/diagnostics/ks.ts";
import { writeBytes } from "../src/host/files.ts";
import { endPoint, resimulationError } from "../src/report/pictures/kinematics.ts";
import { fixed } from "../src/report/text.ts";
import { type Answer, placeOf } from "./plots/answer.ts";
import { page } from "./plots/page.ts";
import { picture } from "./plots/picture.ts";

const SEED = 1;
const OBSERVATIONS_SEED = 2;
const OBSERVATIONS = 4;
const DRAWS = 1000;

interface Observation {
  readonly title: string;
  readonly y: Float32Array | Float64Array; // (2)
  readonly truth: Float32Array | Float64Array; // (4)
}

/** Position of a point in words. The arm is 2 m long, and its base slides by about 0.25 m. */
function titleOf([reach, height]: ArrayLike<number> & Iterable<number>): string {
  const level = height > 0.4 ? "High" : height < -0.4 ? "Low" : "Level";
  return `${level} and ${reach > 1.8 ? "far" : "near"}`;
}

/** The first observations of a seed; none is picked by hand. */
async function observe(): Promise<Observation[]> {
  const { theta, noisy } = await simulate(arm, OBSERVATIONS, { seed: OBSERVATIONS_SEED });
  return Array.from({ length: OBSERVATIONS }, (_, i) => {
    const y = noisy.slice(2 * i, 2 * i + 2);
    return { title: titleOf(y), y, truth: theta.slice(4 * i, 4 * i + 4) };
  });
}

async function answer(
  { title, y, truth }: Observation,
  posterior: Posterior,
  exact: Float32Array | Float64Array,
): Promise<Answer> {
  const learned = await posterior.sample(DRAWS, { seed: SEED });
  const target = endPoint(truth);
  return {
    title,
    y,
    truth,
    learned,
    exact,
    mean: posterior.mean,
    sd: posterior.sd,
    low: posterior.quantile(0.05),
    high: posterior.quantile(0.95),
    warning: posterior.warning,
    ks: ksPerParameter(learned, exact, arm.D),
    resimulation: { learned: resimulationError(learned, target), exact: resimulationError(exact, target) },
  };
}

/** The answers to all observations, and the milliseconds per observation: learned, and by rejection. */
async function answerAll(
  map: InverseMap,
): Promise<{ answers: Answer[]; milliseconds: { learned: number; exact: number } }> {
  const observations = await observe();
  const data = observations.map(({ y }) => y);
  let posteriors = await infer(map, data); // the first call prepares an executor
  const times: number[] = [];
  for (let run = 0; run < 5; run++) {
    const begun = performance.now();
    posteriors = await infer(map, data);
    times.push((performance.now() - begun) / data.length);
  }
  const [, , median] = times.sort((a, b) => a - b);
  const begun = performance.now();
  const exact = data.map((y, i) => (arm.exact as NonNullable<typeof arm.exact>)(y, DRAWS, SEED + i));
  const milliseconds = { learned: median, exact: (performance.now() - begun) / data.length };
  const answers = await Promise.all(observations.map((seen, i) => answer(seen, posteriors[i], exact[i])));
  return { answers, milliseconds };
}

function summary(found: Answer, number: number): string {
  const { title, truth, mean, sd, low, high, ks, resimulation } = found;
  const right = ["true", "mean", "sd", "5 %", "95 %", "KS"].map((name) => ({ title: name, right: true }));
  const rows = arm.parameters.map(({ name, unit = "" }, d) => [
    name,
    unit,
    ...[truth[d], mean[d], sd[d], low[d], high[d], ks[d]].map((value) => fixed(value, 3)),
  ]);
  const table = formatTable([{ title: "parameter" }, { title: "unit" }, ...right], rows);
  const [error, least] = [resimulation.learned, resimulation.exact].map((metres) => `${metres.toFixed(4)} m`);
  const lines = `${table}\nre-simulation error ${error} (exact draws: ${least})`.replace(/^/gm, "   ");
  return `${number}. ${title}: the end of the arm was observed ${placeOf(found)}\n${lines}\n`;
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const note = (text: string): void => void process.stderr.write(`${text}\n`);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { steps: { type: "string" }, out: { type: "string", default: "out" }, picture: { type: "string" } },
  });
  const { steps, out = "out" } = values;
  if (!hostRunsRelaxed()) setFlagsFromString("--experimental-wasm-relaxed-simd"); // Node 20 has the faster kernels behind a flag
  await mkdir(out, { recursive: true });

  print(`${arm.name}: ${arm.description}`);
  const view = progressView({ quiet: false, note, warn: note });
  process.once("SIGINT", () => {
    view.stop(); // gives the cursor back
    process.exit(130);
  });
  const map = await train(arm, {
    preset: "fast",
    seed: SEED,
    steps: steps === undefined ? undefined : Number(steps),
    onProgress: view.update,
  });
  view.stop();
  const { training } = map.spec;
  const work = `${training.steps} steps of ${training.batch} simulations (${training.device})`;
  const record = `Trained in ${formatTime(training.seconds)}: ${work}`;
  print(`${record}\n`);

  const { answers, milliseconds } = await answerAll(map);
  for (const [i, found] of answers.entries()) print(summary(found, i + 1));
  for (const { title, warning } of answers) if (warning !== undefined) note(`${title}: ${warning}`);
  const floor = ksFloor(DRAWS, DRAWS);
  const [inferring, rejecting] = [milliseconds.learned.toFixed(1), milliseconds.exact.toFixed(0)];
  print(`KS: the largest difference between the distribution functions of ${DRAWS} learned and ${DRAWS} exact draws;`);
  print(`two exact samples give ${floor.toFixed(3)} on average.`);
  print(`Inference: ${inferring} ms per observation, with 4096 draws. Exact draws by rejection: ${rejecting} ms.`);

  const [model, html] = [join(out, "arm.safetensors"), join(out, "arm.html")];
  await save(map, model);
  const axes = arm.parameters.map((parameter, d) => ({ ...parameter, prior: { mean: 0, sd: arm.prior.sd[d] } }));
  await writeBytes(html, page({ axes, answers, featured: 0, training: record, milliseconds, floor }));
  if (values.picture !== undefined) await writeBytes(values.picture, picture(answers));
  const files = [model, html, ...(values.picture === undefined ? [] : [values.picture])];
  print(`Wrote ${files.join(", ")}; open ${html} in a browser.`);
}

try {
  await main();
} catch (error) {
  note(`arm: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
