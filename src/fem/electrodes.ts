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
import {
  check,
  flag,
  type OptionsOf,
  oneOf,
  option,
  readOptions,
  required,
  type SettingsOf,
} from "../checks/options.ts";
import { add, cast, constant, linearMap, type SolvePart, slice, sparseCholesky, sparseSolve } from "../graph/build.ts";
import { div, mul } from "../graph/elementwise.ts";
import { isTensor, show, type Tensor } from "../graph/tensor.ts";
import { sparseMatrix, timesVector } from "../sparse/matrix.ts";
import type { SparsePattern } from "../sparse/pattern.ts";
import { arcLength, arcsOf, type ElectrodePlaces, pointsOf } from "./electrode-places.ts";
import { type Drive, type Readings, readingsOf } from "./electrode-readings.ts";
import { expectMesh, type Mesh } from "./mesh.ts";
import { expectBalance, type Protocol, protocolRows } from "./protocol.ts";
import { assembleTerminals, type Terminals } from "./terminals.ts";

const any = <T>(expected: string): ReturnType<typeof check<T>> => check<T>(expected, (x) => x !== null);

export const electrodesTable = {
  /** The body, in one piece. */
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
    if (!(typeof z === "number" && z > 0 && z < Infinity))
      fail("finite impedances above 0", `${describe(z)} of electrode ${l}`);
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

type Settings = SettingsOf<typeof electrodesTable>;

/** Currents and readings. @throws on what does not fit L electrodes. */
function driveOf({ inject, measure, current, off, reference, measureActive }: Settings, L: number): Drive {
  const missing = new Set(off);
  for (const l of off)
    if (!(Number.isInteger(l) && l >= 0 && l < L)) fail(`electrodes 0 to ${L - 1} in off`, describe(l));
  if (typeof reference === "number" && reference >= L)
    fail(`reference below ${L}, the number of electrodes`, `${reference}`);
  if ((Array.isArray(inject) || ArrayBuffer.isView(inject)) && current !== 1)
    fail("no current beside a matrix of currents", `${current}`);
  if (inject === "each") fail("inject with a source and a sink", '"each"');
  const currents = without(missing, protocolRows("inject", inject, L), L, "inject").map((x) => x * current);
  expectBalance(currents, L);
  const readings = without(missing, protocolRows("measure", measure, L), L, "measure");
  return { L, currents, readings, measureActive, reference };
}

/** A tensor of one of the widths, in double precision. */
function wide(name: string, t: unknown, ...widths: readonly number[]): Tensor {
  if (isTensor(t) && t.kind === "batch" && widths.includes(t.cols)) return cast(t, "f64");
  return fail(`${name} (B, ${widths.join(") or (B, ")})`, isTensor(t) ? show(t) : describe(t));
}

function expectState(state: object, ...names: readonly string[]): void {
  const odd = Object.keys(state).find((key) => !names.includes(key));
  if (odd !== undefined) fail(`only { ${names.join(", ")} } beside the conductivity`, `"${odd}"`);
}

/** The contribution of contacts to the entries of the matrix, for impedances given as tensors or in the definition; null without. */
function contactsOf({ contact }: Terminals, { model, impedance }: Settings, L: number) {
  if (contact === null) {
    if (impedance !== undefined) fail(`no impedance for model "${model}"`, describe(impedance));
    return (z?: Tensor): null => (z === undefined ? null : fail(`no impedance for model "${model}"`, show(z)));
  }
  const fixed = impedance === undefined ? null : timesVector(contact, admittances(impedance, L));
  const all = sparseMatrix(
    1,
    L,
    Array.from({ length: L }, (_, l) => [l, 0, 1] as const),
  );
  return (z?: Tensor): Tensor | Float64Array => {
    if (z === undefined)
      return fixed ?? fail("impedance in the definition, or beside the conductivity, for the complete model", "none");
    const each = wide("impedance", z, L, 1);
    return linearMap(div(1, each.cols === L ? each : linearMap(each, all)), contact);
  };
}

/** Readings of potentials (B, K · L) of channels with gains. */
function withGains(
  u: Tensor,
  gains: Tensor | ArrayLike<number>,
  L: number,
  { ofGains, ofPotentials }: Readings,
): Tensor {
  if (isTensor(gains)) return linearMap(mul(u, linearMap(wide("gains", gains, L), ofGains())), ofPotentials());
  const list = Array.isArray(gains) || ArrayBuffer.isView(gains) ? Array.from(gains as ArrayLike<number>) : [];
  if (list.length !== L || !list.every(Number.isFinite))
    fail(`gains (B, ${L}) or ${L} finite numbers`, describe(gains));
  const each = Float64Array.from({ length: u.cols }, (_, g) => list[g % L]);
  return linearMap(mul(u, each), ofPotentials());
}

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
  const settings = readOptions("electrodes", electrodesTable, options);
  const { mesh, model, on } = settings;
  expectMesh("electrodes", mesh);
  const arcs = model === "point" ? [] : arcsOf(mesh, on);
  const points = model === "point" ? pointsOf(mesh, on) : [];
  const L = Math.max(arcs.length, points.length);
  const [N, E] = [mesh.points.length / 2, mesh.triangles.length / 3];
  const drive = driveOf(settings, L);
  const K = drive.currents.length / L;
  const body = assembleTerminals(mesh, model, arcs, points);
  const contacts = contactsOf(body, settings, L);
  const readings = readingsOf(body, drive);
  const load = constant(readings.load, "f64");
  const solved = (sigma: Tensor, impedance: Tensor | undefined, part: SolvePart): Tensor => {
    const coefficients = wide("conductivities", sigma, E);
    const [inside, touching] = [linearMap(coefficients, body.stiffness), contacts(impedance)];
    const values = touching === null ? inside : add(inside, touching);
    return sparseSolve(values, sparseCholesky(values, body.pattern, coefficients), load, body.pattern, part);
  };
  const last: SolvePart = { given: "last", wanted: "last" };
  return {
    ...{ mesh, E, N, L, K, M: readings.data.length, independent: readings.R, pattern: body.pattern },
    ...{ currents: drive.currents, readings: drive.readings },
    injection: Int32Array.from(readings.data, ([k]) => k),
    reading: Int32Array.from(readings.data, ([, m]) => m),
    lengths: Float64Array.from({ length: L }, (_, l) => (arcs.length > 0 ? arcLength(arcs[l]) : 0)),
    observe: (sigma, state = {}) => {
      expectState(state, "impedance", "gains");
      const x = solved(sigma, state.impedance, last);
      const { gains } = state;
      const data =
        gains === undefined
          ? linearMap(x, readings.ofData)
          : withGains(linearMap(x, readings.ofElectrodes()), gains, L, readings);
      return cast(data, sigma.dtype);
    },
    potentials: (sigma, state = {}) => {
      expectState(state, "impedance");
      return cast(linearMap(solved(sigma, state.impedance, last), readings.ofElectrodes()), sigma.dtype);
    },
    solve: (sigma, state = {}) => {
      expectState(state, "impedance");
      const u = cast(linearMap(solved(sigma, state.impedance, { given: "last" }), readings.ofNodes()), sigma.dtype);
      return Array.from({ length: K }, (_, k) => slice(u, k * N, (k + 1) * N));
    },
  };
}
