/** Asks the page's worker (worker.ts), which starts with the first question. */
import type { Answers, Questions } from "./worker.ts";

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

let worker: Worker | undefined;
const pending = new Map<number, Pending>();
let count = 0;

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}
const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
const policy = trustedTypes?.createPolicy("site", { createScriptURL: (url) => url });
/** The address of a script of this site, as the page's policy demands it. */
export const scriptUrl = (path: string): string => {
  const url = new URL(path, import.meta.url).href;
  return policy?.createScriptURL(url) ?? url;
};

function start(): Worker {
  const made = new Worker(scriptUrl("./worker.js"), { type: "module" });
  made.onmessage = ({ data: { id, result, error } }) => {
    const { resolve, reject } = pending.get(id) as Pending;
    pending.delete(id);
    error === undefined ? resolve(result) : reject(new Error(error));
  };
  made.onerror = ({ message }) => {
    for (const { reject } of pending.values()) reject(new Error(message || "the worker did not start"));
    pending.clear();
    worker = undefined;
  };
  return made;
}

/** The worker's answer to a question. */
export function ask<Kind extends keyof Questions>(kind: Kind, question: Questions[Kind]): Promise<Answers[Kind]> {
  worker ??= start();
  const id = count++;
  return new Promise((resolve, reject) => {
    pending.set(id, { resolve: resolve as Pending["resolve"], reject });
    (worker as Worker).postMessage({ id, kind, question });
  });
}
