// slow (10 s): a training for each guide on each base, saved and loaded
// Saving and loading inverse maps: nothing is lost, foreign files are refused, and so is another problem, by its name.
// It is long because lists of unsound files alter one and the same map.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { logNormal } from "../src/distributions/log-normal.ts";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { product } from "../src/distributions/product.ts";
import { uniform } from "../src/distributions/uniform.ts";
import { add, concat, mul, slice, square } from "../src/graph/build.ts";
import { coupling } from "../src/guides/coupling.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { spline } from "../src/guides/spline.ts";
import { infer } from "../src/infer/infer.ts";
import type { InverseMap } from "../src/model/model.ts";
import { defineProblem } from "../src/problem/define.ts";
import type { Problem } from "../src/problem/problem.ts";
import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "../src/store/safetensors.ts";
import { load, loadCheckpoint, save, toBytes } from "../src/store/store.ts";
import { train } from "../src/train/train.ts";
import { VERSION } from "../src/version.ts";
import { bitsOf, rejection, small } from "./helpers/maps.ts";
import { smallGuides } from "./helpers/small-guides.ts";

const folder = mkdtempSync(join(tmpdir(), "model-file-"));
const file = (name: string): string => join(folder, name);
test.after(() => rmSync(folder, { recursive: true, force: true }));

const quick = { steps: 30, batch: 32, heldOut: 64, seed: 5, kernels: "plain" } as const;
const bounded = defineProblem({
  name: "bounded",
  parameters: [{ name: "depth", unit: "m" }, "ratio", { name: "time", unit: "s" }],
  prior: product(uniform([-1, 2], [1, 5]), logNormal(0.3, 0.6)),
  forward: (theta) => concat(theta, mul(slice(theta, 0, 1), slice(theta, 2, 3))),
  noise: gaussianNoise(0.2),
});
let map: InverseMap;
let bytes: Uint8Array<ArrayBuffer>;
test.before(async () => {
  map = await train(small, { ...quick, guide: gaussian({ hidden: [6] }) });
  bytes = toBytes(map);
});

const [few, onBase] = [smallGuides({ width: 5, most: 4 }), smallGuides({ width: 5, most: 3 }, { base: "linear" })];
const elbo = { objective: "elbo", particles: 2 } as const;
const cases: readonly (readonly [string, Problem, Parameters<typeof train>[1]])[] = [
  ["gaussian of three networks", small, { guide: gaussian({ hidden: [6], separate: true }) }],
  ...Object.entries(few).map(([name, guide]) => [`${name} by the ELBO`, bounded, { guide, ...elbo }] as const),
  ...Object.entries(onBase).map(([name, guide]) => [`${name} on a linear base`, bounded, { guide }] as const),
  ["spline of principal components", bounded, { guide: few.spline, embedding: { principal: 2 } }],
  ["spline without scalers", small, { guide: spline({ bins: 4, embedding: [], hidden: [5] }), embedding: "none" }],
];
for (const [name, problem, options] of cases) {
  test(`a ${name} map is the same after saving and loading: weights, spec, and the bits of its posteriors`, async () => {
    const before = await train(problem, { ...quick, ...options });
    const path = file(`${name}.safetensors`);
    await save(before, path);
    const after = await load(path, { problem, kernels: "plain" });
    assert.is(bitsOf(after), bitsOf(before));
    assert.equal(after.spec, JSON.parse(JSON.stringify(before.spec)));
    assert.is(after.problem, problem);
    assert.equal((await load(path)).problem, null);
    const y = Array.from({ length: problem.M }, (_, i) => 0.3 * i);
    const theta = Array.from(problem.prior.mean, (m) => m + 0.1);
    const [one, two] = [await infer(before, y), await infer(after, y)];
    assert.equal(two.mean, one.mean);
    assert.equal(two.covariance, one.covariance);
    assert.equal(two.quantile(0.3), one.quantile(0.3));
    assert.is(two.distance, one.distance);
    assert.equal(await two.sample(200, { seed: 4 }), await one.sample(200, { seed: 4 }));
    assert.equal(await two.logProb(theta), await one.logProb(theta));
    assert.equal(toBytes(after), toBytes(before)); // and it may be saved again
  });
}

