/**
 * Electrical impedance tomography: potentials of electrodes on a body for currents that they drive through it,
 *
 *   −∇·(σ ∇u) = 0,   σ ∂u/∂n = 0 between electrodes,   ∫_{e_l} σ ∂u/∂n = I_l,   u + z_l σ ∂u/∂n = U_l on e_l   (the complete model),
 *
 * for any number of conductivities σ and contact impedances z at once (equations and other models of contacts: terminals.ts).
 * Electrode potentials are eliminated last: one factorisation gives the data of all injections, without a substitution through the
 * nodes; derivatives take one backward substitution for each independent injection and one for its adjoint.
 */
import { describe } from "../checks/arguments.ts";
import { check, flag, oneOf, type OptionsOf, option, readOptions, required } from "../checks/options.ts";
import { add, cast, constant, linearMap, slice, sparseCholesky, sparseSolve } from "../graph/build.ts";
import { div, mul } from "../graph/elementwise.ts";
import { isTensor, show, type Tensor } from "../graph/tensor.ts";
import { type SparseMatrix, sparseMatrix, type Triplet } from "../sparse/matrix.ts";
import type { SparsePattern } from "../sparse/pattern.ts";
import { arcLength, arcsOf, type ElectrodePlaces, pointsOf } from "./electrode-places.ts";
import { expectMesh, type Mesh } from "./mesh.ts";
import { expectBalance, independentRows, type Protocol, protocolRows } from "./protocol.ts";
import { assembleTerminals, type Contact } from "./terminals.ts";

const any = <T>(expected: string): ReturnType<typeof check<T>> => check<T>(expected, (x) => x !== null);

export const electrodesTable = {
  mesh: required(any<Mesh>("a mesh")),
  /**
   * Where the electrodes are: a list of edge tags or predicates, one an electrode; equal arcs `{ count, coverage }`; points (L, 2) for
   * `model: "point"`. Default: the edge tags e0, e1, … of the mesh.
   */
  on: option(any<ElectrodePlaces>("places of electrodes")),
  /**
   * How they touch the body: "complete" (contact impedance), "shunt" (a perfect contact), "gap" (the current is spread evenly, the mean
   * potential is read) or "point".
   */
  model: option(oneOf("complete", "shunt", "gap", "point"), "complete"),
  /** Currents into the body, rows of L numbers with sum 0, or a protocol by its name: see `Protocol`. */
  inject: option(any<Protocol>("a protocol"), "adjacent"),
  /** Current of protocols by name, in the unit of currents. */
  current: option(
    check<number>("a finite number other than 0", (x) => Number.isFinite(x) && x !== 0),
    1,
  ),
  /** What is read for each injection: weights of the potentials, rows of L numbers, or a protocol by its name. */
  measure: option(any<Protocol>("a protocol"), "adjacent"),
  /** Whether readings that an electrode with current of the injection takes part in are kept. */
  measureActive: option(flag, true),
  /** Electrodes that are not connected: injections and readings with them are left out. They still conduct along the boundary. */
  off: option(check<readonly number[]>("a list of electrodes", Array.isArray), []),
  /**
   * What potentials are relative to: the mean of all electrodes, the electrodes where the current of an injection leaves ("sink"), or
   * one electrode by its number. It matters to readings whose weights do not sum to 0, and to gains.
   */
  reference: option(
    check<"mean" | "sink" | number>('"mean", "sink" or the number of an electrode', (x) =>
      typeof x === "number" ? Number.isInteger(x) && x >= 0 : x === "mean" || x === "sink",
    ),
    "mean",
  ),
  /**
   * Contact impedance z > 0 of all electrodes or of each (L), for the complete model: resistance times length (area in a section of a
   * body). Not needed where it comes as a tensor.
   */
  impedance: option(any<number | ArrayLike<number>>("a number above 0, or one an electrode")),
};
/** Options of `electrodes`. */
export type ElectrodesOptions = OptionsOf<typeof electrodesTable>;

/** What data depend on beside the conductivity. */
export interface ElectrodeState {
  /** Contact impedances (B, L), or (B, 1) for all of them, in place of those of the definition. */
  readonly impedance?: Tensor;
  /** Factors of the channels (B, L), or L numbers: the potential of electrode l, against the reference, is read as g_l U_l. */
  readonly gains?: Tensor | ArrayLike<number>;
}

