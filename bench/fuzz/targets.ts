/** What is fuzzed: every reader of bytes from elsewhere, with valid inputs, mutations that reach its inside, and what it answers. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gmsh } from "../../src/fem/gmsh.ts";
import { square } from "../../src/graph/elementwise.ts";
import {
  defineProblem,
  gaussianNoise,
  type InverseMap,
  infer,
  load,
  normal,
  simulate,
  toBytes,
  train,
  umbridge,
} from "../../src/index.ts";
import { decodeBankFile, encodeHead, encodeRecord } from "../../src/simulate/bank-file.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/store/checkpoint-file.ts";
import { decodeModel, encodeModel } from "../../src/store/model-file.ts";
import { encodeNpy } from "../../src/store/npy.ts";
import { parseObservations, parseTable } from "../../src/store/observations.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/store/safetensors.ts";
import type { Checkpoint } from "../../src/train/checkpoint.ts";
import { VERSION } from "../../src/version.ts";
import { mutateBytes, mutateData, mutateText, pick, type Random } from "./mutate.ts";

export interface Target {
  readonly name: string;
  /** Inputs of a full run. */
  readonly count: number;
  readonly make: (random: Random) => Uint8Array<ArrayBuffer>;
  /** Reads an input as a user would, and goes on to use it. The answer holds finite numbers only. */
  readonly read: (input: Uint8Array<ArrayBuffer>) => unknown;
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Valid inputs, mutated as bytes, and as text. */
const ofText =
  (seeds: readonly string[]) =>
  (random: Random): Uint8Array<ArrayBuffer> =>
    random(4) === 0
      ? mutateBytes(random, bytesOf(pick(random, seeds)), bytesOf(pick(random, seeds)))
      : bytesOf(mutateText(random, pick(random, seeds)));

const problem = defineProblem({ name: "fuzzed", prior: normal([0, 0], 1), forward: square, noise: gaussianNoise(0.1) });
const outside = defineProblem({
  ...{ name: "outside", prior: normal([0, 0], 1), data: 2, noise: gaussianNoise(0.1) },
  simulate: (rows) => rows.map(([a, b]) => [a, b]),
});
const quick = { batch: 8, heldOut: 16, seed: 1, kernels: "plain", onWarning: () => {} } as const;

const CSV = [
  "a,b\n1,2\n3.5,-4e-3\n",
  "1;2\n3;4\n",
  '# units: m\n"height, m","b"\n1, 2 # first\n\n-.5,+6.\n',
  "y1\ty2\n1\t2\n3\t4\n",
  "1 2\r\n3 4\r\n",
  "0,1\n0.5,1.5\n2.5,3.5\n",
];
const JSONS = ["[[1,2],[3,4.5]]", "[1, 2]", "[[1e-3,-2],[0,5]]\n", " [ [ 1 , 2 ] ] "];
const data = problem.data ?? [{ name: "y1" }, { name: "y2" }];
const finiteRows = ({ rows }: { rows: readonly ArrayLike<number>[] }): unknown => rows;
const tables = (bytes: Uint8Array, name: string): unknown => {
  const flat = finiteRows(parseTable(bytes, name, { flat: "column" }));
  return [flat, finiteRows(parseObservations(bytes, name, data))];
};

/** Readers of tables: the second reading, as observations, may refuse what the first takes. */
const ofTables = (name: string) => (bytes: Uint8Array) => tables(bytes, name);

function npy(random: Random): Uint8Array<ArrayBuffer> {
  const seeds = [
    encodeNpy(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]),
    encodeNpy(new Float32Array(8).fill(0.5), [2, 2, 2]),
  ];
  const seed = pick(random, seeds);
  if (random(2) === 0) return mutateBytes(random, seed, pick(random, seeds));
  // The dictionary as text, with its length.
  const end = 10 + new DataView(seed.buffer, seed.byteOffset).getUint16(8, true);
  const descr = pick(random, ["<f4", "<f8", ">f8", "<i4", "|u1", "<f2", "|b1", "<c8", "|O", "<i8", "V8"]);
  const head = bytesOf(mutateText(random, textOf(seed.subarray(10, end)).replace("<f4", descr)).slice(0, 60_000));
  const out = new Uint8Array(10 + head.length + seed.length - end);
  out.set(seed.subarray(0, 8));
  new DataView(out.buffer).setUint16(8, head.length, true);
  out.set(head, 10);
  out.set(seed.subarray(end), 10 + head.length);
  return out;
}

/** A safetensors file: as bytes; its header as text; or the record in its metadata as data. */
function inside(
  random: Random,
  bytes: Uint8Array<ArrayBuffer>,
  other: Uint8Array,
  key?: string,
): Uint8Array<ArrayBuffer> {
  const way = random(key === undefined ? 2 : 4);
  if (way === 0) return mutateBytes(random, bytes, other);
  if (way >= 2 && key !== undefined) {
    const { tensors, metadata } = decodeSafetensors(bytes);
    const record = mutateData(random, JSON.parse(metadata[key]));
    return encodeSafetensors(tensors, { ...metadata, [key]: JSON.stringify(record) ?? "" });
  }
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const head = bytesOf(mutateText(random, textOf(bytes.subarray(8, 8 + length))));
  const out = new Uint8Array(8 + head.length + bytes.length - 8 - length);
  new DataView(out.buffer).setUint32(0, head.length, true);
  out.set(head, 8);
  out.set(bytes.subarray(8 + length), 8 + head.length);
  return out;
}

