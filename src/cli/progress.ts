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

const rate = (perSecond: number): string => `${formatNumber(perSecond, 3)} steps/s`;
const heldOutOf = ({ heldOut }: Progress): string =>
  Number.isNaN(heldOut) ? "" : `, held-out ${formatNumber(heldOut)}`;

function bar(): ProgressView {
  const view = new cliProgress.SingleBar({
    format: "[{bar}] {value}/{total} · loss {loss}{heldOut} · {rate} · {left} left",
    barsize: 24,
    hideCursor: true,
    stream: process.stderr,
  });
  let started = false;
  return {
    update(progress) {
      const { step, steps, loss, stepsPerSecond, secondsLeft } = progress;
      const shown = {
        loss: formatNumber(loss),
        heldOut: heldOutOf(progress),
        rate: rate(stepsPerSecond),
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
      const { step, steps, loss, stepsPerSecond, secondsLeft } = progress;
      const now = performance.now();
      const due = Math.floor((10 * step) / steps) > tenth ? LEAST_GAP_MS : LONGEST_GAP_MS;
      if (now - last < due) return;
      tenth = Math.floor((10 * step) / steps);
      last = now;
      const left = `${formatTime(secondsLeft)} left`;
      output.note(
        `step ${step} of ${steps}: loss ${formatNumber(loss)}${heldOutOf(progress)}, ${rate(stepsPerSecond)}, ${left}`,
      );
    },
    stop: () => {},
  };
}

/** A view that fits standard error; none with --quiet. */
export function progressView(output: Output): ProgressView {
  if (output.quiet) return { update: () => {}, stop: () => {} };
  return process.stderr.isTTY ? bar() : lines(output);
}
