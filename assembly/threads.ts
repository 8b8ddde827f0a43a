// Steps divided among threads: instances of one module over one memory, of which the first leads and the others follow. Each free
// thread takes the next group of shards, each group has its own sum, and groups are added in the same tree as by one thread
// (index.ts), so the bits of a result depend neither on the number of threads nor on their timing.
//
// They share a sequence of words; each word that a thread waits for has its own cache line:
//   0 number of the job   64 arrivals at the barrier   128 turn of the barrier   192 next group to take   256 number of threads, 320 next chunk,
//   then the job: plan, rows, runStart, runRows, seed, firstStep, steps (0: leave); then whether the job is over: all its
//   steps are done, or one had a loss or a gradient that is not finite.
import { adamApply, adamBytes } from "./adam";
import { closeStep, groupsOf, optimiserOf, prologue, reduceGroups, runGroup, sumBytes } from "./shards";
import { soapApply, soapChunks } from "./soap";
import { setRun, setStep } from "./state";
import { run } from "./index";

const ARRIVED: usize = 64, TURN: usize = 128, NEXT: usize = 192, THREADS: usize = 256;
const PLAN: usize = 260, ROWS: usize = 264, START: usize = 268, RUN_ROWS: usize = 272, SEED: usize = 276;
const FIRST_STEP: usize = 280, STEPS: usize = 284, OVER: usize = 288, CHUNK: usize = 320;
const DONE: i32 = 1, BROKEN: i32 = 2;

/** Reads of a word before a thread sleeps on it: a few microseconds, as long as a short step of the leader. */
const LOOKS: i32 = 4000;
/** The leader alone sums and updates slabs of fewer bytes: that takes less time than a barrier. */
const WIDE: usize = 65536;

export function controlBytes(): usize { return 384; }

function lookAndSleep(at: usize, old: i32): void {
  for (let i = LOOKS; i > 0; i--) if (atomic.load<i32>(at) != old) return;
  while (atomic.load<i32>(at) == old) atomic.wait<i32>(at, old, -1);
}
// Called through the table, so that it is never inlined: the baseline compiler of V8 11 (Node 20) loses values on the operand
// stack beneath an atomic.wait. Here there are none.
const awaitChange: (at: usize, old: i32) => void = lookAndSleep;

/** A barrier: no thread continues before all have arrived. */
function meet(control: usize): void {
  const turn = atomic.load<i32>(control, TURN);
  if (atomic.add<i32>(control, 1, ARRIVED) < load<i32>(control, THREADS) - 1) {
    awaitChange(control + TURN, turn);
    return;
  }
  atomic.store<i32>(control, 0, ARRIVED);
  atomic.add<i32>(control, 1, TURN);
  atomic.notify(control + TURN, -1);
}

/** Where the part of a thread starts in `bytes` bytes, a multiple of 16. */
function part(bytes: usize, thread: i32, threads: i32): usize {
  return (((bytes + 15) >> 4) * <usize>thread / <usize>threads) << 4;
}

/** The work of one thread on the current job; returns the number of steps done to the leader, thread 0. */
function work(control: usize, thread: i32): i32 {
  const plan = <usize>load<u32>(control, PLAN), rows = load<i32>(control, ROWS), runStart = load<i32>(control, START);
  const firstStep = load<i32>(control, FIRST_STEP), steps = load<i32>(control, STEPS);
  const threads = load<i32>(control, THREADS), groups = groupsOf(plan, rows), optimiser = optimiserOf(plan);
  const closes = runStart + rows >= load<i32>(control, RUN_ROWS);
  const bytes = sumBytes(plan), wide = bytes >= WIDE;
  setRun(load<i32>(control, SEED), load<i32>(control, RUN_ROWS), rows);
  let s = 0;
  for (; ; s++) {
    setStep(firstStep + s);
    if (thread == 0) {
      if (!load<i32>(control, OVER)) {
        if (s == steps) store<i32>(control, DONE, OVER);
        else prologue(plan, runStart);
      }
      atomic.store<i32>(control, 0, NEXT);
      atomic.store<i32>(control, 0, CHUNK);
    }
    meet(control);
    if (load<i32>(control, OVER)) break;
    for (let g = atomic.add<i32>(control, 1, NEXT); g < groups; g = atomic.add<i32>(control, 1, NEXT)) {
      runGroup(plan, g, groups, thread, rows, runStart);
    }
    meet(control);
    if (wide) {
      reduceGroups(plan, groups, part(bytes, thread, threads), part(bytes, thread + 1, threads));
      meet(control);
    } else if (thread == 0) reduceGroups(plan, groups, 0, bytes);
    if (!closes) continue;
    if (thread == 0 && !closeStep(plan, runStart, firstStep, s)) store<i32>(control, BROKEN, OVER);
    if (!optimiser) continue;
    const slab = adamBytes(optimiser), chunks = soapChunks(optimiser);
    if (chunks) {
      meet(control);
      if (!load<i32>(control, OVER)) {
        for (let c = atomic.add<i32>(control, 1, CHUNK); c < chunks; c = atomic.add<i32>(control, 1, CHUNK)) soapApply(optimiser, c, thread);
      }
      meet(control);
    } else if (wide) {
      meet(control);
      if (!load<i32>(control, OVER)) adamApply(optimiser, part(slab, thread, threads), part(slab, thread + 1, threads));
      meet(control);
    } else if (thread == 0 && !load<i32>(control, OVER)) adamApply(optimiser, 0, slab);
  }
  const done = load<i32>(control, OVER) == DONE ? s : s - 1; // the step that failed does not count
  meet(control); // every thread sees that the job is over before the leader may write the next one
  return done;
}

/** `run` (index.ts) by all threads; the leader calls it. */
export function lead(
  control: usize, plan: usize, rows: i32, runStart: i32, runRows: i32, seed: i32, firstStep: i32, steps: i32,
): i32 {
  if (groupsOf(plan, rows) < 2 || steps < 1) return run(plan, rows, runStart, runRows, seed, firstStep, steps);
  store<u32>(control, <u32>plan, PLAN);
  store<i32>(control, rows, ROWS);
  store<i32>(control, runStart, START);
  store<i32>(control, runRows, RUN_ROWS);
  store<i32>(control, seed, SEED);
  store<i32>(control, firstStep, FIRST_STEP);
  store<i32>(control, steps, STEPS);
  store<i32>(control, 0, OVER);
  atomic.add<i32>(control, 1);
  atomic.notify(control, -1);
  return work(control, 0);
}

/** Takes part in every job until it is released; each of the other threads calls it with its number 1, 2, … */
export function follow(control: usize, thread: i32): void {
  for (let job = 0; ; ) {
    awaitChange(control, job);
    job = atomic.load<i32>(control);
    if (!load<i32>(control, STEPS)) return;
    work(control, thread);
  }
}

/** Releases the followers. */
export function release(control: usize): void {
  store<i32>(control, 0, STEPS);
  atomic.add<i32>(control, 1);
  atomic.notify(control, -1);
}
