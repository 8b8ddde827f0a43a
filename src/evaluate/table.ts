/**
 * The exact posterior of one or two parameters by quadrature over one table of solves, for any number of observations. The
 * noise-free data f at the nodes of a grid in z (distributions/frame.ts) are interpolated by cubics, dimension by dimension,
 *
 *   f(t) ≈ Σ_{k=−1…2} w_k(t) f_k,   w_k Lagrange's polynomials through the four nodes around t in [0, 1],
 *
 * and the density p(y | f(z)) p(z) is summed over subcells of the cells where it is not negligible. A draw picks a subcell, and
 * is uniform within it. Long data with normal noise of constant sd are reduced to their principal components, in noise sd, because the
 * likelihood depends on nothing else.
 */
import type { Executor, Rows } from "../backends/backend.ts";
import { type BackendOptions, createExact } from "../backends/select.ts";
import { frameOf } from "../distributions/frame.ts";
import { cast, input, sub } from "../graph/build.ts";
import { compile, type Program } from "../graph/program.ts";
import { atOnce } from "../host/yielding.ts";
import { exp } from "../numbers/math.ts";
import { rootMeanSquare, sumOfSquares } from "../numbers/moments.ts";
import { principalComponents } from "../numbers/principal.ts";
import { STREAMS, uniformAt } from "../numbers/random.ts";
import type { Problem } from "../problem/problem.ts";
import { centred, restored, type Work, workOf } from "../problem/work.ts";
import { cleanSdRows, constantSd } from "../simulate/noise-sd.ts";

/** Nodes along each dimension. */
const NODES = [0, 513, 97];
/** Most subcells of a cell along each dimension, and most subcells in all: a wide posterior gets fewer of them in each cell. */
const MOST_PARTS = 16;
const SUBCELLS = 20_000;
/** Data longer than LONG_DATA with normal noise are reduced to COMPONENTS components, fitted to FITTED nodes. */
const LONG_DATA = 64;
const COMPONENTS = 48;
const FITTED = 1500;
/** The grid covers the range of RANGE_DRAWS prior draws, and BEYOND times this range on either side. */
const RANGE_DRAWS = 4096;
const BEYOND = 0.25;
/** A cell is left out if the log density at all its corners, and at those of its neighbours, is so far below the largest. */
const NEGLIGIBLE = 25;
/** Points at which the interpolation is compared with the forward model, and its largest rms error, in noise sd. */
const CHECKS = 64;
export const LARGEST_ERROR = 0.05;

export interface Table {
  /** Root mean square error of the interpolation over data and checked parameters, in noise sd. */
  readonly error: number;
  /** Solves of the forward model. */
  readonly solves: number;
  /** Noise-free data (S, M) of parameters (S, D), interpolated. */
  clean(theta: ArrayLike<number>): Promise<Float64Array>;
  /** log p(y, θ) (S), interpolated, up to a constant for each y. */
  joint(theta: ArrayLike<number>, y: ArrayLike<number>): Promise<Float64Array>;
  /** Independent draws (count, D) of the posterior of y. */
  draw(y: ArrayLike<number>, count: number, seed: number): Promise<Rows>;
  dispose(): void;
}

/** Plans: `solve` and `prior` of z, `likelihood` of z and noise-free data, `toLine` of θ, and the `range` of the prior in z. */
function tableProgram({ D, M, forward, prior, noise, centre }: Work): Program {
  if (forward === null || D > 2) throw new Error("internal: a table of many parameters, or without a forward model");
  const frame = frameOf(prior);
  const z = input("z", D, { dtype: "f64" });
  const theta = centred(input("theta", D, { dtype: "f64" }), centre);
  const clean = input("clean", M, { dtype: "f64" });
  const y = input("y", M, { dtype: "f64", repeat: true });
  const at = frame.fromGuide(z);
  return atOnce(
    compile({
      solve: { outputs: { clean: forward(at) } },
      prior: {
        outputs: { logPrior: sub(prior.logDensity(at), frame.logDet(at)), theta: restored(cast(at, "f32"), centre) },
      },
      likelihood: { outputs: { value: noise.at(at, clean).logDensity(y, clean) } },
      range: { outputs: { z: frame.toGuide(prior.draw(STREAMS.prior, "f64")) } },
      toLine: { outputs: { z: frame.toGuide(theta), logPrior: prior.logDensity(theta) } },
    }),
  );
}

