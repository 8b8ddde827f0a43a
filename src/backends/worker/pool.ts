/**
 * Workers in use, and for a second after it those without: a training makes several executors, one after another, and to start
 * a worker takes longer than much of what it is asked.
 */
import { MAX_THREADS } from "../../host/workers.ts";
import type { ToWorker } from "./protocol.ts";
import { type Listener, startWorker } from "./start.ts";

/** Milliseconds for which a worker without work is kept. */
const KEPT = 1000;

export interface Hired {
  /** Told once its script runs. */
  readonly up: Promise<void>;
  post(message: ToWorker): void;
  /** Whether a program may end while the worker lives: not while something is awaited. */
  hold(held: boolean): void;
  /** The worker has no more to do, and may serve another. */
  retire(): void;
  /** Ends it, whatever it does. */
  end(): void;
}

interface Worker extends Hired {
  serve(listener: Listener): void;
}

const idle: Worker[] = [];
let closing: ReturnType<typeof setTimeout> | undefined;

function start(): Worker {
  let current: Listener | undefined;
  const port = startWorker({
    message: (data) => current?.message(data),
    failure: (message) => {
      if (idle.includes(worker)) idle.splice(idle.indexOf(worker), 1);
      current?.failure(message);
    },
  });
  const worker: Worker = {
    ...port,
    serve: (listener) => {
      current = listener;
    },
    retire: () => {
      current = undefined;
      port.hold(false);
      if (idle.length >= MAX_THREADS) return port.end();
      idle.push(worker);
      clearTimeout(closing);
      closing = setTimeout(() => idle.splice(0).forEach(({ end }) => void end()), KEPT);
      (closing as { unref?: () => void }).unref?.(); // it keeps no program from ending
    },
  };
  return worker;
}

/** Why no worker starts here; undefined where one does, which is then kept as one without work. */
export async function tryWorker(): Promise<string | undefined> {
  if (idle.length > 0) return undefined;
  try {
    const worker = start();
    worker.hold(true);
    await worker.up;
    worker.retire();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

export function hireWorker(listener: Listener): Hired {
  const worker = idle.pop() ?? start();
  worker.serve(listener);
  return worker;
}
