/**
 * From currents to data: loads of independent injections, and the linear maps from their solutions to readings, to potentials of the
 * electrodes and to those of the nodes, all against a reference. Everything is linear in the solutions x of the R independent
 * injections, unknown by unknown: U_kl = Σ_r c_kr Σ_t w_lt x_(t, r), with w_l the functional of electrode l.
 */
import { type SparseMatrix, sparseMatrix, type Triplet } from "../sparse/matrix.ts";
import { independentRows } from "./protocol.ts";
import type { Terminals } from "./terminals.ts";

/** What is driven and read. */
export interface Drive {
  /** Number of electrodes. */
  readonly L: number;
  /** Currents (K, L) and weights of readings (rows, L). */
  readonly currents: Float64Array;
  readonly readings: Float64Array;
  /** Whether readings at electrodes with current are kept. */
  readonly measureActive: boolean;
  /** What is 0: the mean of all electrodes, those where the current leaves, or one of them. */
  readonly reference: "mean" | "sink" | number;
}

/** Loads and maps of a body with electrodes. */
export interface Readings {
  /** Number of independent injections. */
  readonly R: number;
  /** Injection and reading of each datum (M). */
  readonly data: readonly (readonly [injection: number, reading: number])[];
  /** (last · R) loads of the last unknowns. */
  readonly load: Float64Array;
  /** (last · R) → (M) readings, and → (K · L) potentials of electrodes. */
  readonly ofData: SparseMatrix;
  readonly ofElectrodes: () => SparseMatrix;
  /** (n · R) → (K · N) potentials of nodes. */
  readonly ofNodes: () => SparseMatrix;
  /** (L) → (K · L) gains beside each potential, and (K · L) → (M) readings of potentials. */
  readonly ofGains: () => SparseMatrix;
  readonly ofPotentials: () => SparseMatrix;
}

/** Sums of entries at the same places, those that are 0 left out. */
function matrix(inputs: number, outputs: number, entries: readonly Triplet[]): SparseMatrix {
  const whole = sparseMatrix(inputs, outputs, entries);
  if (!whole.value.includes(0)) return whole;
  const kept: Triplet[] = [];
  for (let g = 0; g < outputs; g++) {
    for (let k = whole.start[g]; k < whole.start[g + 1]; k++)
      if (whole.value[k] !== 0) kept.push([g, whole.index[k], whole.value[k]]);
  }
  return sparseMatrix(inputs, outputs, kept);
}

/** Maps that are large, or needed for gains alone, are made at their first use. */
function lazily(make: () => SparseMatrix): () => SparseMatrix {
  let made: SparseMatrix | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

type Weighted = readonly (readonly [electrode: number, weight: number])[];

/** What is other than 0 in row k of (rows, L). */
const rowOf = (rows: Float64Array, L: number, k: number): Weighted =>
  [...rows.subarray(k * L, (k + 1) * L)].flatMap((w, l): Weighted => (w !== 0 ? [[l, w]] : []));

/** The functional of the electrodes that is 0 in an injection. */
function levelOf({ L, currents, reference }: Drive, k: number): Weighted {
  if (typeof reference === "number") return [[reference, 1]];
  if (reference === "mean") return Array.from({ length: L }, (_, l) => [l, 1 / L]);
  const sinks = rowOf(currents, L, k).filter(([, x]) => x < 0);
  const total = sinks.reduce((sum, [, x]) => sum + x, 0);
  return sinks.map(([l, x]) => [l, x / total]);
}

/** The pairs of injections and readings that are data. @throws where there are none. */
function dataOf({ L, currents, readings, measureActive }: Drive): [number, number][] {
  const data: [number, number][] = [];
  for (let k = 0; k * L < currents.length; k++) {
    for (let m = 0; m * L < readings.length; m++) {
      const active = rowOf(readings, L, m).some(([l]) => currents[k * L + l] !== 0);
      if (measureActive || !active) data.push([k, m]);
    }
  }
  if (data.length > 0) return data;
  throw new Error("electrodes: expected readings without electrodes that carry current, got none; set measureActive");
}

/** All maps of a body and what is driven and read. @throws where no datum is left. */
export function readingsOf(body: Terminals, drive: Drive): Readings {
  const { L, currents, readings } = drive;
  const [K, N, skipped] = [currents.length / L, body.nodes.length, body.n - body.last];
  const { basis, of } = independentRows(currents, L);
  const R = basis.length;
  const load = new Float64Array(body.last * R);
  basis.forEach((k, r) => {
    for (const [l, current] of rowOf(currents, L, k))
      for (const [t, w] of body.electrodes[l]) load[t * R + r] += w * current;
  });
  /** Entries of output g that read potentials of electrodes in injection k; `first` is the place of the last unknowns. */
  const read = (g: number, k: number, what: Weighted, first = 0): Triplet[] =>
    what.flatMap(([l, weight]) =>
      basis.flatMap((_, r) => {
        const c = of[k * R + r] * weight;
        return c === 0 ? [] : [...body.electrodes[l]].map(([t, w]): Triplet => [g, (first + t) * R + r, c * w]);
      }),
    );
  /** Minus the level, so many times. */
  const lower = (k: number, times: number): Weighted => levelOf(drive, k).map(([l, w]) => [l, -times * w]);

  const data = dataOf(drive);
  const sums = Array.from({ length: readings.length / L }, (_, m) => {
    const sum = rowOf(readings, L, m).reduce((s, [, w]) => s + w, 0);
    return Math.abs(sum) < 1e-12 ? 0 : sum; // a difference: the level does not matter
  });
  const ofDatum = ([k, m]: readonly [number, number], g: number): Triplet[] => [
    ...read(g, k, rowOf(readings, L, m)),
    ...(sums[m] === 0 ? [] : read(g, k, lower(k, sums[m]))),
  ];
  const places = Array.from({ length: K * L }, (_, g) => [Math.floor(g / L), g % L] as const);
  return {
    ...{ R, data, load },
    ofData: matrix(body.last * R, data.length, data.flatMap(ofDatum)),
    ofElectrodes: lazily(() => {
      const entries = places.flatMap(([k, l], g) => [...read(g, k, [[l, 1]]), ...read(g, k, lower(k, 1))]);
      return matrix(body.last * R, K * L, entries);
    }),
    ofNodes: lazily(() => {
      const entries: Triplet[] = [];
      for (let g = 0; g < K * N; g++) {
        const [k, node] = [Math.floor(g / N), body.nodes[g % N]];
        for (let r = 0; r < R && node >= 0; r++)
          if (of[k * R + r] !== 0) entries.push([g, node * R + r, of[k * R + r]]);
        for (const entry of read(g, k, lower(k, 1), skipped)) entries.push(entry);
      }
      return matrix(body.n * R, K * N, entries);
    }),
    ofGains: lazily(() =>
      sparseMatrix(
        L,
        K * L,
        places.map(([, l], g): Triplet => [g, l, 1]),
      ),
    ),
    ofPotentials: lazily(() => {
      const entries = data.flatMap(([k, m], g) => rowOf(readings, L, m).map(([l, w]): Triplet => [g, k * L + l, w]));
      return sparseMatrix(K * L, data.length, entries);
    }),
  };
}