test("a coupling map keeps the permutations that were drawn for it", async () => {
  const trained = await train(bounded, { ...quick, guide: coupling({ blocks: 4, hidden: [4] }) });
  const { permutations } = (await load(toBytes(trained))).spec.guide.options as { permutations: number[][] };
  assert.is(permutations.length, 3);
  assert.equal(permutations, trained.spec.guide.options.permutations);
});

test("names and units of the parameters go with the map", async () => {
  const { spec } = await load(toBytes(await train(bounded, { ...quick, guide: "gaussian" })));
  assert.equal(spec.parameters, [{ name: "depth", unit: "m" }, { name: "ratio" }, { name: "time", unit: "s" }]);
});

test("a map is loaded from a path, a file: URL, a string of one, bytes and an array buffer", async () => {
  const path = file("a map ü%20.safetensors");
  await save(map, path);
  const url = pathToFileURL(path);
  const data = `data:application/octet-stream;base64,${Buffer.from(bytes).toString("base64")}`;
  const unaligned = new Uint8Array(bytes.length + 3).subarray(3);
  unaligned.set(bytes);
  for (const source of [path, url, url.href, bytes, bytes.buffer, unaligned, data])
    assert.is(bitsOf(await load(source)), bitsOf(map));
});

test("saving writes through a temporary file: what was there stays when it fails", async () => {
  const path = file("kept.safetensors");
  await save(map, path);
  const before = statSync(path).ino;
  await save(map, path);
  assert.is.not(statSync(path).ino, before, "the file was replaced, not written over");
  assert.equal(
    readdirSync(folder).filter((name) => name.endsWith(".tmp")),
    [],
  );
  const tensors = { ...map.tensors };
  tensors["trunk.0"] = { ...tensors["trunk.0"], data: tensors["trunk.0"].data.map(() => Number.NaN) };
  assert.match(
    (await rejection(save({ ...map, tensors }, path))).message,
    /^safetensors: expected tensor "trunk.0" to be finite, got NaN at 0$/,
  );
  assert.equal(new Uint8Array(readFileSync(path)), bytes);
  const nowhere = join(folder, "no", "such", "folder.safetensors");
  assert.match(
    (await rejection(save(map, nowhere))).message,
    /^cannot write ".*folder.safetensors": no such file or folder$/,
  );
});

const twisted = (theta: Parameters<NonNullable<Problem["forward"]>>[0]) =>
  concat(theta, mul(square(slice(theta, 0, 1)), 0.5001));
const others: readonly [string, Problem, RegExp][] = [
  [
    "forward model",
    defineProblem({ name: "small", prior: small.prior, forward: twisted, noise: small.noise }),
    /the forward model at 8 fixed parameters \(column 3 of the data\) differs/,
  ],
  [
    "prior",
    defineProblem({ name: "small", prior: normal([0.5, -1], [1, 2.001]), forward: small.forward, noise: small.noise }),
    /the log-prior at 8 fixed parameters differs/,
  ],
  [
    "number of parameters",
    defineProblem({ name: "small", prior: normal([0, 0, 0], 1), forward: (t) => t, noise: small.noise }),
    /the number of parameters \(2 in the file, 3\) differs/,
  ],
  [
    "number of data",
    defineProblem({ name: "small", prior: small.prior, forward: (t) => t, noise: gaussianNoise(1) }),
    /the number of data \(3 in the file, 2\) differs/,
  ],
];
for (const [what, problem, message] of others) {
  test(`a problem with another ${what} is refused, and what differs is named`, async () => {
    const error = await rejection(load(bytes, { problem }));
    assert.match(error.message, message);
    assert.match(
      error.message,
      /^load: the model was trained on another problem "small": .* from that of "small", which was given$/,
    );
  });
}

