/** `retrodict train … --surrogate`: fits the network that replaces the forward model, before the training. */
import { type BackendOptions, backendOf } from "../backends/select.ts";
import type { Problem } from "../problem/problem.ts";
import { type Surrogate, type SurrogateProgress, surrogate } from "../surrogate/surrogate.ts";
import type { Progress } from "../train/options.ts";
import type { Output } from "./command.ts";
import { progressView, type View } from "./progress.ts";
import { formatNumber } from "./table.ts";

interface Options extends BackendOptions {
  readonly seed?: number;
  /** Steps of the surrogate's training. */
  readonly steps?: number;
}

/** A surrogate of the problem; notes its error. A resumed training fits it again; the seed makes it the same. */
export async function surrogateOf(
  problem: Problem,
  { seed, steps, ...options }: Options,
  signal: AbortSignal,
  output: Output,
): Promise<Surrogate> {
  output.note(`${problem.name}: fitting a surrogate`);
  let view: { phase: string; shown: View<Progress> } | undefined; // each phase counts from 0
  const onProgress = (progress: SurrogateProgress): void => {
    if (signal.aborted) return;
    if (view?.phase !== progress.phase) {
      view?.shown.stop();
      view = { phase: progress.phase, shown: progressView(output) };
    }
    view.shown.update(progress);
  };
  try {
    const made = await surrogate(problem, {
      seed,
      steps,
      ...backendOf(options),
      signal,
      onProgress,
      onWarning: output.warn,
    });
    view?.shown.stop();
    const { rms, p99, max, count } = made.error;
    const [most, nearly, all] = [rms, p99, max].map((e) => formatNumber(e, 2));
    output.note(
      `surrogate: rms error ${most} noise sd, 99 % of errors within ${nearly}, largest ${all}, on ${count} held-out simulations`,
    );
    if (made.warning) output.warn(made.warning);
    return made;
  } finally {
    view?.shown.stop();
  }
}

/** The surrogate as --json prints it. */
export const surrogateJson = ({ error, parent, warning }: Surrogate): Record<string, unknown> => ({
  surrogate: {
    of: parent.name,
    error: { rms: error.rms, p99: error.p99, max: error.max, heldOut: error.count },
    ...(warning === undefined ? {} : { warning }),
  },
});
