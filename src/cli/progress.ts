/** Progress of long work on standard error: a bar on a terminal, lines in a pipe. */
import cliProgress from "cli-progress";
import type { SimulationProgress } from "../simulate/options.ts";
import type { Progress } from "../train/options.ts";
import type { Output } from "./command.ts";
import { formatNumber, formatTime } from "./table.ts";

export interface View<P> {
  update(progress: P): void;
  /** Restores the terminal. */
  stop(): void;
}

/** What a view shows: how much is done, and words about it. */
interface Shown {
  readonly done: number;
  readonly all: number;
  readonly text: string;
  readonly rate: string;
  readonly secondsLeft: number;
}

/** In a pipe: a line for each tenth of the work, but at most one a second, and at least one a minute. */
const LEAST_GAP_MS = 1000;
const LONGEST_GAP_MS = 60_000;

const rate = (perSecond: number, unit: string): string => `${formatNumber(perSecond, 3)} ${unit}/s`;
const heldOutOf = ({ heldOut }: Progress): string =>
  Number.isNaN(heldOut) ? "" : `, held-out ${formatNumber(heldOut)}`;

/** The simulations at the start of a surrogate have no loss. */
const ofTraining = (p: Progress): Shown => ({
  done: p.step,
  all: p.steps,
  text: Number.isNaN(p.loss) ? "simulated" : `loss ${formatNumber(p.loss)}${heldOutOf(p)}`,
  rate: rate(p.stepsPerSecond, Number.isNaN(p.loss) ? "rows" : "steps"),
  secondsLeft: p.secondsLeft,
});

const ofSimulating = ({ done, count, kept, failed, perSecond, secondsLeft, stage }: SimulationProgress): Shown => {
  const parts = [
    stage === "modes" ? "modes found" : "simulated",
    kept > 0 && `${kept} from the file`,
    failed > 0 && `${failed} failed`,
  ];
  const text = parts.filter(Boolean).join(", ");
  return { done, all: count, text, rate: rate(perSecond, "rows"), secondsLeft };
};

/** `patient`: work that takes less than a second gets no bar. */
function bar<P>(show: (progress: P) => Shown, patient: boolean): View<P> {
  const view = new cliProgress.SingleBar({
    format: "[{bar}] {value}/{total} · {text} · {rate} · {left} left",
    barsize: 24,
    hideCursor: true,
    stream: process.stderr,
  });
  let started = false;
  const created = performance.now();
  return {
    update(progress) {
      const { done, all, text, rate, secondsLeft } = show(progress);
      if (patient && !started && (done === all || performance.now() - created < LEAST_GAP_MS)) return;
      const shown = { text, rate, left: formatTime(secondsLeft) };
      if (started) view.update(done, shown);
      else view.start(all, done, shown);
      started = true;
    },
    stop() {
      view.stop();
      started = false; // other work may follow
    },
  };
}

function lines<P>(output: Output, unit: string, show: (progress: P) => Shown): View<P> {
  let tenth = 0;
  let last = performance.now();
  return {
    update(progress) {
      const { done, all, text, rate, secondsLeft } = show(progress);
      const now = performance.now();
      const due = Math.floor((10 * done) / all) > tenth ? LEAST_GAP_MS : LONGEST_GAP_MS;
      if (now - last < due) return;
      tenth = Math.floor((10 * done) / all);
      last = now;
      const about = text === unit ? rate : `${text}, ${rate}`;
      output.note(`${unit} ${done} of ${all}: ${about}, ${formatTime(secondsLeft)} left`);
    },
    stop: () => {},
  };
}

/** A bar or lines, as standard error allows; nothing with --quiet. */
function viewOf<P>(output: Output, unit: string, show: (progress: P) => Shown, patient = false): View<P> {
  if (output.quiet) return { update: () => {}, stop: () => {} };
  return process.stderr.isTTY ? bar(show, patient) : lines(output, unit, show);
}

export const progressView = (output: Output): View<Progress> => viewOf(output, "step", ofTraining);
export const simulationView = (output: Output): View<SimulationProgress> => viewOf(output, "row", ofSimulating, true);

/** Progress of one of several stages. */
export interface StageProgress {
  readonly stage: string;
  readonly done: number;
  readonly count: number;
}

/** A bar for each stage. */
export function stageView(output: Output): View<StageProgress> {
  let current: { stage: string; begun: number; view: View<StageProgress> } | null = null;
  const open = (stage: string) => {
    const begun = performance.now();
    const show = ({ done, count }: StageProgress): Shown => {
      const perSecond = (1000 * done) / Math.max(performance.now() - begun, 1);
      return { done, all: count, text: stage, rate: rate(perSecond, ""), secondsLeft: (count - done) / perSecond };
    };
    return { stage, begun, view: viewOf(output, stage, show, true) };
  };
  return {
    update(progress) {
      if (current?.stage !== progress.stage) {
        current?.view.stop();
        current = open(progress.stage);
      }
      current.view.update(progress);
    },
    stop: () => current?.view.stop(),
  };
}
