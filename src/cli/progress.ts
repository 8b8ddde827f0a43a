/** Progress of long work on standard error: a bar on a terminal, a line now and then in a pipe. */
import cliProgress from "cli-progress";
import type { Progress } from "../train-options.ts";
import type { Output } from "./command.ts";
import { formatNumber, formatTime } from "./table.ts";

export interface ProgressView {
  update(progress: Progress): void;
  /** Leaves the terminal as it was found. */
  stop(): void;
}

/** In a pipe: at most a line a second, one for each tenth of the steps, and one a minute in long work. */
const LEAST_GAP_MS = 1000;
const LONGEST_GAP_MS = 60_000;

/** Simulations have no loss. */
const lossOf = ({ loss }: Progress): string => (Number.isNaN(loss) ? "" : `loss ${formatNumber(loss)}`);
const unitOf = (progress: Progress): string => (lossOf(progress) === "" ? "simulation" : "step");
const rate = (progress: Progress): string => `${formatNumber(progress.stepsPerSecond, 3)} ${unitOf(progress)}s/s`;
const heldOutOf = ({ heldOut }: Progress): string =>
  Number.isNaN(heldOut) ? "" : `, held-out ${formatNumber(heldOut)}`;

function bar(): ProgressView {
  const view = new cliProgress.SingleBar({
    format: "[{bar}] {value}/{total} · {loss}{heldOut}{rate} · {left} left",
    barsize: 24,
    hideCursor: true,
    stream: process.stderr,
  });
  let started = false;
  return {
    update(progress) {
      const { step, steps, secondsLeft } = progress;
      const shown = {
        loss: lossOf(progress),
        heldOut: heldOutOf(progress),
        rate: `${lossOf(progress) && " · "}${rate(progress)}`,
        left: formatTime(secondsLeft),
      };
      if (started) view.update(step, shown);
      else view.start(steps, step, shown);
      started = true;
    },
    stop: () => view.stop(),
  };
}

function lines(output: Output): ProgressView {
  let tenth = 0;
  let last = performance.now();
  return {
    update(progress) {
      const { step, steps, secondsLeft } = progress;
      const now = performance.now();
      const due = Math.floor((10 * step) / steps) > tenth ? LEAST_GAP_MS : LONGEST_GAP_MS;
      if (now - last < due) return;
      tenth = Math.floor((10 * step) / steps);
      last = now;
      const left = `${formatTime(secondsLeft)} left`;
      const loss = `${lossOf(progress)}${heldOutOf(progress)}`;
      output.note(`${unitOf(progress)} ${step} of ${steps}: ${loss && `${loss}, `}${rate(progress)}, ${left}`);
    },
    stop: () => {},
  };
}

/** A view that fits standard error; none with --quiet. */
export function progressView(output: Output): ProgressView {
  if (output.quiet) return { update: () => {}, stop: () => {} };
  return process.stderr.isTTY ? bar() : lines(output);
}
