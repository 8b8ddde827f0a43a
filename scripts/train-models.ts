/**
 * Trains the models that the package ships, from fixed seeds and with the kernels whose bits are the same on every host, rounds
 * their weights to half precision, which halves what a page loads and costs nothing that can be measured (npm run bench
 * precision), and evaluates each, as rounded, on fresh cases; what comes of that is written with the weights.
 *
 *   npm run train:models                       all of them: some ten minutes of one core
 *   npm run train:models -- --only arm,rod     these
 *   npm run train:models -- --check            trains anew, writes nothing, and fails unless all that a file holds comes out
 *                                              the same to the bit, but for seconds and the evaluation
 *   npm run train:models -- --distance         fits the distance from the simulations of the files that are there anew, on the
 *                                              simulations that a training would make, and evaluates them; weights stay
 *   npm run train:models -- --evaluate         evaluates the files that are there anew, with the weights that they hold
 *
 * Prints the SHA-256 of the weights and scalers of each, and the size of its file.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { evaluate, withCalibration } from "../src/diagnostics.ts";
import { type InverseMap, load, shippedModels, toBytes, train } from "../src/index.ts";
import { makeInverseMap } from "../src/model/model.ts";
import { findProblem } from "../src/problems.ts";

const SEED = 1;
/** The cases of the evaluation: none that training has seen, whatever the seeds are. */
const EVALUATION_SEED = 2025;
/** Cases whose truths are ranked: with 1000, one right model in ten or so would fail one of nine tests at 1 % by chance alone. */
const RANKED = 5000;
/** Precision of the weights in the files. */
const STORED = { precision: "f16" } as const;
/** Milliseconds between lines of progress. */
const TELL = 15_000;

const folder = fileURLToPath(new URL("../models", import.meta.url));
const pathOf = (name: string): string => join(folder, `${name}.safetensors`);

/** A line now and then. */
function teller(name: string): (what: string, done: number, count: number) => void {
  let last = performance.now();
  return (what, done, count) => {
    if (performance.now() - last < TELL) return;
    last = performance.now();
    console.error(`${name}: ${what} ${done} of ${count}`);
  };
}

/** The map that its file will give back. */
const asStored = (map: InverseMap): Promise<InverseMap> => load(toBytes(map, STORED), { kernels: "plain" });

async function trainAnew(name: string, settings: { steps?: number } = {}): Promise<InverseMap> {
  const tell = teller(name);
  const trained = await train(findProblem(name), {
    preset: "default",
    ...settings,
    seed: SEED,
    kernels: "plain",
    onSimulate: ({ done, count }) => tell("simulation", done, count),
    onProgress: ({ step, steps }) => tell("step", step, steps),
  });
  return asStored(trained);
}

/** A map with the distance that its training would fit now: it is fitted before the first step. */
async function withDistance(name: string, { spec, tensors }: InverseMap): Promise<InverseMap> {
  const fitted = await trainAnew(name, { steps: 1 });
  const { distance, distances } = fitted.spec;
  const ofDistance = (from: InverseMap["tensors"], is: boolean) =>
    Object.fromEntries(Object.entries(from).filter(([key]) => key.startsWith("distance.") === is));
  const all = { ...ofDistance(tensors, false), ...ofDistance(fitted.tensors, true) };
  return makeInverseMap({ ...spec, distance, distances }, all, null, { kernels: "plain" });
}

async function evaluated(name: string, map: InverseMap): Promise<InverseMap> {
  const problem = findProblem(name);
  const evaluation = await evaluate(map, {
    problem,
    seed: EVALUATION_SEED,
    calibration: RANKED,
    kernels: "plain",
    onStage: teller(name),
  });
  const { level, headline, findings } = evaluation.verdict;
  console.log(`${name}: ${level}. ${headline} (${evaluation.seconds.toFixed(0)} s)`);
  for (const { good, text } of findings) console.log(`  ${good ? "+" : "−"} ${text}`);
  return withCalibration(map, evaluation);
}

/** Weights and scalers by name, in the order of their names. */
function hashOf({ tensors }: InverseMap): string {
  const hash = createHash("sha256");
  for (const key of Object.keys(tensors).sort())
    hash.update(`${key} ${tensors[key].shape}\n`).update(tensors[key].data);
  return hash.digest("hex");
}

/** The spec, without what other runs have otherwise: how long they took, the evaluation, and names of data, which older files lack. */
function lasting({ spec }: InverseMap): string {
  const { calibration: _calibration, data: _data, training, ...rest } = spec;
  const { seconds: _seconds, weights: _weights, ...kept } = training; // files of before have no weights
  return JSON.stringify({ ...rest, training: kept });
}

/** @throws unless a training has come out as the file says. */
function expectSame(name: string, made: InverseMap, shipped: InverseMap): void {
  const [got, expected] = [hashOf(made), hashOf(shipped)];
  if (got !== expected) throw new Error(`${name}: expected weights ${expected}, as models/ holds, got ${got}`);
  const [one, other] = [lasting(made), JSON.stringify(JSON.parse(lasting(shipped)))];
  if (JSON.stringify(JSON.parse(one)) !== other)
    throw new Error(`${name}: expected the spec that models/ holds, got the same weights with another`);
}

function tell(name: string, map: InverseMap, bytes: Uint8Array): void {
  const kB = (size: number): string => `${(size / 1000).toFixed(0)} kB`;
  const { seconds, heldOut } = map.spec.training;
  console.log(
    `${name}: weights ${hashOf(map)}, ${kB(bytes.length)}, gzip ${kB(gzipSync(bytes, { level: 9 }).length)}, held-out loss ${heldOut.best.toFixed(4)}, ${seconds.toFixed(0)} s`,
  );
}

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    check: { type: "boolean" },
    distance: { type: "boolean" },
    evaluate: { type: "boolean" },
  },
});
const names = values.only?.split(",") ?? shippedModels;
const odd = names.find((name) => !shippedModels.includes(name));
if (odd !== undefined) throw new Error(`--only: expected ${shippedModels.join(", ")}, got "${odd}"`);
if ([values.check, values.distance, values.evaluate].filter(Boolean).length > 1)
  throw new Error("expected one of --check, --distance and --evaluate, got more");

for (const name of names) {
  const shipped = async (): Promise<InverseMap> => asStored(await load(new Uint8Array(readFileSync(pathOf(name)))));
  if (values.check) {
    const made = await trainAnew(name);
    expectSame(name, made, await shipped());
    console.log(`${name}: trained anew, to the bit what models/ holds: ${hashOf(made)}`);
    continue;
  }
  const trained = values.evaluate
    ? await shipped()
    : values.distance
      ? await withDistance(name, await shipped())
      : await trainAnew(name);
  // Written before it is evaluated: the weights are what takes minutes.
  if (!values.evaluate) writeFileSync(pathOf(name), toBytes(trained, STORED));
  const bytes = toBytes(await evaluated(name, trained), STORED);
  writeFileSync(pathOf(name), bytes);
  tell(name, trained, bytes);
}
