/**
 * `npm run bench gpu [-- --only products,flows,crossing]`: the same work on wasm, on our WebGPU, and on tfjs and jax-js on WebGPU, in Node
 * on Dawn, interleaved in one run, results checked first. On a GPU: products of matrices from 1024³ to 4096³ as a share of the f32 peak,
 * which is measured in the same run; W2's training at batches of 2,048 and 65,536; and the number of operations per step above which
 * WebGPU is faster than wasm. On a software adapter: small shapes, and dispatches per training step. Ratios are of medians of wall time.
 */
import { hostRunsRelaxed } from "../src/backends/wasm/kernels.ts";
import type { Gpu } from "../src/backends/webgpu/device.ts";
import { cost } from "../src/graph/plan.ts";
import { type CompareOptions, compare, machine, type Outputs, relative, type Timing } from "./driver.ts";
import { type Host, openHost } from "./gpu/host.ts";
import { peakLoop } from "./gpu/peak.ts";
import { LAYER_OPS, ownGpu, ownProduct, ownWasm } from "./gpu/retrodict.ts";
import { type Candidate, flowWork, type Product, type Trainer } from "./gpu/work.ts";
import { table } from "./report.ts";
import { flowTraining } from "./retrodict/models.ts";
import { normals } from "./workloads.ts";

interface Scale {
  readonly products: readonly number[];
  readonly peak: { readonly groups: number; readonly turns: number };
  /** Operations of one run of products: enough that the end of the run takes a small share of the time. */
  readonly productRun: number;
  readonly flows: readonly number[];
  readonly crossing: readonly number[];
  /** Steps of one run. */
  readonly steps: number;
  readonly timing: CompareOptions;
}

const onGpu: Scale = {
  products: [1024, 2048, 4096],
  peak: { groups: 8192, turns: 256 },
  productRun: 1e12,
  flows: [2048, 65_536],
  crossing: [8, 32, 128, 512, 2048, 8192],
  steps: 8,
  timing: { rounds: 7, seconds: 20 },
};
const onSoftware: Scale = {
  products: [128],
  peak: { groups: 64, turns: 4 },
  productRun: 1e7,
  flows: [8],
  crossing: [],
  steps: 1,
  timing: { rounds: 2, seconds: 0, warmUp: 0, sample: 0 },
};

interface Stage {
  readonly host: Host;
  readonly scale: Scale;
  readonly peers: readonly Candidate[];
}

/** The peers, or the reasons why they cannot run here. */
async function openPeers(): Promise<Candidate[]> {
  const open = async (name: string, load: () => Promise<Candidate>): Promise<Candidate> =>
    load().catch((error: Error & { code?: string }) => ({
      name,
      flow:
        error.code === "ERR_MODULE_NOT_FOUND"
          ? "is not installed: run npm ci --prefix bench"
          : `cannot run here: ${error.message}`,
    }));
  return [
    await open("tfjs-webgpu", async () => (await import("./gpu/tfjs.ts")).tfjsGpu()),
    await open("jax-js webgpu", async () => (await import("./gpu/jax.ts")).jaxGpu()),
  ];
}

const rate = (flops: number, { median }: Timing): number => flops / median / 1e6;

/** The rounding error of a sum of K products is about √K · 2⁻²⁴ of the size of its terms, which is about 1. */
function checkCorner(name: string, n: number, got: ArrayLike<number>, a: Float32Array, b: Float32Array): void {
  for (let j = 0; j < got.length; j++) {
    let want = 0;
    for (let k = 0; k < n; k++) want += a[k] * b[k * n + j];
    const allowed = (4 + 4 * Math.sqrt(n)) * 2 ** -24 * n;
    if (!(Math.abs(got[j] - want) <= allowed))
      throw new Error(`${name}, product ${n}: expected entry ${j} to be ${want} ± ${allowed}, got ${got[j]}`);
  }
}