test("the same problem under another name, or written otherwise, is taken", async () => {
  const problem = defineProblem({
    name: "renamed",
    prior: small.prior,
    forward: (theta) => add(mul(concat(theta, square(slice(theta, 0, 1))), [1, 1, 0.5]), 0),
    noise: small.noise,
  });
  assert.is((await load(bytes, { problem })).problem, problem);
});

test("a map of a simulator knows its problem by prior and sizes", async () => {
  const simulator = (prior: Problem["prior"]): Problem =>
    defineProblem({ name: "outside", data: 1, prior, noise: gaussianNoise(1), simulate: (t) => t.map(([x]) => [x]) });
  const problem = simulator(normal(0, 1));
  const saved = toBytes(await train(problem, { ...quick, bank: 100, guide: gaussian({ hidden: [] }) }));
  assert.is((await load(saved, { problem })).problem, problem);
  const { message } = await rejection(load(saved, { problem: simulator(normal(0, 2)) }));
  assert.match(message, /the log-prior at 8 fixed parameters differs/);
});

/** The file with its metadata changed, or its tensors. */
function tampered(
  change: (record: Record<string, never>, tensors: Record<string, StoredTensor>) => void,
): Uint8Array<ArrayBuffer> {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const record = JSON.parse(metadata.retrodict) as Record<string, never>;
  const copy = { ...tensors };
  change(record, copy);
  return encodeSafetensors(copy, { retrodict: JSON.stringify(record) });
}
type Loose = Record<string, Record<string, unknown>> & { spec: Record<string, Record<string, unknown>> };
const spec = (change: (s: Record<string, Record<string, unknown>>) => void) => (): Uint8Array =>
  tampered((r) => change((r as unknown as Loose).spec));
