/** Posteriors of a set that grows: its members pass the network once, and the rest of the map sees their sums. */
import type { Executor, Rows } from "../backends/backend.ts";
import { cachedBy, cachedByBackend } from "../backends/executor-cache.ts";
import { type BackendOptions, createExecutor } from "../backends/select.ts";
import { input } from "../graph/build.ts";
import { compile } from "../graph/program.ts";
import { atOnce } from "../host/yielding.ts";
import { type InverseMap, packSlab } from "../model/model.ts";
import { type SetParts, traceSet } from "../nn/sets.ts";
import { withoutCentre } from "../numbers/offsets.ts";
import { packed, triIndex } from "../numbers/triangles.ts";
import { isSet, type SetData, type SetSize } from "../problem/set.ts";
import { setRows } from "../problem/set-rows.ts";
import { type AmortisedPosterior, closedSummary, posteriorOf } from "./infer.ts";

interface Settings {
  readonly window: number | undefined;
  readonly draws: number;
  readonly seed: number;
  readonly backend: BackendOptions;
}

type Reading = number | null | ArrayLike<number> | SetData;

/** Two plans: `members`, members to what they add to the sums; `encode`, what the sums tell to the context and the distance. */
const programs = cachedBy((map: InverseMap) => {
  const set = map.spec.rows?.set as SetSize;
  const traced = traceSet(set, map.spec.embedding);
  const { H, m, seconds } = traced.sizes;
  const pooled = input("pooled", 2 * H + m + seconds + 2 * m + 1);
  const context = map.guide.encode(traced.features(pooled));
  const program = atOnce(
    compile({
      members: { outputs: { own: traced.members(input("y", m)) } },
      encode: { outputs: { context, distance: traced.distanceOf(pooled), ...map.guide.moments?.(context) } },
    }),
  );
  const executor = cachedByBackend(async (backend) => {
    const made = await createExecutor(program, backend);
    await made.writeWeights(packSlab(program.weights, map.tensors));
    await made.writeWeights(packSlab(program.frozen, map.tensors), "frozen");
    return { executor: made };
  });
  return { sizes: traced.sizes, executor };
});

/** Runs a plan, at once where the executor can. */
const run = async (executor: Executor, plan: string, inputs: Record<string, Float32Array>, rows: number) =>
  executor.runNow?.(plan, { rows, inputs }) ?? (await executor.run(plan, { rows, inputs }));

/** Means and central moments of members that come in one after another (Pébay, Sandia report SAND2008-6212, eqs. 1.1–1.6). */
class Sums {
  n = 0;
  readonly #sizes: SetParts;
  readonly #mean: Float64Array;
  readonly #second: Float64Array;
  readonly #third: Float64Array;
  readonly #fourth: Float64Array;

