// Timing of several candidates in one process. Each round runs every candidate once, in rotating order, so that disturbances of
// the machine affect all candidates alike. Results are medians, and ratios of medians to the first candidate.
// Results are checked before anything is timed.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";

/** The names of the work items; a peer implements those that its library supports. */
export type WorkId =
  | "W1Step"
  | "W2Step"
  | "W3_512"
  | "W3_1024"
  | "W3_160x60x60"
  | "W3_32x20x600"
  | "W3_2048x100x100"
  | "W4Flow"
  | "W4FlowOwnNoise"
  | "W4Gauss"
  | "W4GaussOwnNoise"
  | "W4Batch";

/** Outputs of a candidate for the check: named flat arrays, rows first. */
export type Outputs = Record<string, ArrayLike<number>>;

/** A work item made ready by one library. */
export interface Prepared {
  /** One unit of work, finished when it returns or resolves. */
  run(): void | Promise<void>;
  /** The outputs from the initial state; called once, before any `run`. */
  outputs(): Outputs | Promise<Outputs>;
  /** Frees the memory of the work item. */
  dispose?(): void | Promise<void>;
}

/** One library. `workloads` holds a function for each item it can do; nothing is allocated until it is called. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Its setup in one line: backend, threads, tuning by hand. */
  readonly notes: string;
  readonly workloads: { readonly [K in WorkId]?: () => Prepared | Promise<Prepared> };
  /** For the cold start: the script (see `compareCold`), and the file with W2's flow. */
  readonly cold?: { readonly script: string; model(): Uint8Array };
}

/** One work item: its title, its cost, and the judge of its outputs. */
export interface Work {
  readonly title: string;
  /** Multiplications and additions of the matrix products alone, in one run. */
  readonly flops: number;
  /** Throws if `outputs` are wrong; returns the largest error as a fraction of its tolerance. */
  verify(outputs: Outputs): number;
}

/**
 * |got − want| / |want − origin| in the 2-norm must stay within the tolerance; a NaN does not.
 * For trained weights the origin is their initial value, so that the update is judged.
 * @returns the error as a fraction of the tolerance
 */
export function relative(
  name: string,
  got: ArrayLike<number> | undefined,
  want: ArrayLike<number>,
  tolerance: number,
  origin?: ArrayLike<number>,
): number {
  if (!got || got.length !== want.length) {
    throw new Error(`${name}: expected ${want.length} numbers, got ${got ? got.length : "none"}`);
  }
  let error = 0;
  let size = 0;
  for (let i = 0; i < want.length; i++) {
    error += (got[i] - want[i]) ** 2;
    size += (want[i] - (origin ? origin[i] : 0)) ** 2;
  }
  const ratio = Math.sqrt(error / size) / tolerance;
  if (!(ratio <= 1)) throw new Error(`${name}: relative error ${ratio * tolerance}, allowed ${tolerance}`);
  return ratio;
}

/** Mean and standard deviation of each column of draws (S, dim). */
function columnMoments(x: ArrayLike<number>, dim: number): { mean: number; sd: number }[] {
  const n = x.length / dim;
  return Array.from({ length: dim }, (_, d) => {
    let mean = 0;
    let square = 0;
    for (let r = 0; r < n; r++) mean += x[r * dim + d] / n;
    for (let r = 0; r < n; r++) square += (x[r * dim + d] - mean) ** 2 / n;
    return { mean, sd: Math.sqrt(square) };
  });
}

/**
 * Means and standard deviations of draws (draws, dim) must lie within 6 standard errors of a reference sample's.
 * @returns the largest error as a fraction of the tolerance
 */
export function moments(
  name: string,
  got: ArrayLike<number> | undefined,
  want: ArrayLike<number>,
  dim: number,
  draws: number,
): number {
  if (!got || got.length !== draws * dim) throw new Error(`${name}: expected ${draws * dim} numbers`);
  const reference = columnMoments(want, dim);
  const tolerance = 6 * Math.sqrt(1 / draws + dim / want.length);
  return Math.max(
    ...columnMoments(got, dim).map((g, d) => {
      const { mean, sd } = reference[d];
      const ratio = Math.max(Math.abs(g.mean - mean), Math.abs(g.sd - sd)) / sd / tolerance;
      if (!(ratio <= 1)) throw new Error(`${name}: column ${d} is ${g.mean} ± ${g.sd}, expected ${mean} ± ${sd}`);
      return ratio;
    }),
  );
}

/** A candidate. */
export interface Candidate {
  readonly name: string;
  /** Units of work in a run; times are for one unit (default 1). */
  readonly units?: number;
  run(): void | Promise<void>;
}

