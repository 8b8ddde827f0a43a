/** Finds out by trial whether workers start here. */
import { chooseHost, fewer, type HostChoice, type HostOptions } from "../../host/workers.ts";

/** The part of the options that this host can give. A worker is started to find out whether one can be, and kept for the next user. */
export async function findHost(options: HostOptions): Promise<HostChoice> {
  const host = chooseHost(options);
  if (!host.worker) return host;
  const { tryWorker } = await import("./pool.ts"); // a page that asks for no worker loads nothing of it
  const reason = await tryWorker();
  return reason === undefined ? host : { worker: false, threads: 1, notice: fewer(host.threads, reason) };
}