const extremes = [0, 1, -1, 3e38, -3e38, 1e20, 1e-40, 1e38];
/** Numbers replaced by others that single precision holds. */
const strange = (random: Random, values: Float32Array): Float32Array<ArrayBuffer> => {
  const out = new Float32Array(values);
  for (let left = 1 + random(4); left > 0; left--) out[random(out.length)] = pick(random, extremes);
  return out;
};

async function models(): Promise<Target> {
  const guides = [
    ["gaussian", {}],
    ["mixture", {}],
    ["coupling", {}],
    ["spline", {}],
    ["gaussian", { base: "linear" }],
  ] as const;
  const { guideFrom } = await import("../../src/guides/index.ts");
  const seeds: Uint8Array<ArrayBuffer>[] = [];
  for (const [name, more] of guides) {
    const guide = guideFrom(name, { hidden: [4], ...(name === "coupling" ? { blocks: 2 } : {}), ...more });
    seeds.push(toBytes(await train(problem, { ...quick, guide, steps: 2 })));
  }
  const parts = await Promise.all(seeds.map((bytes) => decodeModel(bytes)));
  const make = (random: Random): Uint8Array<ArrayBuffer> => {
    const at = random(seeds.length);
    if (random(5) > 0) return inside(random, seeds[at], pick(random, seeds), "retrodict");
    const { spec, tensors } = parts[at];
    const name = pick(random, Object.keys(tensors));
    const changed = { ...tensors, [name]: { ...tensors[name], data: strange(random, tensors[name].data) } };
    return encodeModel({ spec, tensors: changed } as Pick<InverseMap, "spec" | "tensors">, VERSION);
  };
  const read = async (bytes: Uint8Array): Promise<unknown> => {
    const map = await load(bytes, { kernels: "plain" });
    const y = new Array(map.spec.M).fill(0.4);
    const posterior = await infer(map, y, { draws: 16 });
    return [
      posterior.mean,
      posterior.sd,
      posterior.quantile(0.5),
      await posterior.sample(8, { seed: 1 }),
      posterior.warning === undefined && posterior.distance, // beyond every number, it is told
    ];
  };
  return { name: "models", count: 3000, make, read };
}

async function checkpoints(): Promise<Target> {
  const { gaussian } = await import("../../src/guides/gaussian.ts");
  const options = { ...quick, guide: gaussian({ hidden: [4] }), steps: 6, evaluateEvery: 2 };
  const kept: Checkpoint[] = [];
  await train(problem, { ...options, onCheckpoint: (c) => void kept.push(c), checkpointEvery: 1e-9 });
  const make = (random: Random): Uint8Array<ArrayBuffer> => {
    const checkpoint = pick(random, kept);
    if (random(5) > 0)
      return inside(random, encodeCheckpoint(checkpoint), encodeCheckpoint(pick(random, kept)), "retrodict-checkpoint");
    const { weights, optimiser, best } = checkpoint;
    const changed = pick(random, [
      { weights: strange(random, weights) },
      { weights: weights.slice(0, random(weights.length)) },
      { optimiser: { ...optimiser, v: strange(random, optimiser.v) } },
      { optimiser: { ...optimiser, m: optimiser.m.slice(1) } },
      { best: { ...best, weights: strange(random, best.weights) } },
    ]);
    return encodeCheckpoint({ ...checkpoint, ...changed });
  };
  const read = async (bytes: Uint8Array): Promise<unknown> => {
    const map = await train(problem, { ...options, resume: await decodeCheckpoint(bytes) });
    return Object.values(map.tensors).map(({ data: numbers }) => numbers);
  };
  return { name: "checkpoints", count: 4000, make, read };
}