/** A body with electrodes. */
export interface Electrodes {
  readonly mesh: Mesh;
  /** Numbers of triangles E, nodes N, electrodes L, injections K, and data M. */
  readonly E: number;
  readonly N: number;
  readonly L: number;
  readonly K: number;
  readonly M: number;
  /** Number of injections that are solved for: the others are combinations of them. */
  readonly independent: number;
  /** Currents (K, L) and weights of readings (rows, L). */
  readonly currents: Float64Array;
  readonly readings: Float64Array;
  /** The injection and the reading of each datum (M): data are in the order of injections, then of readings. */
  readonly injection: Int32Array;
  readonly reading: Int32Array;
  /** Lengths of the electrodes (L); 0 for points. */
  readonly lengths: Float64Array;
  readonly pattern: SparsePattern;
  /**
   * Readings (B, M) for conductivities (B, E) of the triangles.
   * @throws on other shapes, and without impedances for the complete model.
   */
  observe(sigma: Tensor, state?: ElectrodeState): Tensor;
  /** Potentials of the electrodes (B, K · L), injection by injection, against the reference. */
  potentials(sigma: Tensor, state?: Pick<ElectrodeState, "impedance">): Tensor;
  /** u at the nodes against the reference, (B, N) for each of the K injections. */
  solve(sigma: Tensor, state?: Pick<ElectrodeState, "impedance">): Tensor[];
}

const fail = (expected: string, got: string): never => {
  throw new Error(`electrodes: expected ${expected}, got ${got}`);
};

/** 1/z of each electrode. */
function admittances(impedance: number | ArrayLike<number>, L: number): Float64Array {
  const list = typeof impedance === "number" ? new Array<number>(L).fill(impedance) : Array.from(impedance);
  if (list.length !== L) fail(`impedance as a number above 0, or ${L} of them`, describe(impedance));
  return Float64Array.from(list, (z, l) => {
    if (!(typeof z === "number" && z > 0 && z < Infinity)) fail("finite impedances above 0", `${describe(z)} of electrode ${l}`);
    return 1 / z;
  });
}

/** Rows of (rows, L) without an electrode that is off. */
function without(off: ReadonlySet<number>, rows: Float64Array, L: number, name: string): Float64Array {
  const kept: number[] = [];
  for (let k = 0; k * L < rows.length; k++) {
    const row = rows.subarray(k * L, (k + 1) * L);
    if (!row.some((x, l) => x !== 0 && off.has(l))) kept.push(...row);
  }
  if (kept.length === 0) fail(`a row of ${name} without the electrodes that are off`, "none");
  return Float64Array.from(kept);
}

/** Sums of entries at the same places, those that are 0 left out. */
const matrix = (inputs: number, outputs: number, entries: readonly Triplet[]): SparseMatrix => {
  const whole = sparseMatrix(inputs, outputs, entries);
  if (!whole.value.includes(0)) return whole;
  const kept: Triplet[] = [];
  for (let g = 0; g < outputs; g++)
    for (let k = whole.start[g]; k < whole.start[g + 1]; k++)
      if (whole.value[k] !== 0) kept.push([g, whole.index[k], whole.value[k]]);
  return sparseMatrix(inputs, outputs, kept);
};

/**
 * Makes a body with electrodes: numbering, symbolic analysis and all maps, once.
 *
 * Units: any consistent ones. In a plane, with σ the conductivity of a sheet (S) and currents in A, potentials are in V and z in
 * Ω m; for a tank of depth h, σ is that of the liquid times h. A positive current enters the body at its electrode.
 *
 * Systems are solved in double precision, whatever the type of σ, which is that of the data: contacts of low impedance would cost
 * single precision its digits.
 *
 * @throws naming the option that does not fit: places that overlap or are not on the boundary, currents that do not sum to 0, a mesh
 * in pieces.
 */