const unsound: readonly [string, () => Uint8Array, RegExp][] = [
  [
    "nothing",
    () => new Uint8Array(0),
    /^safetensors: expected a safetensors file, as save\(\) writes it, got an empty file$/,
  ],
  ["half a file", () => bytes.slice(0, bytes.length / 2), /^safetensors: expected .* \(truncated file\)$/],
  [
    "all but the last byte",
    () => bytes.slice(0, -1),
    /^safetensors: expected .* bytes of data, got .* \(truncated file\)$/,
  ],
  ["a byte too many", () => Uint8Array.of(...bytes, 0), /^safetensors: expected \d+ bytes of data, got \d+$/],
  [
    "text",
    () => new TextEncoder().encode("theta1,theta2\n1,2\n3,4\n"),
    /^safetensors: expected a safetensors file, as save\(\) writes it, got text$/,
  ],
  [
    "the weights of another program",
    () => encodeSafetensors({}, { format: "pt" }),
    /^model file: expected metadata "retrodict", got a safetensors file of another program$/,
  ],
  [
    "metadata that are no JSON",
    () => encodeSafetensors({}, { retrodict: "{" }),
    /^model file: expected metadata of JSON, got something else$/,
  ],
  [
    "a later format",
    () => tampered((r) => Object.assign(r, { format: 2 })),
    /^model file: expected format 1, got 2, written by another version of the library$/,
  ],
  [
    "a word for a count",
    spec((s) => Object.assign(s, { D: "two" })),
    /^model file: expected spec.D to be number, got "two"$/,
  ],
  ["a spec without a guide", spec((s) => delete s.guide), /^model file: expected spec.guide, got none$/],
  [
    "an unknown guide",
    spec((s) => Object.assign(s.guide, { name: "flow" })),
    /^guide: expected name to be one of "coupling", .*, got "flow"$/,
  ],
  [
    "options that are none of the guide's",
    spec((s) => Object.assign(s.guide.options as object, { bins: 3 })),
    /^gaussian: expected options hidden, activation, separate, base; got "bins"$/,
  ],
  [
    "widths of another network",
    spec((s) => Object.assign(s.guide.options as object, { hidden: [7] })),
    /^model: expected tensor "trunk.0" \(4, 7\), got \(4, 6\)$/,
  ],
  [
    "widths that would fill the memory",
    spec((s) => Object.assign(s.guide.options as object, { hidden: [1e9] })),
    /^model file: expected guide options of at most \d+, the numbers that are stored, got 1000000000$/,
  ],
  ["more parameters than names", spec((s) => Object.assign(s, { D: 3 })), /^model file: expected 3 parameters, got 2$/],
  [
    "an unknown prior",
    spec((s) => Object.assign(s.prior, { name: "cauchy" })),
    /^distribution: expected one of normal, .*, got "cauchy"$/,
  ],
  [
    "a prior with a negative sd",
    spec((s) => Object.assign(s.prior, { sd: [1, -1] })),
    /^normal: expected sd > 0 and finite, got -1 at index 1$/,
  ],
  [
    "a prior of another size",
    spec((s) => Object.assign(s.prior, { mean: [0, 0, 0], sd: [1, 1, 1] })),
    /^model: expected a prior of 2 parameters, got 3$/,
  ],
  [
    "another embedding",
    spec((s) => Object.assign(s.embedding, { kind: "principal" })),
    /^model: expected a tensor "embedding.projection" \(4, 3\), got none$/,
  ],
  [
    "an embedding that is wider than the data",
    spec((s) => Object.assign(s.embedding, { size: 4 })),
    /^model file: expected embedding.size 3, the number of data, got 4$/,
  ],
  [
    "a fingerprint of nothing",
    spec((s) => Object.assign(s.fingerprint, { theta: [], forward: [], logPrior: [] })),
    /^model file: expected a fingerprint of as many /,
  ],
  [
    "a tensor that is missing",
    () => tampered((_, t) => delete t["trunk.1"]),
    /^model: expected a tensor "trunk.1" \(7, 5\), got none$/,
  ],
  [
    "a tensor of another shape",
    () => tampered((_, t) => (t["trunk.1"] = { ...t["trunk.1"], shape: [5, 7] })),
    /^model: expected tensor "trunk.1" \(7, 5\), got \(5, 7\)$/,
  ],
  [
    "a tensor of one axis",
    () => tampered((_, t) => (t["trunk.1"] = { ...t["trunk.1"], shape: [35] })),
    /^model file: expected tensor "trunk.1" to be F32 or F16 with 2 axes, got F32 with 1$/,
  ],
  [
    "a weight that is not a number",
    () => {
      const broken = bytes.slice();
      broken.set([0, 0, 192, 127], broken.length - 4); // NaN
      return broken;
    },
    /^safetensors: expected tensor ".*" to be finite, got NaN or infinity at number \d+$/,
  ],
];
for (const [what, make, message] of unsound) {
  test(`load refuses ${what}`, async () => {
    assert.match((await rejection(load(make()))).message, message);
  });
}

/** Specs that are small themselves and ask for very much, or for very many small things; `padding` stands for their weights. */
const many = <T>(count: number, x: T): T[] => Array<T>(count).fill(x);
const padding: StoredTensor = { dtype: "F32", shape: [1, 3_000_000], data: new Float32Array(3_000_000) };
const padded =
  (change: Parameters<typeof spec>[0], more: Record<string, StoredTensor> = {}) =>
  () =>
    tampered((r, t) => {
      change((r as unknown as Loose).spec);
      Object.assign(t, { padding }, more);
    });
const guide = (name: string, options: object) => padded((s) => Object.assign(s, { guide: { name, options } }));
const nested = (depth: number): unknown =>
  Array.from({ length: depth }).reduce((x: unknown) => ({ name: "product", parts: [x] }), {
    name: "normal",
    mean: 0,
    sd: 1,
  });