const SAFE = [
  encodeSafetensors({ a: { dtype: "F32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } }, { k: "v" }),
  encodeSafetensors(
    {
      b: { dtype: "F64", shape: [3], data: Float64Array.of(1, 2, 3) },
      c: { dtype: "I32", shape: [], data: Int32Array.of(7) },
      d: { dtype: "F16", shape: [2], data: Uint16Array.of(0x3c00, 0) },
    },
    {},
  ),
];

function gmshTarget(): Target {
  const folder = new URL("../../test/fixtures/gmsh/", import.meta.url);
  const square41 = `$MeshFormat
4.1 0 8
$EndMeshFormat
$Nodes
1 4 1 4
2 1 0 4
1
2
3
4
0 0 0
1 0 0
1 1 0
0 1 0
$EndNodes
$Elements
1 2 1 2
2 1 2 2
1 1 2 3
2 1 3 4
$EndElements
`;
  const whole = fs.readdirSync(folder).filter((name) => name.endsWith(".msh"));
  const seeds = [square41, square41, ...whole.map((name) => fs.readFileSync(new URL(name, folder), "utf8"))];
  return { name: "gmsh", count: 8000, make: ofText(seeds), read: (bytes) => gmsh(textOf(bytes)) };
}

function umbridgeTarget(): Target {
  const replies: Readonly<Record<string, unknown>> = {
    Info: { protocolVersion: 1.0, models: ["forward"] },
    ModelInfo: { support: { Evaluate: true, Gradient: true } },
    InputSizes: { inputSizes: [2] },
    OutputSizes: { outputSizes: [1, 2] },
    Evaluate: { output: [[1], [2, 3.5]] },
    Gradient: { output: [0.5, 1] },
  };
  const names = Object.keys(replies);
  const make = (random: Random): Uint8Array<ArrayBuffer> => {
    const at = random(names.length);
    const reply = replies[names[at]];
    const text =
      random(2) === 0 ? JSON.stringify(mutateData(random, reply)) : mutateText(random, JSON.stringify(reply));
    const body = random(6) === 0 ? mutateBytes(random, bytesOf(text), bytesOf(text)) : bytesOf(text);
    return new Uint8Array([
      at,
      pick(random, [200, 200, 200, 200, 400, 500]) % 256,
      ...(body.length < 60_000 ? body : body.subarray(0, 60_000)),
    ]);
  };
  const read = async ([at, code, ...body]: Uint8Array): Promise<unknown> => {
    const status = [200, 400, 500].find((s) => s % 256 === code) ?? 200;
    const { fetch } = globalThis;
    globalThis.fetch = async (url) => {
      const path = String(url).split("/").pop() ?? "";
      return names[at] === path
        ? new Response(Uint8Array.from(body), { status })
        : new Response(JSON.stringify(replies[path]));
    };
    try {
      const model = await umbridge({ url: "http://127.0.0.1:1", retries: 0 });
      return [
        await model.evaluate(new Array(model.D).fill(1)),
        await model.gradient(new Array(model.D).fill(1), new Array(model.M).fill(1)),
      ];
    } finally {
      globalThis.fetch = fetch;
    }
  };
  return { name: "umbridge", count: 12_000, make, read };
}

function banks(): Target {
  const path = join(fs.mkdtempSync(join(tmpdir(), "retrodict-fuzz-")), "bank");
  process.on("exit", () => fs.rmSync(join(path, ".."), { recursive: true, force: true }));
  const identity = { problem: "outside", D: 2, M: 2, prior: outside.prior.spec, proposal: null, seed: 0 };
  let next = new Uint8Array();
  const record = (random: Random) => {
    const rows = 1 + random(3);
    const step = pick(random, [0, 1, -1, -2, -3, -4, 5]);
    const theta = Float64Array.from({ length: 2 * rows }, () =>
      pick(random, [0, 1, -2, 0.5, Number.NaN, 1e300, 1e39, Infinity]),
    );
    const values = Float32Array.from({ length: 2 * rows }, () =>
      pick(random, [0, 1, -2, 0.5, 3e38, Number.NaN, Infinity]),
    );
    const at = Uint32Array.from({ length: rows }, () => pick(random, [0, 1, 2, 3, 7, 8, 1e6, 0xffffffff]));
    return encodeRecord({ step, rows: at, failed: at.map(() => pick(random, [0, 0, 1, 7])), theta, data: values });
  };
  const make = (random: Random): Uint8Array<ArrayBuffer> => {
    const head = random(6) > 0 ? encodeHead(identity) : encodeHead(mutateData(random, identity) as typeof identity);
    const whole = Buffer.concat([head, ...Array.from({ length: random(4) }, () => record(random))]);
    return random(2) === 0 ? new Uint8Array(whole) : mutateBytes(random, new Uint8Array(whole), whole);
  };
  const read = async (bytes: Uint8Array<ArrayBuffer>): Promise<unknown> => {
    next = bytes;
    const { records } = decodeBankFile(next, path, identity);
    if (records.length === 0) return [];
    fs.writeFileSync(path, next);
    const { count, ...simulations } = await simulate(outside, 8, {
      ...{ bankFile: path, kernels: "plain" },
      onWarning: () => {},
    });
    return simulations;
  };
  return { name: "banks", count: 12_000, make, read };
}

/** All targets; made when they are asked for, because some train models first. */
export const targets: Readonly<Record<string, () => Target | Promise<Target>>> = {
  csv: () => ({ name: "csv", count: 24_000, make: ofText(CSV), read: ofTables("data.csv") }),
  json: () => ({ name: "json", count: 18_000, make: ofText(JSONS), read: ofTables("data.json") }),
  npy: () => ({ name: "npy", count: 18_000, make: npy, read: ofTables("data.npy") }),
  safetensors: () => ({
    ...{ name: "safetensors", count: 17_000 },
    make: (random) => inside(random, pick(random, SAFE), pick(random, SAFE)),
    read: (bytes) =>
      Object.values(decodeSafetensors(bytes).tensors).map(({ dtype, data: numbers }) => dtype === "F16" || numbers),
  }),
  models,
  checkpoints,
  gmsh: gmshTarget,
  umbridge: umbridgeTarget,
  banks,
};