export function electrodes(options: ElectrodesOptions): Electrodes {
  const read = readOptions("electrodes", electrodesTable, options);
  const { mesh, reference } = read;
  const contact: Contact = read.model;
  expectMesh("electrodes", mesh);
  if (contact !== "complete" && read.impedance !== undefined) fail(`no impedance for model "${contact}"`, describe(read.impedance));
  const arcs = contact === "point" ? [] : arcsOf(mesh, read.on);
  const points = contact === "point" ? pointsOf(mesh, read.on) : [];
  const L = Math.max(arcs.length, points.length);
  const [N, E] = [mesh.points.length / 2, mesh.triangles.length / 3];
  const fixed = read.impedance === undefined ? null : admittances(read.impedance, L);
  const off = new Set(read.off);
  for (const l of off) if (!(Number.isInteger(l) && l >= 0 && l < L)) fail(`electrodes 0 to ${L - 1} in off`, describe(l));
  if (typeof reference === "number" && reference >= L) fail(`reference below ${L}, the number of electrodes`, `${reference}`);

  const named = typeof read.inject === "string" || !(Array.isArray(read.inject) || ArrayBuffer.isView(read.inject));
  if (!named && read.current !== 1) fail("no current beside a matrix of currents", `${read.current}`);
  if (read.inject === "each") fail("inject with a source and a sink", '"each"');
  const currents = without(off, protocolRows("inject", read.inject, L), L, "inject").map((x) => x * read.current);
  expectBalance(currents, L);
  const readings = without(off, protocolRows("measure", read.measure, L), L, "measure");
  const [K, rows] = [currents.length / L, readings.length / L];
  const { basis, of } = independentRows(currents, L);
  const R = basis.length;
  const body = assembleTerminals(mesh, contact, arcs, points);
  const { n, last, pattern } = body;

  const load = new Float64Array(last * R); // of the last unknowns
  basis.forEach((k, r) => {
    body.electrodes.forEach((weights, l) => {
      for (const [t, w] of weights) load[t * R + r] += w * currents[k * L + l];
    });
  });
  /** The functional that is 0: weights of the electrodes for injection k. */
  const level = (k: number): [l: number, weight: number][] => {
    if (typeof reference === "number") return [[reference, 1]];
    if (reference === "mean") return Array.from({ length: L }, (_, l) => [l, 1 / L]);
    const row = [...currents.subarray(k * L, (k + 1) * L)];
    const total = row.reduce((sum, x) => sum + Math.max(0, -x), 0);
    return row.flatMap((x, l): [number, number][] => (x < 0 ? [[l, -x / total]] : []));
  };
  /** Entries of output g that read `weight` times electrode l's potential in injection k, from `skipped` + terminals of all unknowns. */
  const readElectrode = (g: number, k: number, l: number, weight: number, skipped = 0): Triplet[] =>
    basis.flatMap((_, r) => {
      const c = of[k * R + r] * weight;
      return c === 0 ? [] : [...body.electrodes[l]].map(([t, w]): Triplet => [g, (skipped + t) * R + r, c * w]);
    });
  const readLevel = (g: number, k: number, weight: number, skipped = 0): Triplet[] =>
    weight === 0 ? [] : level(k).flatMap(([l, w]) => readElectrode(g, k, l, -weight * w, skipped));

  const data: [k: number, m: number][] = [];
  for (let k = 0; k < K; k++) {
    for (let m = 0; m < rows; m++) {
      const active = readings.subarray(m * L, (m + 1) * L).some((w, l) => w !== 0 && currents[k * L + l] !== 0);
      if (read.measureActive || !active) data.push([k, m]);
    }
  }
  if (data.length === 0) fail("readings without electrodes that carry current", "none; set measureActive");
  const each = (m: number): [l: number, weight: number][] =>
    [...readings.subarray(m * L, (m + 1) * L)].flatMap((w, l): [number, number][] => (w !== 0 ? [[l, w]] : []));
  const M = data.length;
  const sums = Array.from({ length: rows }, (_, m) => {
    const sum = each(m).reduce((s, [, w]) => s + w, 0);
    return Math.abs(sum) < 1e-12 ? 0 : sum;
  });
  const dataMatrix = matrix(
    last * R,
    M,
    data.flatMap(([k, m], g) => [...each(m).flatMap(([l, w]) => readElectrode(g, k, l, w)), ...readLevel(g, k, sums[m])]),
  );
  const lazily = (make: () => SparseMatrix): (() => SparseMatrix) => {
    let made: SparseMatrix | undefined; // large, or needed for gains alone: made at its first use
    return () => (made ??= make());
  };
  const potentialMatrix = lazily(() => {
    const entries: Triplet[] = [];
    for (let g = 0; g < K * L; g++) {
      const k = Math.floor(g / L);
      entries.push(...readElectrode(g, k, g % L, 1), ...readLevel(g, k, 1));
    }
    return matrix(last * R, K * L, entries);
  });
  const nodeMatrix = lazily(() => {
    const entries: Triplet[] = [];
    for (let k = 0; k < K; k++) {
      for (let i = 0; i < N; i++) {
        const g = k * N + i;
        for (let r = 0; r < R && body.nodes[i] >= 0; r++)
          if (of[k * R + r] !== 0) entries.push([g, body.nodes[i] * R + r, of[k * R + r]]);
        entries.push(...readLevel(g, k, 1, n - last));
      }
    }
    return matrix(n * R, K * N, entries);
  });
  const gainMatrix = lazily(() =>
    sparseMatrix(
      L,
      K * L,
      Array.from({ length: K * L }, (_, g) => [g, g % L, 1] as const),
    ),
  );
  const readingMatrix = lazily(() =>
    sparseMatrix(
      K * L,
      M,
      data.flatMap(([k, m], g) => each(m).map(([l, w]): Triplet => [g, k * L + l, w])),
    ),
  );
  const all = sparseMatrix(
    1,
    L,
    Array.from({ length: L }, (_, l) => [l, 0, 1] as const),
  );

  /** A tensor of one of the widths, in double precision. */
  const wide = (name: string, t: unknown, ...widths: readonly number[]): Tensor => {
    if (isTensor(t) && t.kind === "batch" && widths.includes(t.cols)) return cast(t, "f64");
    return fail(`${name} (B, ${widths.join(") or (B, ")})`, isTensor(t) ? show(t) : describe(t));
  };
  const contactEntries = (impedance: Tensor | undefined): Tensor | Float64Array | null => {
    if (body.contact === null) return impedance === undefined ? null : fail(`no impedance for model "${contact}"`, show(impedance));
    if (impedance === undefined) {
      if (fixed === null) fail("impedance in the definition, or beside the conductivity, for the complete model", "none");
      return fixedEntries();
    }
    const z = wide("impedance", impedance, L, 1);
    return linearMap(div(1, z.cols === L ? z : linearMap(z, all)), body.contact);
  };
  let entries: Float64Array | undefined;
  const fixedEntries = (): Float64Array => {
    if (entries) return entries;
    const { start, index, value, outputs } = body.contact as SparseMatrix;
    entries = new Float64Array(outputs);
    for (let g = 0; g < outputs; g++)
      for (let k = start[g]; k < start[g + 1]; k++) entries[g] += value[k] * (fixed as Float64Array)[index[k]];
    return entries;
  };
  const expectState = (state: object, names: readonly string[]): void => {
    const odd = Object.keys(state).find((key) => !names.includes(key));
    if (odd !== undefined) fail(`only { ${names.join(", ")} } beside the conductivity`, `"${odd}"`);
  };
  const loads = constant(load, "f64");
  const solved = (sigma: Tensor, impedance: Tensor | undefined, wanted?: "last"): Tensor => {
    const coefficients = wide("conductivities", sigma, E);
    const contacts = contactEntries(impedance);
    const body64 = linearMap(coefficients, body.stiffness);
    const values = contacts === null ? body64 : add(body64, contacts);
    const factor = sparseCholesky(values, pattern, coefficients);
    return sparseSolve(values, factor, loads, pattern, { given: "last", ...(wanted && { wanted }) });
  };

  return {
    ...{ mesh, E, N, L, K, M, independent: R, currents, readings, pattern },
    injection: Int32Array.from(data, ([k]) => k),
    reading: Int32Array.from(data, ([, m]) => m),
    lengths: Float64Array.from({ length: L }, (_, l) => (arcs.length > 0 ? arcLength(arcs[l]) : 0)),
    observe: (sigma, state = {}) => {
      expectState(state, ["impedance", "gains"]);
      const x = solved(sigma, state.impedance, "last");
      const { gains } = state;
      if (gains === undefined) return cast(linearMap(x, dataMatrix), sigma.dtype);
      const u = linearMap(x, potentialMatrix());
      if (!isTensor(gains) && (gains.length !== L || !Array.from(gains).every(Number.isFinite)))
        fail(`gains (B, ${L}) or ${L} finite numbers`, describe(gains));
      const factors = isTensor(gains)
        ? linearMap(wide("gains", gains, L), gainMatrix())
        : Float64Array.from({ length: K * L }, (_, g) => gains[g % L]);
      return cast(linearMap(mul(u, factors), readingMatrix()), sigma.dtype);
    },
    potentials: (sigma, state = {}) => {
      expectState(state, ["impedance"]);
      return cast(linearMap(solved(sigma, state.impedance, "last"), potentialMatrix()), sigma.dtype);
    },
    solve: (sigma, state = {}) => {
      expectState(state, ["impedance"]);
      const u = cast(linearMap(solved(sigma, state.impedance), nodeMatrix()), sigma.dtype);
      return Array.from({ length: K }, (_, k) => slice(u, k * N, (k + 1) * N));
    },
  };
}