async function products({ host, scale, peers }: Stage): Promise<void> {
  const { gpu } = host;
  const peak = await peakLoop(gpu, scale.peak.groups, scale.peak.turns);
  const rows = [["product", "what", "GFLOP/s", "share of the peak", "retrodict is faster by"]];
  for (const n of scale.products) {
    const [a, b] = [normals(n * n, 31), normals(n * n, 32)];
    const flops = 2 * n ** 3;
    const times = Math.max(2, Math.ceil(scale.productRun / flops));
    const ready: { name: string; product: Product }[] = [];
    try {
      for (const { name, flow, product } of [ownGpu(gpu), ...peers]) {
        if (product === undefined) {
          rows.push([`${n}³`, name, typeof flow === "string" ? flow : "has no product", "", ""]);
          continue;
        }
        const made = await product(n, a, b);
        ready.push({ name, product: made });
        checkCorner(name, n, await cornerAfterRun(made), a, b);
      }
      for (const op of LAYER_OPS.slice(1)) ready.push({ name: op, product: await ownProduct(gpu, op, n, a, b) });
      const timings = await compare(
        `Products ${n}³, ${times} per run`,
        [
          ...ready.map(({ name, product }) => ({ name, units: times, run: () => product.run(times) })),
          { name: "peak", run: () => peak.run() },
        ],
        { ...scale.timing },
      );
      const best = rate(peak.flops, timings[timings.length - 1]);
      for (const timing of timings.slice(0, -1)) {
        const reached = rate(flops, timing);
        rows.push([
          `${n}³`,
          timing.name,
          reached.toFixed(reached < 10 ? 2 : 0),
          `${((100 * reached) / best).toFixed(0)} %`,
          `${timing.ratio.toFixed(2)}×`,
        ]);
      }
      rows.push([`${n}³`, "peak, FMA loop", best.toFixed(0), "100 %", ""]);
    } finally {
      for (const { product } of ready) product.dispose();
    }
  }
  peak.dispose();
  console.log(`\nProducts of matrices:\n${table(rows)}`);
}

async function cornerAfterRun(product: Product): Promise<ArrayLike<number>> {
  await product.run(1);
  return product.corner(8);
}

/** Losses of the first steps to 1e-4, and the update of the weights to 2 % of its norm: Adam's first steps are signs of gradients. */
function agree(name: string, got: Outputs, want: Outputs, start: Float32Array): void {
  try {
    relative("losses", got.losses, want.losses, 1e-4);
    relative("weights", got.weights, want.weights, 2e-2, start);
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  }
}

interface Ready {
  readonly name: string;
  readonly trainer: Trainer;
  /** Dispatches per step on WebGPU. */
  readonly dispatches: number;
}

/** Prepares candidates for a batch and checks them against the first. Those that cannot run are left out, with the reason. */
async function readyFlows(
  host: Host,
  batch: number,
  candidates: readonly Candidate[],
): Promise<{ ready: Ready[]; reasons: string[][] }> {
  const work = flowWork(batch);
  const ready: Ready[] = [];
  const reasons: string[][] = [];
  let want: Outputs | undefined;
  for (const { name, flow } of candidates) {
    if (typeof flow === "string") {
      reasons.push([name, flow]);
      continue;
    }
    let trainer: Trainer;
    let outputs: Outputs;
    try {
      trainer = await flow(work);
      outputs = await trainer.outputs();
    } catch (error) {
      reasons.push([name, `failed: ${(error as Error).message.split("\n")[0]}`]);
      continue;
    }
    want ??= outputs;
    agree(`${name}, W2 at batch ${batch}`, outputs, want, work.weights());
    const before = host.dispatches();
    await trainer.steps(2);
    ready.push({ name, trainer, dispatches: (host.dispatches() - before) / 2 });
  }
  return { ready, reasons };
}

const wasmBuild = () => (hostRunsRelaxed() ? "relaxed" : "plain");

async function timeFlows(host: Host, batch: number, candidates: readonly Candidate[], { steps, timing }: Scale) {
  const { ready, reasons } = await readyFlows(host, batch, candidates);
  try {
    const timings = await compare(
      `W2, a training step at batch ${batch}, ${steps} per run`,
      ready.map(({ name, trainer }) => ({ name, units: steps, run: () => trainer.steps(steps) })),
      timing,
    );
    return { ready, reasons, timings };
  } finally {
    for (const { trainer } of ready) trainer.dispose();
  }
}