const excessive: readonly [string, () => Uint8Array, RegExp][] = [
  [
    "a million layers",
    guide("gaussian", { hidden: many(1_000_000, 1) }),
    /^gaussian: expected hidden to be a list of at most 100 /,
  ],
  [
    "a hundred layers that are not there",
    guide("gaussian", { hidden: many(100, 1) }),
    /tensor "trunk.0" \(4, 1\), got \(4, 6\)$/,
  ],
  [
    "a million blocks",
    guide("coupling", { blocks: 1_000_000 }),
    /^coupling: expected blocks to be a whole number from 1 to 1000/,
  ],
  [
    "blocks that are not there",
    guide("coupling", { blocks: 1000, hidden: many(100, 9) }),
    /tensor "block0.0.scale.0" \(5, 9\), got none$/,
  ],
  [
    "splines that are not there",
    guide("spline", { bins: 16, hidden: many(100, 9), embedding: many(100, 9) }),
    /"embed.0" \(4, 9\), got none$/,
  ],
  [
    "permutations of very many",
    guide("coupling", { blocks: 2, permutations: [many(200_000, 0)] }),
    /^coupling.permutations: expected 1 perm/,
  ],
  [
    "a prior of 100,000 parts",
    padded((s) =>
      Object.assign(s, { prior: { name: "product", parts: many(100_000, { name: "uniform", low: 0, high: 1 }) } }),
    ),
    /^model file: expected lists of at most 4096 entries in the prior, got 100000$/,
  ],
  [
    "a prior of 4000 parts",
    padded((s) =>
      Object.assign(s, { prior: { name: "product", parts: many(4000, { name: "uniform", low: 0, high: 1 }) } }),
    ),
    /^product: expected at most 1000 parts, got 4000/,
  ],
  [
    "parts of parts",
    padded((s) => Object.assign(s, { prior: { name: "product", parts: many(1000, nested(1)) } })),
    /^model: expected a prior of 2 parameters, got 1000$/,
  ],
  [
    "a prior that is nested too deep",
    padded((s) => Object.assign(s, { prior: nested(500) })),
    /^model file: expected metadata of JSON, got something else$/,
  ],
  [
    "a hundred thousand parameters",
    padded((s) => Object.assign(s, { D: 100_000, parameters: many(100_000, { name: "a" }) })),
    /^model file: expected at most 4096 parameters, got 100000$/,
  ],
  [
    "twenty thousand tensors",
    padded(
      () => {},
      Object.fromEntries(
        Array.from({ length: 20_000 }, (_, i) => [`t${i}`, { ...padding, shape: [1, 1], data: new Float32Array(1) }]),
      ),
    ),
    /^model file: expected at most 16384 tensors, got 200\d\d$/,
  ],
];
for (const [what, make, message] of excessive) {
  test(`load refuses ${what} at once`, async () => {
    const large = make();
    const before = process.cpuUsage();
    assert.match((await rejection(load(large))).message, message);
    const { user, system } = process.cpuUsage(before);
    assert.ok((user + system) / 1e6 < 1.5, `${(user + system) / 1e6} s`);
  });
}

test("a problem of more parameters than a model file may have is not defined", () => {
  assert.throws(
    () => defineProblem({ name: "vast", prior: normal(many(5000, 0), 1), data: 1, noise: null }),
    /^vast: expected a prior of at most 4096 parameters, got 5000$/,
  );
  assert.throws(
    () => product(...many(1001, normal(0, 1))),
    /^product: expected at most 1000 parts, got 1001; one part may/,
  );
  assert.throws(
    () => gaussian({ hidden: many(101, 2) }),
    /^gaussian: expected hidden to be a list of at most 100 positive/,
  );
});

test("a file that is not there, and one that is no checkpoint, are refused with their path or what they are", async () => {
  assert.match(
    (await rejection(load(file("nowhere.safetensors")))).message,
    /^cannot read ".*nowhere.safetensors": no such file or folder$/,
  );
  const path = file("model.safetensors");
  writeFileSync(path, bytes);
  assert.match(
    (await rejection(loadCheckpoint(path))).message,
    /^checkpoint: expected a checkpoint, got another safetensors file$/,
  );
});

test("the file names its format, its library and how the map was trained", () => {
  const { metadata } = decodeSafetensors(bytes);
  const { format, version, spec: written } = JSON.parse(metadata.retrodict);
  assert.equal(
    [format, version, written.problem, written.training.steps, written.training.seed],
    [1, VERSION, "small", 30, 5],
  );
  const { version: published } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  assert.is(VERSION, published);
});

test.run();