/** The table of a problem with D ≤ 2 and a forward model. */
export async function makeTable(
  problem: Problem,
  backend: BackendOptions,
  onRows: (done: number, of: number) => Promise<void> = async () => {},
): Promise<Table> {
  const { D, M } = problem;
  const executor = await createExact(tableProgram(workOf(problem)), backend);
  const grid = await gridOf(executor, D);
  const nodes = grid.reduce((n, g) => n * g.count, 1);
  const positions = new Float64Array(nodes * D);
  for (let k = 0; k < nodes; k++) {
    let rest = k;
    for (let d = 0; d < D; d++) {
      positions[k * D + d] = grid[d].low + (rest % grid[d].count) * grid[d].step;
      rest = Math.floor(rest / grid[d].count);
    }
  }
  const solved = await executor.run("solve", {
    rows: nodes,
    inputs: { z: positions },
    onRows: (done) => onRows(done, nodes),
  });
  const space = spaceOf(problem, solved.clean as Float64Array);
  const { K } = space;
  const values = space.project(solved.clean as Float64Array);
  const priors = (await executor.run("prior", { rows: nodes, inputs: { z: positions } })).logPrior as Float64Array;

  /** Interpolated data of points z (S, D). */
  const interpolate = (points: ArrayLike<number>): Float64Array => {
    const S = points.length / D;
    const out = new Float64Array(S * K);
    for (let s = 0; s < S; s++) addPoint(grid, values, K, points, s, out);
    return out;
  };
  /** Of points z (S, D) and their data; −∞ where the noise has no density. */
  const logLikelihood = async (
    points: Float64Array,
    data: Float64Array,
    observed: ArrayLike<number>,
  ): Promise<Float64Array> => {
    if (space.whitened) return halfSquares(data, space.project(Float64Array.from(observed)));
    const rows = data.length / M;
    const inputs = {
      clean: data,
      y: Float64Array.from(observed),
      ...(problem.noise.fixed === null && { z: points }),
    };
    const { value } = await executor.run("likelihood", { rows, repeat: rows, inputs });
    return Float64Array.from(value, (v) => (Number.isNaN(v) ? Number.NEGATIVE_INFINITY : v));
  };
  const toLine = (points: ArrayLike<number>) =>
    executor.run("toLine", { rows: points.length / D, inputs: { theta: Float64Array.from(points) } });

  const made: Omit<Table, "error" | "solves"> = {
    clean: async (points) => space.restore(interpolate((await toLine(points)).z)),
    joint: async (points, observed) => {
      const { z: line, logPrior } = await toLine(points);
      const at = Float64Array.from(line);
      return (await logLikelihood(at, interpolate(at), observed)).map((l, s) => l + logPrior[s]);
    },
    draw: async (observed, count, seed) => {
      const coarse = (await logLikelihood(positions, values, observed)).map((l, k) => l + priors[k]);
      const cells = cellsWorthwhile(grid, coarse);
      const { points, size } = subcells(grid, cells);
      const fine = await executor.run("prior", { rows: points.length / D, inputs: { z: points } });
      const log = (await logLikelihood(points, interpolate(points), observed)).map((l, k) => l + fine.logPrior[k]);
      const most = log.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      const weights = log.map((l) => exp(l - most));
      const drawn = pick(points, weights, size, D, count, seed);
      return (await executor.run("prior", { rows: count, inputs: { z: drawn } })).theta;
    },
    dispose: () => executor.dispose(),
  };
  return {
    ...made,
    error: await errorOf(executor, problem, backend, grid, (points) => space.restore(interpolate(points))),
    solves: nodes + CHECKS,
  };
}

