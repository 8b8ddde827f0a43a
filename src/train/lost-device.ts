/** A training whose device is lost goes on without it: whoever left the choice of backend to us need not know that there was a GPU. */
import { DeviceLost } from "../backends/backend.ts";
import type { BackendOptions } from "../backends/select.ts";
import { type Checkpoint, TrainingStopped } from "./checkpoint.ts";

export interface Attempt {
  readonly backend: BackendOptions;
  readonly resume?: Checkpoint;
  /** When it began, ms: what passed before the checkpoint is counted there. */
  readonly started: number;
  /** Why it computes elsewhere than was asked for. */
  readonly notice?: string;
}

/**
 * Learns; where the device is lost and the backend is "auto", once more on wasm, from the last checkpoint, and warns of it.
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
    const reason = cause.message.replace(/;.*/s, ""); // what it advises is done
    const notice = `backend: wasm computes from step ${stopped?.step ?? first.resume?.step ?? 0} on, for ${reason}`;
    onWarning(notice);
    return learn({
      ...first,
      ...(stopped && { resume: stopped.checkpoint, started: performance.now() }),
      backend: { ...first.backend, backend: "wasm" },
      notice: first.notice === undefined ? notice : `${first.notice}; ${notice}`,
    });
  }
}