  constructor(sizes: SetParts) {
    const { H, m, seconds } = sizes;
    this.#sizes = sizes;
    [this.#mean, this.#second] = [new Float64Array(2 * H + m), new Float64Array(seconds)];
    [this.#third, this.#fourth] = [new Float64Array(m), new Float64Array(m)];
  }

  /** Adds what a member adds, [a | exp b | t]. */
  add(own: ArrayLike<number>): void {
    const { H, m, seconds } = this.#sizes;
    const [mean, second, third, fourth] = [this.#mean, this.#second, this.#third, this.#fourth];
    const n = ++this.n;
    const products = seconds === packed(m);
    const off = Float64Array.from({ length: m }, (_, j) => own[2 * H + j] - mean[2 * H + j]);
    for (let j = 0; j < m; j++) {
      const [d, square] = [off[j], second[products ? triIndex(j, j) : j]];
      const term = (d * d * (n - 1)) / n;
      fourth[j] +=
        (term * d * d * (n * n - 3 * n + 3)) / (n * n) + (6 * d * d * square) / (n * n) - (4 * d * third[j]) / n;
      third[j] += (term * d * (n - 2)) / n - (3 * d * square) / n;
    }
    for (let j = 0; j < m; j++)
      for (let k = products ? 0 : j; k <= j; k++)
        second[products ? triIndex(j, k) : j] += (off[j] * off[k] * (n - 1)) / n;
    for (let i = 0; i < mean.length; i++) mean[i] += (own[i] - mean[i]) / n;
  }

  /** What the rest of the map sees. */
  pooled(): Float32Array {
    const { n } = this;
    const moments = [this.#second, this.#third, this.#fourth].flatMap((list) => Array.from(list, (x) => x / n));
    return Float32Array.from([...this.#mean, ...moments, n]);
  }
}

/** What is kept of the readings. */
interface State {
  /** The call of `reset` after which it began. */
  readonly begun: number;
  /** Members (m), and what each adds to the sums; only those within a window. */
  readonly members: Float64Array[];
  readonly own: Rows[];
  readonly sums: Sums;
}

/** A function that takes readings, and answers the posterior after each. */
export async function setStream(map: InverseMap, set: SetSize, { window, draws, seed, backend }: Settings) {
  const { sizes, executor: executorOf } = programs(map);
  const [{ executor }, sampler] = [await executorOf(backend), await map.executor("posterior", backend)];
  const { each: m, least, most } = set;
  const fresh = (begun: number): State => ({ begun, members: [], own: [], sums: new Sums(sizes) });
  let state = fresh(0);
  let before: AmortisedPosterior | null = null;

  const addAll = async (read: readonly Float64Array[]): Promise<void> => {
    const y = Float32Array.from(read.flatMap((one) => [...withoutCentre(one, map.work.data?.subarray(0, m) ?? null)]));
    const { own } = await run(executor, "members", { y }, read.length);
    const width = own.length / read.length;
    const parts = read.map((_, i) => own.slice(i * width, (i + 1) * width));
    const { begun, sums } = state;
    if (window === undefined) {
      state.members.push(...read);
      for (const part of parts) sums.add(part);
      return;
    }
    state = {
      begun,
      members: [...state.members, ...read].slice(-window),
      own: [...state.own, ...parts].slice(-window),
      sums: new Sums(sizes),
    };
    for (const part of state.own) state.sums.add(part);
  };

  const posterior = async (): Promise<AmortisedPosterior> => {
    const row = new Float64Array(m * most).fill(Number.NaN);
    for (const [i, member] of state.members.entries()) row.set(member, i * m);
    const encoded = await run(executor, "encode", { pooled: state.sums.pooled() }, 1);
    const { context, distance } = encoded;
    return posteriorOf({
      ...{ owner: "stream", map, backend, executor: sampler, row, draws, seed },
      scale: undefined,
      context: context as Float32Array,
      distance: Number.isNaN(distance[0]) ? Number.POSITIVE_INFINITY : distance[0],
      closed: map.closedForm ? closedSummary(map, encoded.mean, encoded.factor, 0) : undefined,
      moments: true,
      reasons: [],
    });
  };

  return async (reading: Reading, begun: number) => {
    if (begun !== state.begun) [state, before] = [fresh(begun), null];
    const read = readingsOf(map, set, reading);
    if (window === undefined && state.members.length + read.length > most)
      throw new Error(
        `stream: expected at most ${most} readings, as the map was trained, got ${state.members.length + read.length}; give a window, or reset`,
      );
    if (read.length > 0) {
      await addAll(read);
      before = state.sums.n < least ? null : await posterior();
    }
    return { posterior: before, readings: state.sums.n };
  };
}

/** The members of a reading; none where it is missing. @throws as `setRows` does. */
function readingsOf({ spec }: InverseMap, set: SetSize, reading: Reading): Float64Array[] {
  const list = isSet(reading) ? Array.from(reading.members as ArrayLike<ArrayLike<number>>) : [reading];
  const isThere = (one: unknown): boolean =>
    one !== null && !(typeof one === "number" ? Number.isNaN(one) : isGone(one));
  const there = list.filter(isThere) as ArrayLike<number>[];
  return there.map((member) => setRows(spec, { ...set, least: 1, most: 1 }, { kind: "set", members: [member] })[0]);
}

/** Whether all numbers of a member are missing. */
const isGone = (one: unknown): boolean =>
  typeof one === "object" &&
  one !== null &&
  "length" in one &&
  (one as ArrayLike<number>).length > 0 &&
  Array.from(one as ArrayLike<number | null>).every((x) => x === null || Number.isNaN(x));
