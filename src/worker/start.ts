/**
 * Starts a worker: a worker thread in Node and Deno, a module Worker elsewhere. As with the kernels (backends/kernels-url.ts)
 * the construction is written out in the form by which bundlers (Vite, webpack, Rollup) find the worker and bundle it.
 */
import { workerThreads } from "./host.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";

declare const RETRODICT_BUNDLED: true | undefined;

export interface Port {
  post(message: ToWorker): void;
  /** Whether a program may end while the worker lives: not while something is awaited. */
  hold(held: boolean): void;
  end(): void;
}

export interface Listener {
  message(data: FromWorker): void;
  /** The worker could not start, or has died. */
  failure(message: string): void;
}

export function startWorker(listener: Listener): Port {
  const threads = workerThreads();
  return threads ? startThread(threads, listener) : startWeb(listener);
}

/** The worker's module; from the sources on a Node that runs no TypeScript, by way of tsx. */
function threadUrl(): URL {
  if (typeof RETRODICT_BUNDLED !== "undefined") return new URL("./worker.js", import.meta.url);
  const { features, versions } = process as { features?: { typescript?: unknown }; versions: { deno?: string } };
  return features?.typescript || versions.deno !== undefined
    ? new URL("./worker.ts", import.meta.url)
    : new URL("./worker-tsx.mjs", import.meta.url);
}

function startThread({ Worker }: typeof import("node:worker_threads"), { message, failure }: Listener): Port {
  const worker = new Worker(threadUrl());
  worker.on("message", message);
  worker.on("error", (error) => failure(error instanceof Error ? error.message : String(error)));
  worker.on("messageerror", (error) => failure(error.message));
  worker.on("exit", (code) => failure(`it ended with status ${code}`));
  worker.unref();
  return {
    post: (data) => worker.postMessage(data),
    hold: (held) => (held ? worker.ref() : worker.unref()),
    end: () => void worker.terminate(),
  };
}

function startWeb({ message, failure }: Listener): Port {
  const worker =
    typeof RETRODICT_BUNDLED !== "undefined"
      ? new Worker(new URL("./worker.js", import.meta.url), { type: "module" })
      : new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => message(data);
  worker.onmessageerror = () => failure("a message could not be read");
  worker.onerror = (event) => {
    event.preventDefault?.();
    failure(event.message || "its script could not be loaded; is worker.js beside the library's other files?");
  };
  return { post: (data) => worker.postMessage(data), hold: () => undefined, end: () => worker.terminate() };
}