async function flows({ host, scale, peers }: Stage): Promise<void> {
  const rows = [
    [
      "W2, batch",
      "what",
      "steps/s",
      "dispatches per step",
      "retrodict webgpu is faster by",
      "dispatches relative to it",
    ],
  ];
  for (const batch of scale.flows) {
    const own = ownGpu(host.gpu);
    const { ready, reasons, timings } = await timeFlows(host, batch, [ownWasm(wasmBuild()), own, ...peers], scale);
    const mine = ready.findIndex(({ name }) => name === own.name);
    if (mine < 0) throw new Error(`bench gpu: ${reasons.flat().join(" ")}`);
    ready.forEach(({ name, dispatches }, i) => {
      const times = timings[i].median / timings[mine].median;
      const many = dispatches / ready[mine].dispatches;
      rows.push([
        `${batch}`,
        name,
        (1000 / timings[i].median).toPrecision(3),
        dispatches > 0 ? dispatches.toFixed(0) : "–",
        `${times.toFixed(2)}×`,
        dispatches > 0 ? `${many.toFixed(2)}×` : "–",
      ]);
    });
    for (const [name, reason] of reasons) rows.push([`${batch}`, name, reason, "", "", ""]);
  }
  console.log(`\nTraining:\n${table(rows)}`);
}

/** Crossing of the lines through the points, in logarithms, between the two batches at which the order changes. */
function crossingOf(points: readonly { flops: number; ratio: number }[]): string {
  const at = points.findIndex(({ ratio }) => ratio >= 1);
  if (at < 0) return "WebGPU never overtakes wasm here";
  if (at === 0)
    return `WebGPU is faster from ${points[0].flops.toExponential(1)} operations per step, the smallest step that was run`;
  const [low, high] = [points[at - 1], points[at]];
  const part = Math.log(1 / low.ratio) / Math.log(high.ratio / low.ratio);
  const flops = low.flops * (high.flops / low.flops) ** part;
  return `WebGPU overtakes wasm at ${flops.toExponential(1)} operations per step`;
}

async function crossing({ host, scale }: Stage): Promise<void> {
  if (scale.crossing.length === 0) return;
  const rows = [["W2, batch", "operations per step", "wasm steps/s", "WebGPU steps/s", "WebGPU is faster by"]];
  const points: { flops: number; ratio: number }[] = [];
  for (const batch of scale.crossing) {
    const { timings, reasons } = await timeFlows(host, batch, [ownWasm(wasmBuild()), ownGpu(host.gpu)], scale);
    if (timings.length < 2) throw new Error(`bench gpu: ${reasons.flat().join(" ")}`);
    const { flops } = cost(flowTraining(batch).plans.train, batch);
    const ratio = timings[0].median / timings[1].median;
    points.push({ flops, ratio });
    const rates = timings.map(({ median }) => (1000 / median).toPrecision(3));
    rows.push([`${batch}`, flops.toExponential(1), ...rates, `${ratio.toFixed(2)}×`]);
  }
  console.log(`\nFrom wasm to WebGPU:\n${table(rows)}\n${crossingOf(points)}`);
}

const parts: Readonly<Record<string, (stage: Stage) => Promise<void>>> = { products, flows, crossing };

function adapterLine({ name, software }: Gpu): string {
  const what = `adapter: ${name}`;
  return software
    ? `${what}. This adapter is software, not a GPU. It shows that results are right and how many dispatches a step makes; its times and ratios say nothing about GPUs.`
    : what;
}

export async function gpu({ only }: { only?: string }): Promise<void> {
  const names = only?.split(",") ?? Object.keys(parts);
  const odd = names.find((name) => !Object.hasOwn(parts, name));
  if (odd !== undefined)
    throw new Error(`bench gpu: expected --only of ${Object.keys(parts).join(", ")}, got "${odd}"`);
  const host = await openHost().catch((error: Error) => error.message);
  if (typeof host === "string") {
    console.log(`bench gpu: ${host}`);
    process.exitCode = 1;
    return;
  }
  console.log(`${machine()}\n${adapterLine(host.gpu)}`);
  const stage: Stage = { host, scale: host.gpu.software ? onSoftware : onGpu, peers: await openPeers() };
  for (const name of names) await parts[name](stage);
}
