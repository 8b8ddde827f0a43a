/** A training whose device is lost continues on wasm where the backend is "auto": the caller did not choose the device. */
import { DeviceLost } from "../backends/backend.ts";
import type { BackendOptions } from "../backends/select.ts";
import { type Checkpoint, TrainingStopped } from "./checkpoint.ts";

/** A training on one device. */
export interface Attempt {
  /** Backend. */
  readonly backend: BackendOptions;
  /** Checkpoint to continue from. */
  readonly resume?: Checkpoint;
  /** When it began, ms; the checkpoint counts the time before it. */
  readonly started: number;
  /** Why it does not compute as asked. */
  readonly notice?: string;
}

/**
 * Runs `learn`. If the device is lost and the backend is "auto", warns, and runs it once more on wasm from the last checkpoint.
 * @throws as `learn` does.
 */
export async function outliveDevice<T>(
  first: Attempt,
  learn: (attempt: Attempt) => Promise<T>,
  onWarning: (message: string) => void,
): Promise<T> {
  try {
    return await learn(first);
  } catch (error) {
    const stopped = error instanceof TrainingStopped && error.reason === "lost" ? error : undefined;
    const cause = stopped?.cause ?? error;
    const { backend = "auto" } = first.backend;
    if (backend !== "auto" || !(cause instanceof DeviceLost)) throw error;
    const reason = cause.message.replace(/;.*/s, ""); // without its advice, which is followed here
    const notice = `backend: wasm computes from step ${stopped?.step ?? first.resume?.step ?? 0} on, because ${reason}`;
    onWarning(notice);
    return learn({
      ...first,
      ...(stopped && { resume: stopped.checkpoint, started: performance.now() }),
      backend: { ...first.backend, backend: "wasm" },
      notice: first.notice === undefined ? notice : `${first.notice}; ${notice}`,
    });
  }
}
