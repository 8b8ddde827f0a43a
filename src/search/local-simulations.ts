/**
 * Simulations in local coordinates (guides/laplace-base.ts): parameters become w = Cᵀ (z − m), and data become the rows that the guide
 * of w is conditioned on. Each simulation, with the noise that it has, takes a few Gauss–Newton steps, once.
 */
import type { Executor } from "../backends/backend.ts";
import { type BackendOptions, createExact } from "../backends/select.ts";
import type { Problem } from "../problem/problem.ts";
import type { SimulationControl } from "../simulate/options.ts";
import { reporter, type WorkSimulations } from "../simulate/simulate.ts";
import { localise, localProgram, logDiagonal, whiten } from "./local-coordinates.ts";

interface Request {
  readonly problem: Problem;
  /** Executor of the training program, with its plan `start` and the frozen entries written. */
  readonly executor: Executor;
  readonly simulations: readonly WorkSimulations[];
  readonly backend: BackendOptions;
  readonly control: SimulationControl;
}

/** The largest share of searches that may fail. */
const LARGEST_SHARE = 0.1;

/**
 * Each simulation in its local coordinates: `theta` is w, and `clean` and `noisy` are the rows. Simulations whose posterior is not
 * finite near the start, or whose mode the search does not find, are left out, with a warning: that depends on the data alone, so it
 * does not change the posterior of the others.
 * @throws `SimulationStopped` when aborted, and when more than a tenth are left out.
 */
export async function inLocalCoordinates(request: Request): Promise<WorkSimulations[]> {
  const { problem, executor, simulations, backend, control } = request;
  const count = simulations.reduce((sum, s) => sum + s.count, 0);
  const report = reporter(count, control, "modes");
  const search = await createExact(localProgram(problem), backend);
  try {
    const out: WorkSimulations[] = [];
    let before = 0;
    for (const s of simulations) {
      out.push(await ofOne(problem, executor, search, s, (done) => report(before + done)));
      before += s.count;
    }
    const lost = count - out.reduce((sum, s) => sum + s.count, 0);
    const what = `${lost} of ${count} simulations have a posterior whose mode is not found from the best linear estimate, or that is not finite there`;
    if (lost > LARGEST_SHARE * count)
      throw new Error(`train: ${what}; use base "linear", or look for parameters at which "${problem.name}" overflows`);
    if (lost > 0) (control.onWarning ?? console.warn)(`${what}: they are left out`);
    return out;
  } finally {
    search.dispose();
  }
}

async function ofOne(
  { D, layout }: Problem,
  executor: Executor,
  search: Executor,
  { count, theta, noisy }: WorkSimulations,
  onRows: (done: number) => Promise<void>,
): Promise<WorkSimulations> {
  const seen = await executor.run("start", { rows: count, inputs: { theta, y: noisy } });
  const { starts, features, z, volume } = seen;
  const E = features.length / count;
  const width = D + E + D + 1;
  const [w, rows] = [new Float32Array(count * D), new Float32Array(count * width)];
  let kept = 0;
  await localise(search, { D, M: layout.width, starts, y: noisy, onRows }, (row, local) => {
    if (!local?.found) return;
    const at = kept * width;
    whiten(local, z, row * D, w, kept * D);
    rows.set(local.z, at);
    rows.set(features.subarray(row * E, (row + 1) * E), at + D);
    logDiagonal(local, rows, at + D + E);
    rows[at + width - 1] = local.logDet / 2 + volume[volume.length === 1 ? 0 : row];
    kept++;
  });
  const data = rows.slice(0, kept * width);
  return { count: kept, theta: w.slice(0, kept * D), clean: data, noisy: data };
}
