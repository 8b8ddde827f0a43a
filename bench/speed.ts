/**
 * `npm run bench speed`: the work items against tfjs-wasm, jax-js (wasm) and onnxruntime-web, candidates interleaved in
 * one process, outputs checked first; on this Node and on a newer one, because their compilers differ. Ratios are of
 * medians of processor time.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build as bundle } from "esbuild";
import { hostRunsRelaxed } from "../src/backends/wasm/kernels.ts";
import { infer } from "../src/index.ts";
import { benchWork, compare, compareCold, machine, type Peer, type Timing, type WorkId } from "./driver.ts";
import { runOnEveryNode } from "./nodes.ts";
import { peakShare } from "./peak.ts";
import { table } from "./report.ts";
import { coldPeer, retrodict } from "./retrodict/index.ts";
import { gaussianMap } from "./retrodict/models.ts";
import { W4, WORKS } from "./workloads.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** A row of the summary: the item, and for our two builds the time of each peer over ours. */
type Summary = string[][];

/** The peers, written as in their guides, and tuned by hand for these models. */
async function peers(): Promise<Record<string, Peer>> {
  const load = (path: string) =>
    import(path).catch((error: { code?: string }) => {
      if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
      throw new Error("bench speed: expected the peers in bench/node_modules; install them by `npm ci --prefix bench`");
    });
  const [tfjs, jax, onnx] = await Promise.all(["tfjs", "jax", "onnx"].map((name) => load(`./${name}/index.ts`)));
  const [tfjsPlain, jaxPlain] = await Promise.all(["tfjs", "jax"].map((name) => load(`./${name}/plain.ts`)));
  return {
    tfjs: await tfjsPlain.setupPlain(),
    jax: await jaxPlain.setupPlain(),
    tfjsTuned: await tfjs.setup(),
    jaxTuned: await jax.setup(),
    onnx: await onnx.setup(),
  };
}

const ours = (): Peer[] => [retrodict("plain"), ...(hostRunsRelaxed() ? [retrodict("relaxed")] : [])];

/** Time of each peer over that of each of our builds. */
function ratios(title: string, timings: readonly Timing[], own: number): Summary {
  return timings
    .slice(own)
    .map((peer) => [
      title,
      peer.name,
      ...timings.slice(0, own).map((mine) => `${(peer.median / mine.median).toFixed(1)}×`),
    ]);
}

const TRAINING = ["tfjs", "jax", "tfjsTuned", "jaxTuned"];
const INFERENCE = [...TRAINING, "onnx"];
const COMPARISONS: readonly (readonly [id: WorkId, peers: readonly string[]])[] = [
  ["W2Step", TRAINING],
  ["W1Step", TRAINING],
  ["W4Flow", INFERENCE],
  ["W4FlowOwnNoise", INFERENCE],
  ["W4Gauss", INFERENCE],
  ["W4Batch", INFERENCE],
  ["W3_512", ["tfjs", "jax", "onnx"]],
  ["W3_1024", ["tfjs", "jax", "onnx"]],
];

async function againstPeers(only: readonly string[] | undefined): Promise<void> {
  const others = await peers();
  const summary: Summary = [["work", "peer", ...ours().map((p) => p.name)]];
  for (const [id, names] of COMPARISONS) {
    if (only && !only.includes(id)) continue;
    const mine = ours();
    const timings = await benchWork(WORKS[id], id, [...mine, ...names.map((n) => others[n])], {
      clock: "cpu",
      seconds: 15,
      rounds: 7,
    });
    summary.push(...ratios(id, timings, mine.length));
  }
  console.log(`\nHow many times as long the peer takes:\n${table(summary)}`);
}

/** The public calls: `infer` and `sample` with the Gaussian guide of W1. */
async function oneObservation(): Promise<void> {
  const map = await gaussianMap();
  const y = W4.gaussObservation();
  const run = async () => {
    const posterior = await infer(map, y);
    await posterior.sample(W4.draws, { seed: 1 });
  };
  await compare(
    "one observation of 600 data values → Gaussian posterior and 1000 draws, by infer() and sample()",
    [{ name: "retrodict", run }],
    { clock: "cpu" },
  );
}

async function coldStart(): Promise<void> {
  const { tfjsTuned, jaxTuned, onnx } = await peers();
  // Inside bench/, so that Node finds the peers' packages.
  const folder = mkdtempSync(join(root, "bench/cold-"));
  const make = (script: string, file: string) =>
    bundle({
      entryPoints: [script],
      outfile: file,
      bundle: true,
      platform: "node",
      format: "esm",
      packages: "external",
      logLevel: "error",
      alias: { retrodict: join(root, "dist/index.js") },
      external: [join(root, "dist/*")],
    });
  try {
    await compareCold(WORKS.W4FlowOwnNoise, [coldPeer(), tfjsTuned, jaxTuned, onnx], folder, make, { rounds: 7 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Files that a page must load: the entry chunk with its imports, and one build of the kernels. */
export async function pageSize(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "retrodict-size-"));
  try {
    const page = { contents: 'export { load, infer, train, defineProblem } from "./dist/index.js";', resolveDir: root };
    const { outputFiles } = await bundle({
      stdin: page,
      bundle: true,
      minify: true,
      format: "esm",
      write: false,
      logLevel: "error",
      external: ["node:*"],
      loader: { ".wasm": "file" },
      outdir: folder,
    });
    const entry = gzipSync(outputFiles[0].contents, { level: 9 }).length;
    const rows = ["kernels.wasm", "kernels-relaxed.wasm"].map((name) => {
      const wasm = gzipSync(readFileSync(join(root, "dist", name)), { level: 9 }).length;
      return [
        name,
        `${(wasm / 1000).toFixed(1)} kB`,
        `entry ${(entry / 1000).toFixed(1)} kB`,
        `together ${((wasm + entry) / 1000).toFixed(1)} kB`,
      ];
    });
    console.log(`\nWhat a page loads, gzip:\n${table(rows)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function peaks(): Promise<void> {
  const builds = hostRunsRelaxed() ? (["plain", "relaxed"] as const) : (["plain"] as const);
  const rows: string[][] = [];
  for (const build of builds) {
    const { peak, products } = await peakShare(build);
    rows.push([
      build,
      `peak ${peak.toFixed(1)} GFLOP/s`,
      `products ${products.toFixed(1)} GFLOP/s`,
      `${((100 * products) / peak).toFixed(0)} %`,
    ]);
  }
  console.log(`\nShare of the SIMD peak:\n${table(rows)}`);
}

/** Parts by name, in the order in which they are printed. */
const parts: Record<string, (only?: readonly string[]) => Promise<void>> = {
  peak: peaks,
  peers: againstPeers,
  observation: oneObservation,
  cold: coldStart,
  size: pageSize,
};

/** Runs the parts here, or all of them on both versions of Node. */
export async function speed({ only }: { only?: string }): Promise<void> {
  const names = only?.split(",");
  if (runOnEveryNode("speed")) return;
  console.log(machine());
  for (const [name, part] of Object.entries(parts)) {
    const works = names?.filter((n) => COMPARISONS.some(([id]) => id === n));
    if (names === undefined || names.includes(name) || (name === "peers" && works && works.length > 0))
      await part(works?.length ? works : undefined);
  }
}