/** Options of the measurement. */
export interface CompareOptions {
  /** Fewest rounds (default 10). */
  rounds?: number;
  /** Fewest seconds for all candidates together (default 4). */
  seconds?: number;
  /** Warm-up of each candidate: at least so many seconds, and two runs (default 1), because V8 replaces its first, slow code. */
  warmUp?: number;
  /** A sample repeats the run for at least so many milliseconds (default 3), because clocks and `await` are coarse. */
  sample?: number;
  /** "cpu" measures the processor time of the process instead of wall time, for machines with other load. */
  clock?: "wall" | "cpu";
  /** If given, the rate is printed too. */
  flops?: number;
  /** Receives the table line by line (default: standard output). */
  print?: (line: string) => void;
}

/** Milliseconds per unit of work by the chosen clock, over the rounds, and the ratio to the first candidate. */
export interface Timing {
  readonly name: string;
  readonly median: number;
  readonly quartiles: readonly [number, number];
  /** Median over the first candidate's median. */
  readonly ratio: number;
  /** Quartiles of the ratios round by round. */
  readonly ratioQuartiles: readonly [number, number];
  /** Processor time of the whole process over wall time; about 1 for one thread. */
  readonly threads: number;
  readonly rounds: number;
}

function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = p * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

/** Medians, quartiles and ratios to the first candidate, from one list of times per candidate. */
function summarise(names: readonly string[], times: readonly number[][], threads: readonly number[]): Timing[] {
  const base = quantile(times[0], 0.5);
  return names.map((name, c) => {
    const ratios = times[c].map((t, round) => t / times[0][round]);
    const median = quantile(times[c], 0.5);
    return {
      name,
      median,
      quartiles: [quantile(times[c], 0.25), quantile(times[c], 0.75)],
      ratio: median / base,
      ratioQuartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
      threads: threads[c],
      rounds: times[c].length,
    };
  });
}

async function repeat(candidate: Candidate, times: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < times; i++) {
    const pending = candidate.run();
    if (pending) await pending;
  }
  return performance.now() - start;
}

/**
 * Times the candidates, interleaved.
 * @param title what is compared, printed above the table
 * @param candidates at least one; ratios are to the first
 * @returns one timing per candidate, in the given order
 */
export async function compare(
  title: string,
  candidates: readonly Candidate[],
  options: CompareOptions = {},
): Promise<Timing[]> {
  const { rounds = 10, seconds = 4, warmUp = 1, sample = 3, clock = "wall", print = console.log } = options;
  const repeats: number[] = [];
  for (const candidate of candidates) {
    const start = performance.now();
    let fastest = Infinity;
    for (let n = 0; n < 2 || performance.now() - start < warmUp * 1000; n++) {
      fastest = Math.min(fastest, await repeat(candidate, 1));
    }
    repeats.push(Math.max(1, Math.ceil(sample / fastest)));
  }
  const times: number[][] = candidates.map(() => []);
  const [wall, processor] = [candidates.map(() => 0), candidates.map(() => 0)];
  const end = performance.now() + seconds * 1000;
  for (let round = 0; round < rounds || performance.now() < end; round++) {
    for (let turn = 0; turn < candidates.length; turn++) {
      const c = (round + turn) % candidates.length;
      const before = process.cpuUsage();
      const elapsed = await repeat(candidates[c], repeats[c]);
      const used = process.cpuUsage(before);
      const busy = (used.user + used.system) / 1000;
      wall[c] += elapsed;
      processor[c] += busy;
      times[c].push((clock === "cpu" ? busy : elapsed) / (repeats[c] * (candidates[c].units ?? 1)));
    }
  }
  const results = summarise(
    candidates.map(({ name }) => name),
    times,
    processor.map((busy, c) => busy / wall[c]),
  );
  printTable(clock === "cpu" ? `${title}, processor time` : title, results, options.flops, print);
  return results;
}

const digits = (x: number): string => (x >= 100 ? x.toFixed(0) : x.toPrecision(3));