/** How data are kept: as they are, or as whitened components. */
interface Space {
  readonly K: number;
  /** Whether the log-likelihood is minus half the squared distance in this space. */
  readonly whitened: boolean;
  /** (S, M) → (S, K), and back. */
  project(data: Float64Array): Float64Array;
  restore(kept: Float64Array): Float64Array;
}

function spaceOf(problem: Problem, clean: Float64Array): Space {
  const { M, noise } = problem;
  const sd = constantSd(problem);
  if (noise.name !== "gaussian" || sd === null || M <= LONG_DATA)
    return { K: M, whitened: false, project: (data) => data, restore: (kept) => kept };
  // A subset of the nodes suffices: `error` includes what the components miss.
  const stride = Math.max(1, Math.floor(clean.length / M / FITTED));
  const some = clean.filter((_, i) => Math.floor(i / M) % stride === 0);
  const { mean, vectors } = atOnce(
    principalComponents(
      some.map((x, i) => x / sd[i % M]),
      M,
      COMPONENTS,
    ),
  );
  const K = vectors.length;
  return {
    K,
    whitened: true,
    project: (data) => {
      const S = data.length / M;
      const out = new Float64Array(S * K);
      for (let s = 0; s < S; s++)
        for (let k = 0; k < K; k++) {
          let sum = 0;
          for (let m = 0; m < M; m++) sum += vectors[k][m] * (data[s * M + m] / sd[m] - mean[m]);
          out[s * K + k] = sum;
        }
      return out;
    },
    restore: (kept) => {
      const S = kept.length / K;
      const out = new Float64Array(S * M);
      for (let s = 0; s < S; s++)
        for (let m = 0; m < M; m++) {
          let sum = mean[m];
          for (let k = 0; k < K; k++) sum += vectors[k][m] * kept[s * K + k];
          out[s * M + m] = sum * sd[m];
        }
      return out;
    },
  };
}

/** −½ |y − f|² for rows f (S, K). */
function halfSquares(rows: Float64Array, y: Float64Array): Float64Array {
  const K = y.length;
  const halfSquare = (s: number): number => -0.5 * sumOfSquares(y.map((v, k) => v - rows[s * K + k]));
  return Float64Array.from({ length: rows.length / K }, (_, s) => halfSquare(s));
}

interface Axis {
  readonly low: number;
  readonly step: number;
  readonly count: number;
}

async function gridOf(executor: Executor, D: number): Promise<Axis[]> {
  const { z } = await executor.run("range", { rows: RANGE_DRAWS, seed: 0, step: 0 });
  return Array.from({ length: D }, (_, d) => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let s = d; s < z.length; s += D) [low, high] = [Math.min(low, z[s]), Math.max(high, z[s])];
    const room = BEYOND * (high - low);
    const count = NODES[D];
    return { low: low - room, step: (high - low + 2 * room) / (count - 1), count };
  });
}

/** First of the four nodes around a coordinate, and their weights; coordinates beyond the grid move to its edge. */
function weightsAt({ low, step, count }: Axis, x: number): { first: number; w: readonly number[] } {
  const at = Math.min(Math.max((x - low) / step, 0), count - 1);
  const first = Math.min(Math.max(Math.floor(at) - 1, 0), count - 4);
  const t = at - first - 1;
  const w = [
    (-t * (t - 1) * (t - 2)) / 6,
    ((t + 1) * (t - 1) * (t - 2)) / 2,
    (-(t + 1) * t * (t - 2)) / 2,
    ((t + 1) * t * (t - 1)) / 6,
  ];
  return { first, w };
}

/** Adds the interpolated data of point s to its row of `out`. */
function addPoint(
  grid: readonly Axis[],
  values: Float64Array,
  M: number,
  points: ArrayLike<number>,
  s: number,
  out: Float64Array,
): void {
  const D = grid.length;
  const [a, b] = grid.map((axis, d) => weightsAt(axis, points[s * D + d]));
  const rows = b === undefined ? [[0, 1]] : b.w.map((w, j) => [(b.first + j) * grid[0].count, w]);
  for (const [row, outer] of rows) {
    for (let i = 0; i < 4; i++) {
      const weight = outer * a.w[i];
      const from = (row + a.first + i) * M;
      for (let m = 0; m < M; m++) out[s * M + m] += weight * values[from + m];
    }
  }
}

