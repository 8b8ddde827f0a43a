/**
 * Many chains of many observations in lockstep: one run evaluates the potential for all chains, whatever phase each of them is
 * in, so that no chain waits for the tree of another. An observation leaves when its last chain is done.
 */
import type { Executor } from "../backends/backend.ts";
import { pause } from "../host/yielding.ts";
import type { Chain } from "./chain.ts";

/** How far the chains have come. */
export interface NutsProgress {
  /** Transitions of all chains, with the warm-up: done, and in total. */
  readonly done: number;
  readonly total: number;
  /** Divergent trajectories among the draws so far. */
  readonly divergences: number;
  readonly evaluations: number;
  readonly secondsLeft: number;
}

/** Inputs of a plan besides positions, one row each: the data, and the guide's context. */
export type Given = Readonly<Record<string, Float64Array | Float32Array>>;

/** The chains of one observation. */
export interface Group {
  /** Whose plan `gradient` evaluates the chains. */
  readonly executor: Executor;
  readonly given: Given;
  readonly chains: readonly Chain[];
  /** Name of the observation in errors. */
  readonly where: string;
  /** Another start (D) of a chain, after starts that were not finite; null if the starts were given. */
  readonly again: Again | null;
}

export type Again = (chain: number, tries: number) => Promise<Float64Array>;

/** Points that a chain is tried to start at. */
const MOST_TRIES = 500;

export interface Watch {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: NutsProgress) => void;
  /** Milliseconds from the start after which the run ends, done or not. */
  readonly budget?: number;
  /** Evaluations of all chains after which it ends. */
  readonly evaluations?: number;
}

/** Milliseconds after which sampling yields the thread. */
const TURN_MS = 50;

/** Inputs for the groups that are still at work: z (N·C, D), and a row of each thing given. */
function makeInputs(groups: readonly Group[]): { readonly z: Float64Array } & Given {
  const [{ given, chains }] = groups;
  const rows: Record<string, Float64Array | Float32Array> = {};
  for (const [name, { length }] of Object.entries(given)) {
    const all =
      given[name] instanceof Float32Array
        ? new Float32Array(groups.length * length)
        : new Float64Array(groups.length * length);
    for (const [i, group] of groups.entries()) all.set(group.given[name], i * length);
    rows[name] = all;
  }
  return { ...rows, z: new Float64Array(groups.length * chains.length * chains[0].z.length) };
}

/** Advances every chain of a group once; adds those whose start is not finite to `failed`. False if all chains are done. */
function advance(group: Group, value: Float64Array, gradient: Float64Array, row: number, failed: Failed[]): boolean {
  let working = false;
  for (const [c, chain] of group.chains.entries()) {
    if (chain.done) continue;
    if (!chain.advance(value[row + c], gradient, (row + c) * chain.z.length))
      failed.push({ group, c, value: value[row + c] });
    working ||= !chain.done;
  }
  return working;
}

interface Failed {
  readonly group: Group;
  readonly c: number;
  readonly value: number;
}

/** Moves the chain to another start. @throws where its start was given, and after too many. */
async function startAgain({ group, c, value }: Failed): Promise<void> {
  const chain = group.chains[c];
  if (group.again === null || chain.evaluations >= MOST_TRIES) refuseStart(group, c, value);
  else chain.restart(await group.again(c, chain.evaluations));
}

function refuseStart({ chains, where, again }: Group, c: number, value: number): never {
  const at =
    again === null ? `at the start of chain ${c + 1}` : `at one of ${chains[c].evaluations} starts of chain ${c + 1}`;
  const last = again === null ? "" : " at the last";
  const advice = `give ${again === null ? "other points" : "points"} as start, or check the forward model there`;
  throw new Error(
    `nuts: expected a finite posterior density with a finite gradient ${at}${where ? `, ${where}` : ""}, got ${value}${last}; ${advice}`,
  );
}

/** Groups at work that one executor evaluates together, and their inputs. */
interface Part {
  readonly executor: Executor;
  readonly groups: readonly Group[];
  readonly inputs: ReturnType<typeof makeInputs>;
}

/** The parts of the groups that are still at work. */
function partsOf(groups: readonly Group[]): Part[] {
  const working = groups.filter(({ chains }) => chains.some((c) => !c.done));
  return [...new Set(working.map(({ executor }) => executor))].map((executor) => {
    const own = working.filter((group) => group.executor === executor);
    return { executor, groups: own, inputs: makeInputs(own) };
  });
}

/** Evaluates and advances every chain of a part once. True if a group has ended. */
async function advancePart({ executor, groups, inputs }: Part): Promise<boolean> {
  const count = groups[0].chains.length;
  const D = groups[0].chains[0].z.length;
  for (let g = 0, at = 0; g < groups.length; g++)
    for (let c = 0; c < count; c++, at += D) inputs.z.set(groups[g].chains[c].z, at);
  const out = await executor.run("gradient", { rows: groups.length * count, repeat: count, inputs });
  let ended = false;
  const failed: Failed[] = [];
  for (let g = 0; g < groups.length; g++)
    ended = !advance(groups[g], out.value as Float64Array, out.gradient as Float64Array, g * count, failed) || ended;
  for (const one of failed) await startAgain(one);
  return ended;
}

/**
 * Runs all chains to their end; every group has the same number of them. Returns false if the budget ran out before.
 * @throws if a chain cannot start; the signal's reason if it is aborted.
 */
export async function lockstep(groups: readonly Group[], watch: Watch): Promise<boolean> {
  const { signal, onProgress, budget = Number.POSITIVE_INFINITY, evaluations = Number.POSITIVE_INFINITY } = watch;
  const started = performance.now();
  let turn = started;
  let spent = 0;
  signal?.throwIfAborted();
  let parts = partsOf(groups);
  while (parts.length > 0) {
    let ended = false;
    for (const part of parts) {
      ended = (await advancePart(part)) || ended;
      spent += part.groups.length * part.groups[0].chains.length;
    }
    if (ended) parts = partsOf(groups);
    const now = performance.now();
    if ((now - started > budget || spent > evaluations) && parts.length > 0) return false;
    if (now - turn < TURN_MS) continue;
    turn = now;
    onProgress?.(progressOf(groups, now - started));
    await pause();
    signal?.throwIfAborted();
  }
  onProgress?.(progressOf(groups, performance.now() - started));
  return true;
}

function progressOf(groups: readonly Group[], milliseconds: number): NutsProgress {
  const sums = { done: 0, total: 0, divergences: 0, evaluations: 0 };
  for (const { chains } of groups) {
    for (const chain of chains) {
      sums.done += chain.transitions;
      sums.total += chain.length;
      sums.divergences += chain.divergences;
      sums.evaluations += chain.evaluations;
    }
  }
  return { ...sums, secondsLeft: ((sums.total - sums.done) * milliseconds) / 1000 / Math.max(1, sums.done) };
}