function printTable(
  title: string,
  results: readonly Timing[],
  flops: number | undefined,
  print: (line: string) => void,
): void {
  const width = Math.max(9, ...results.map((r) => r.name.length));
  print(`\n${title} (${results[0].rounds} rounds)`);
  print(`${"".padEnd(width)}  median ms [quartiles]       ratio [quartiles]        ${flops ? "GFLOP/s  " : ""}threads`);
  for (const r of results) {
    const time = `${digits(r.median)} [${r.quartiles.map(digits).join(", ")}]`;
    const ratio = `${digits(r.ratio)} [${r.ratioQuartiles.map(digits).join(", ")}]`;
    const rate = flops ? digits(flops / r.median / 1e6).padEnd(9) : "";
    print(
      `${r.name.padEnd(width)}  ${time.padEnd(26)}  ${ratio.padEnd(23)}  ${rate}${Number.isNaN(r.threads) ? "–" : r.threads.toFixed(2)}`,
    );
  }
}

/** A line that names the machine and the JavaScript engine. */
export function machine(): string {
  const [cpu] = os.cpus();
  const memory = Math.round(os.totalmem() / 2 ** 30);
  // A module whose one function is f32x4.relaxed_madd: valid if relaxed SIMD is on.
  const probe = [
    0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 3, 123, 123, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 1, 32,
    2, 253, 133, 2, 11,
  ];
  const relaxed = WebAssembly.validate(new Uint8Array(probe)) ? "on" : "off";
  return (
    `${cpu?.model.trim() ?? "unknown processor"}, ${os.cpus().length} cores, ${memory} GiB, ${os.type()} ` +
    `${os.arch()}; Node ${process.versions.node}, V8 ${process.versions.v8}, relaxed SIMD ${relaxed}`
  );
}

/**
 * Checks one work item in every peer that has it, then times them.
 * @throws an Error that names peer, item and error if an output is wrong; nothing is timed then
 */
export async function benchWork(
  work: Work,
  id: WorkId,
  peers: readonly Peer[],
  options: CompareOptions = {},
): Promise<Timing[]> {
  const ready: (Candidate & Prepared)[] = [];
  const print = options.print ?? console.log;
  const errors: string[] = [];
  try {
    for (const peer of peers) {
      const prepared = await peer.workloads[id]?.();
      if (!prepared) continue;
      ready.push({ ...prepared, name: peer.name });
      const outputs = await prepared.outputs();
      try {
        errors.push(`${peer.name} ${(100 * work.verify(outputs)).toPrecision(2)} %`);
      } catch (error) {
        throw new Error(`${peer.name}, ${id}: ${(error as Error).message}`, { cause: error });
      }
    }
    if (ready.length === 0) return [];
    const results = await compare(work.title, ready, { flops: work.flops, ...options });
    print(`errors, in per cent of the tolerance: ${errors.join(", ")}`);
    return results;
  } finally {
    for (const { dispose } of ready) await dispose?.();
  }
}

/**
 * Cold starts: in a fresh process, in rotating order, each peer's script loads its library and a model and answers one
 * posterior. A script gets two paths: the model's, and where to write the draws as raw float32. It prints
 * `posterior-ms NUMBER`, milliseconds since the start of its process; writing the draws comes after.
 * @param bundle makes one JavaScript file of a script and our own modules, leaving packages as they are installed
 * @param directory where scripts, models and draws go; packages must be found from there
 * @throws an Error with the script's standard error if one fails, or if draws are wrong
 */
export async function compareCold(
  work: Work,
  peers: readonly Peer[],
  directory: string,
  bundle: (script: string, file: string) => Promise<unknown>,
  options: CompareOptions = {},
): Promise<Timing[]> {
  const { rounds = 10, print = console.log } = options;
  const title = `Cold start, from the start of the process: library, model, ${work.title}`;
  fs.mkdirSync(directory, { recursive: true });
  const able = peers.flatMap(({ name, cold }) => (cold ? [{ name, ...cold }] : []));
  const files = able.map(({ name }) => ["mjs", "model", "draws"].map((end) => path.join(directory, `${name}.${end}`)));
  for (const [c, { script, model }] of able.entries()) {
    await bundle(script, files[c][0]);
    fs.writeFileSync(files[c][1], model());
  }
  const times: number[][] = able.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < able.length; turn++) {
      const c = (round + turn) % able.length;
      const child = spawnSync(process.execPath, files[c], { encoding: "utf8", timeout: 120_000 });
      const found = /posterior-ms ([\d.]+)/.exec(child.stdout);
      if (child.status !== 0 || !found) throw new Error(`${able[c].name}: ${child.stderr || "no answer"}`);
      if (round === 0) work.verify({ draws: new Float32Array(new Uint8Array(fs.readFileSync(files[c][2])).buffer) });
      times[c].push(Number(found[1]));
    }
  }
  const results = summarise(
    able.map(({ name }) => name),
    times,
    able.map(() => NaN),
  );
  printTable(title, results, undefined, print);
  return results;
}