async function errorOf(
  executor: Executor,
  problem: Problem,
  backend: BackendOptions,
  grid: readonly Axis[],
  interpolate: (points: ArrayLike<number>) => Float64Array,
): Promise<number> {
  const { D } = problem;
  // Anywhere between nodes, in the range of the prior's draws.
  const points = Float64Array.from({ length: CHECKS * D }, (_, i) => {
    const { low, step, count } = grid[i % D];
    const inner = BEYOND / (1 + 2 * BEYOND);
    const u = inner + (1 - 2 * inner) * uniformAt(0, STREAMS.table, 0, Math.floor(i / D), i % D);
    return low + u * step * (count - 1);
  });
  const { clean } = await executor.run("solve", { rows: CHECKS, inputs: { z: points } });
  const got = interpolate(points);
  const { theta } = await executor.run("prior", { rows: CHECKS, inputs: { z: points } });
  const sd = await cleanSdRows(problem, { theta, clean }, backend);
  return rootMeanSquare(got.map((v, i) => (v - clean[i]) / sd[i]));
}

/** Cells, by their lowest corner, whose density is not negligible, and their neighbours. */
function cellsWorthwhile(grid: readonly Axis[], log: Float64Array): number[][] {
  const most = log.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const [nx, ny] = [grid[0].count, grid[1]?.count ?? 1];
  const keep = new Uint8Array(nx * ny);
  for (let k = 0; k < log.length; k++) {
    if (!(log[k] > most - NEGLIGIBLE)) continue;
    const [i, j] = [k % nx, Math.floor(k / nx)];
    // The cells that touch the node, and those around them.
    for (let y = Math.max(j - 2, 0); y <= Math.min(j + 1, Math.max(ny - 2, 0)); y++)
      for (let x = Math.max(i - 2, 0); x <= Math.min(i + 1, nx - 2); x++) keep[y * nx + x] = 1;
  }
  return Array.from(keep.keys())
    .filter((k) => keep[k] === 1)
    .map((k) => [k % nx, Math.floor(k / nx)]);
}

/** Centres of the subcells of cells (S, D), and their width along each dimension. */
function subcells(
  grid: readonly Axis[],
  cells: readonly (readonly number[])[],
): { points: Float64Array; size: number[] } {
  const D = grid.length;
  const affordable = Math.floor(D === 1 ? SUBCELLS / cells.length : Math.sqrt(SUBCELLS / cells.length));
  const parts = Math.min(MOST_PARTS, Math.max(1, affordable));
  const each = D === 1 ? parts : parts * parts;
  const points = new Float64Array(cells.length * each * D);
  cells.forEach((cell, c) => {
    for (let k = 0; k < each; k++) {
      let rest = k;
      for (let d = 0; d < D; d++) {
        const { low, step } = grid[d];
        points[(c * each + k) * D + d] = low + (cell[d] + ((rest % parts) + 0.5) / parts) * step;
        rest = Math.floor(rest / parts);
      }
    }
  });
  return { points, size: grid.map(({ step }) => step / parts) };
}

/** Independent draws (count, D): subcells picked by weight, uniform within each. */
function pick(
  points: Float64Array,
  weights: Float64Array,
  size: readonly number[],
  D: number,
  count: number,
  seed: number,
): Float64Array {
  const sums = new Float64Array(weights.length);
  let total = 0;
  for (let k = 0; k < weights.length; k++) sums[k] = total += weights[k];
  const out = new Float64Array(count * D);
  for (let s = 0; s < count; s++) {
    const u = uniformAt(seed, STREAMS.table, 1, s, 0) * total;
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] < u) low = middle + 1;
      else high = middle;
    }
    for (let d = 0; d < D; d++)
      out[s * D + d] = points[low * D + d] + (uniformAt(seed, STREAMS.table, 2, s, d) - 0.5) * size[d];
  }
  return out;
}
