/** Finds out by trial whether workers start on this host. */
import { chooseHost, fewer, type HostChoice, type HostOptions } from "../../host/workers.ts";

/** The part of the request that this host can fulfil. To find out, a worker is started; it is kept for the next user. */
export async function findHost(options: HostOptions): Promise<HostChoice> {
  const host = chooseHost(options);
  if (!host.worker) return host;
  const { tryWorker } = await import("./pool.ts"); // loaded on demand: a page without workers does not load it
  const reason = await tryWorker();
  return reason === undefined ? host : { worker: false, threads: 1, notice: fewer(host.threads, reason) };
}
