/** The script of a worker: an executor that is called by messages, or one of the threads that compute for it. */

import { workerThreads } from "../../host/workers.ts";
import type { Executor } from "../backend.ts";
import { makeWasm } from "../wasm/executor.ts";
import { fillTable, instantiateKernels } from "../wasm/kernels.ts";
import {
  buffersOf,
  type Call,
  type Create,
  type Created,
  type Follow,
  type FromWorker,
  type Go,
  type ToWorker,
} from "./protocol.ts";

type Post = (message: FromWorker, transfer: ArrayBuffer[]) => void;
interface Scope {
  onmessage: ((event: { data: ToWorker }) => void) | null;
  postMessage: Post;
}

const parent = workerThreads()?.parentPort;
const scope = globalThis as unknown as Scope;
const post: Post = parent
  ? (message, transfer) => parent.postMessage(message, transfer)
  : (message, transfer) => scope.postMessage(message, transfer);

let executor: Executor | undefined;
/** Runs that wait for their caller, by the number of the call. */
const waiting = new Map<number, (on: boolean) => void>();

/** Does the work and posts the answer, or the error. */
async function answer(id: number, work: () => Promise<unknown>): Promise<void> {
  try {
    const value = await work();
    post({ kind: "answer", id, value, fault: executor?.fault() }, buffersOf(value));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    post({ kind: "error", id, message, fault: executor?.fault() }, []);
  }
}

function create({ id, module, build, program, optimiser, memory, threads, remark }: Create): void {
  answer(id, async (): Promise<Created> => {
    const made = await makeWasm(module, build, program, { optimiser, remark }, memory && { memory, threads });
    executor = made;
    return { device: made.device, ...made.shared };
  });
}

/** Computes for the leader, or sleeps, until the leader releases this thread. */
function follow({ module, memory, control, local, thread, loops }: Follow): void {
  const kernels = instantiateKernels(module, memory);
  fillTable(kernels, loops);
  kernels.setLocal(local);
  kernels.follow(control, thread);
}

function call({ id, method, args, rows }: Call): void {
  answer(id, () => {
    if (executor === undefined) throw new Error("internal: a worker without an executor was called");
    const passed = method === "run" && rows ? [args[0], { ...(args[1] as object), onRows: told(id) }] : args;
    return (executor[method] as (...args: unknown[]) => Promise<unknown>)(...passed);
  });
}

/** Reports rows to the caller and waits for its answer. */
const told = (id: number) => async (done: number) => {
  const on = await new Promise<boolean>((resolve) => {
    waiting.set(id, resolve);
    post({ kind: "rows", id, done }, []);
  });
  waiting.delete(id);
  if (!on) throw new Error("internal: the run was ended by its caller");
};

function go({ id, on }: Go): void {
  waiting.get(id)?.(on);
}

function dispose(): void {
  executor?.dispose();
  executor = undefined;
}

const handlers: { readonly [K in ToWorker["kind"]]: (message: Extract<ToWorker, { kind: K }>) => void } = {
  create,
  follow,
  call,
  go,
  dispose,
};
const receive = (message: ToWorker): void => handlers[message.kind](message as never);

if (parent) parent.on("message", receive);
else scope.onmessage = ({ data }) => receive(data);
post({ kind: "up" }, []);
