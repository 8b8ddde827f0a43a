/**
 * Starts a worker: a worker thread in Node and Deno, a module Worker elsewhere. Its script is one file without imports, so that
 * bundlers and users may move it. Like the kernels (backends/wasm/kernels-url.ts), it is found by an address that is written out
 * in the form that bundlers (Vite, webpack, Rollup) recognise.
 */
import { foldersSet, inFolder } from "../../host/folders.ts";
import { builtin, workerThreads } from "../../host/workers.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";

declare const RETRODICT_BUNDLED: true | undefined;

export interface Port {
  /** Settles once its script runs; rejected where it cannot, with the reason and what to do. */
  readonly up: Promise<void>;
  post(message: ToWorker): void;
  /** Whether the program may end while the worker lives: not while a call is awaited. */
  hold(held: boolean): void;
  end(): void;
}

/** A message of the worker, after its first. */
export type Answer = Exclude<FromWorker, { kind: "up" }>;

export interface Listener {
  message(data: Answer): void;
  /** The worker could not start, or has ended. */
  failure(message: string): void;
}

const HINT = "copy worker.js from dist/ of the package there, or say where it is: setFolders({ worker })";
/** The likely reason of a failure, which browsers do not tell, by whether the script is of another origin. */
const reasons = {
  own: "its script could not be loaded, or a Content-Security-Policy forbids workers (worker-src)",
  foreign:
    "its script could not be loaded: of another origin, it needs Access-Control-Allow-Origin, and if there is a Content-Security-Policy, script-src of its origin and worker-src of blob:",
};

/** Listens to a worker that starts. @param where address of the worker's script. */
function listening(where: string | URL, { message, failure }: Listener) {
  let settle: { resolve(): void; reject(error: Error): void } | undefined;
  const up = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  up.catch(() => {}); // `failure` reports it to callers that do not await `up`
  const fail = (told: string): void => {
    settle?.reject(new Error(told));
    settle = undefined;
    failure(told);
  };
  return {
    up,
    message(data: FromWorker): void {
      if (data.kind === "up") {
        settle?.resolve();
        settle = undefined;
      } else message(data);
    },
    failure(why: string): void {
      fail(settle ? `no worker starts from ${where} (${why}); ${HINT}` : why);
    },
    /** The worker ended. A script that cannot be loaded, or fails, causes an error first, so its place is not the reason. */
    ended(code: number): void {
      fail(`a worker ended with status ${code}${settle ? " before it was ready" : ""}`);
    },
  };
}

/** @throws in a bundle of a format other than ESM, whose code does not know its own address, and where workers are forbidden. */
export function startWorker(listener: Listener): Port {
  const threads = workerThreads();
  return threads ? startThread(threads, listener) : startWeb(listener);
}

/** The script beside this module; from the sources, on a Node that runs no TypeScript, through tsx. */
const besideUrl: () => URL =
  typeof RETRODICT_BUNDLED !== "undefined"
    ? () => new URL("./worker.js", import.meta.url)
    : () => {
        const { features, versions } = process as { features?: { typescript?: unknown }; versions: { deno?: string } };
        return features?.typescript || versions.deno !== undefined
          ? new URL("./worker.ts", import.meta.url)
          : new URL("./worker-tsx.mjs", import.meta.url);
      };

function workerUrl(): string | URL {
  const { worker } = foldersSet();
  if (worker !== undefined) return inFolder(worker, "worker.js");
  try {
    return besideUrl();
  } catch (cause) {
    throw new Error(`this module does not know its own address (bundle as ESM); ${HINT}`, { cause });
  }
}

/** A script that imports a module from another place. */
const importing = (url: URL): string => `import ${JSON.stringify(url.href)};`;

/** Whether a thread can start from a source: a file, or a script as data; in Deno also the URL of a server. */
function threadSource(place: string | URL): string | URL {
  const { pathToFileURL } = builtin("node:url") as typeof import("node:url");
  const url = typeof place === "string" ? pathToFileURL(place) : place;
  return url.protocol === "file:" ? url : new URL(`data:text/javascript,${encodeURIComponent(importing(url))}`);
}

function startThread({ Worker }: typeof import("node:worker_threads"), listener: Listener): Port {
  const place = workerUrl();
  const { up, message, failure, ended } = listening(place, listener);
  // No command-line flags of the program, because workers refuse some of them, such as --input-type.
  const worker = new Worker(threadSource(place), { execArgv: [] });
  worker.on("message", message);
  worker.on("error", (error) => failure(error instanceof Error ? error.message : String(error)));
  worker.on("messageerror", (error) => failure(error.message));
  worker.on("exit", ended);
  worker.unref();
  return {
    up,
    post: (data) => worker.postMessage(data),
    hold: (held) => (held ? worker.ref() : worker.unref()),
    end: () => void worker.terminate(),
  };
}

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}
let policy: ReturnType<TrustedTypes["createPolicy"]> | undefined;

/** A page may demand Trusted Types: addresses of scripts then come from a policy, whose name the page must allow. There is one a page. */
function webWorker(script: string, where: URL): Worker {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  try {
    policy ??= trustedTypes?.createPolicy("retrodict", { createScriptURL: (address) => address });
  } catch {
    // Not allowed. That matters only where it is demanded.
  }
  try {
    return new Worker(policy?.createScriptURL(script) ?? script, { type: "module" });
  } catch (cause) {
    const { message } = cause as Error;
    const why = /trusted/i.test(message)
      ? "its Content-Security-Policy demands Trusted Types, and must allow those of this package by trusted-types retrodict"
      : message;
    throw new Error(`no worker starts from ${where} (the page refuses its address: ${why})`, { cause });
  }
}

/** A script of another origin cannot start a worker, but a blob, which is of the page's origin, may import it. */
function startWeb(listener: Listener): Port {
  const url = new URL(workerUrl());
  const isForeign = url.origin !== globalThis.origin;
  const script = isForeign ? URL.createObjectURL(new Blob([importing(url)], { type: "text/javascript" })) : url.href;
  const { up, message, failure } = listening(url, listener);
  const worker = webWorker(script, url);
  worker.onmessage = ({ data }) => message(data);
  worker.onmessageerror = () => failure("a message could not be read");
  worker.onerror = (event) => {
    event.preventDefault?.();
    failure(event.message || reasons[isForeign ? "foreign" : "own"]);
  };
  const revoke = (): void => void (isForeign && URL.revokeObjectURL(script));
  up.then(revoke, revoke);
  return { up, post: (data) => worker.postMessage(data), hold: () => undefined, end: () => worker.terminate() };
}
