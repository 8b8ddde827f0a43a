/**
 * Assembly: the numbers of the free nodes, and the fixed linear maps from coefficients of the triangles to the entries of the matrix
 * of the free nodes and to their right-hand sides,
 *
 *   A = Σ_e a_e K_e + Σ_e c_e M_e + R,   b = b₀ − Σ_e (a_e K_e + c_e M_e) d,   d the Dirichlet values, R from Robin edges.
 */
import { Growing } from "../sparse/growing.ts";
import { compress, type SparseMatrix, sparseMatrix, type Triplet, withValues } from "../sparse/matrix.ts";
import { entryFinder, type SparsePattern, sparsePattern } from "../sparse/pattern.ts";
import { showPoint } from "./arrays.ts";
import { cornersOf, edgeIntegrals, mass, meanOf, sourceLoad, stiffness, valueAt } from "./forms.ts";
import { partsOf, shares } from "./held.ts";
import { checkField, fail, loadOf } from "./loads.ts";
import type { Mesh } from "./mesh.ts";
import { type EdgeSelector, selectEdges } from "./select.ts";
import type { PoissonSpec } from "./spec.ts";

/** A definition as linear maps. */
export interface Assembly {
  /** Number of right-hand sides. */
  readonly K: number;
  /** Number of each node among the free ones (N), −1 for fixed nodes; and the number of free nodes. */
  readonly free: Int32Array;
  readonly n: number;
  /** Values of the fixed nodes, (K) each. */
  readonly fixed: ReadonlyMap<number, readonly number[]>;
  /** Whether only the gauge fixes the constant; node 0 is then held at 0. */
  readonly floating: boolean;
  /** A point in a part of the mesh where only a reaction given as a tensor can fix u; null where there is none. */
  readonly unheld: string | null;
  readonly pattern: SparsePattern;
  /** Maps (E) → entries, and (E) → (n · K); the latter are null where all Dirichlet values are 0. */
  readonly stiffness: SparseMatrix;
  readonly mass: SparseMatrix;
  readonly stiffnessLoad: SparseMatrix | null;
  readonly massLoad: SparseMatrix | null;
  /** The parts that do not depend on coefficients given as tensors. */
  readonly entries: Float64Array;
  readonly load: Float64Array;
  /** Maps of the factors of the transfers of Robin conditions (R) to entries and to (n · K); null without such conditions. */
  readonly robin: { readonly entries: SparseMatrix; readonly load: SparseMatrix } | null;
}

/** Dirichlet nodes and their values (K); the first condition that selects a node holds there. */
function fixedNodes({ mesh, dirichlet = [] }: PoissonSpec, K: number): Map<number, readonly number[]> {
  const { points, edges } = mesh;
  const fixed = new Map<number, readonly number[]>();
  dirichlet.forEach(({ on, value }, i) => {
    for (const edge of selectEdges(mesh, on)) {
      for (const node of [edges[2 * edge], edges[2 * edge + 1]]) {
        if (fixed.has(node)) continue;
        const at = (_: unknown, k: number): number =>
          valueAt(`dirichlet[${i}].value`, loadOf(value, k), points[2 * node], points[2 * node + 1]);
        fixed.set(node, Array.from({ length: K }, at));
      }
    }
  });
  return fixed;
}

/** The pairs of free nodes that share a triangle, and so an entry of the matrix. */
function* coupled({ triangles }: Mesh, free: Int32Array): Iterable<[number, number]> {
  for (let h = 0; h < triangles.length; h++) {
    const next = h % 3 === 2 ? h - 2 : h + 1;
    const [a, b] = [free[triangles[h]], free[triangles[next]]];
    if (a >= 0 && b >= 0) yield [a, b];
  }
}

/** The pattern of the matrix of the free nodes. */
function patternOf({ mesh }: PoissonSpec, free: Int32Array, n: number): SparsePattern {
  const places = new Float64Array(2 * n);
  free.forEach((k, i) => {
    if (k >= 0) places.set([mesh.points[2 * i], mesh.points[2 * i + 1]], 2 * k);
  });
  return sparsePattern(n, coupled(mesh, free), places);
}

/** Collects the maps of a and of c, whose entries are at the same places. */
function mapsOf(inputs: number, outputs: number) {
  const at = { outputs: new Growing(), inputs: new Growing() };
  const values: Record<"stiffness" | "mass", number[]> = { stiffness: [], mass: [] };
  return {
    add: (output: number, input: number, stiffness: number, mass: number): void => {
      at.outputs.push(output);
      at.inputs.push(input);
      values.stiffness.push(stiffness);
      values.mass.push(mass);
    },
    done: (): Record<keyof typeof values, SparseMatrix> => {
      const places = compress(inputs, outputs, { outputs: at.outputs.slice(), inputs: at.inputs.slice() });
      return {
        stiffness: withValues(inputs, outputs, places, values.stiffness),
        mass: withValues(inputs, outputs, places, values.mass),
      };
    },
  };
}

/** The numbers of the nodes, and the sums that the steps of assembly add to. */
interface System extends Pick<Assembly, "K" | "free" | "n" | "fixed" | "floating" | "pattern" | "entries" | "load"> {
  readonly entryOf: (row: number, column: number) => number;
  /** Maps of coefficients to `entries` and to `load`. */
  readonly matrixMaps: ReturnType<typeof mapsOf>;
  readonly loadMaps: ReturnType<typeof mapsOf>;
  /** Entries of the maps of Robin conditions. */
  readonly robinEntries: Triplet[];
  readonly robinLoad: Triplet[];
  /** Nodes at which something fixes u in their part of the mesh. */
  readonly held: Set<number>;
  /** Source and flux for each right-hand side (K): their sum, and the sum of their absolute values. */
  readonly balance: Float64Array;
  readonly size: Float64Array;
}

/** Numbers the free nodes, and makes a system without entries. */
function emptySystem(spec: PoissonSpec, K: number): System {
  const { mesh, robin = [], reaction } = spec;
  const [N, E] = [mesh.points.length / 2, mesh.triangles.length / 3];
  const fixed = fixedNodes(spec, K);
  const held = new Set(fixed.keys());
  const floating = fixed.size === 0 && robin.length === 0 && reaction === undefined;
  if (floating) fixed.set(0, new Array<number>(K).fill(0));
  const free = new Int32Array(N).fill(-1);
  let n = 0;
  for (let i = 0; i < N; i++) if (!fixed.has(i)) free[i] = n++;
  if (n === 0) fail("at least one node that no Dirichlet condition fixes", `${N} nodes, all fixed`);
  const pattern = patternOf(spec, free, n);
  const entries = new Float64Array(pattern.rows.length);
  return {
    ...{ K, free, n, fixed, floating, pattern, entries, held },
    load: new Float64Array(n * K),
    entryOf: entryFinder(pattern),
    matrixMaps: mapsOf(E, entries.length),
    loadMaps: mapsOf(E, n * K),
    robinEntries: [],
    robinLoad: [],
    balance: new Float64Array(K),
    size: new Float64Array(K),
  };
}

/** Adds source or flux to the load of a node. */
function addLoad({ K, free, load, balance, size }: System, node: number, k: number, value: number): void {
  balance[k] += value;
  size[k] += Math.abs(value);
  if (free[node] >= 0) load[free[node] * K + k] += value;
}

/** Stiffness, mass, reaction and source of the triangles. */
function addTriangles(system: System, { mesh, reaction, source = 0 }: PoissonSpec): void {
  const { K, free, fixed, entryOf, entries, load, matrixMaps, loadMaps, held } = system;
  for (let e = 0; e < mesh.triangles.length / 3; e++) {
    const corners = cornersOf(mesh, e);
    const c = reaction === undefined ? 0 : meanOf("reaction", reaction, corners, e);
    if (c < 0) fail("a reaction of at least 0", `${c} in triangle ${e}`);
    if (c > 0) held.add(corners.nodes[0]);
    for (let i = 0; i < 3; i++) {
      const row = free[corners.nodes[i]];
      for (let j = 0; row >= 0 && j < 3; j++) {
        const col = free[corners.nodes[j]];
        const [k, m] = [stiffness(corners, i, j), mass(corners, i, j)];
        if (col < 0) {
          (fixed.get(corners.nodes[j]) as readonly number[]).forEach((value, side) => {
            if (value === 0) return;
            loadMaps.add(row * K + side, e, -k * value, -m * value);
            load[row * K + side] -= c * m * value;
          });
        } else if (col <= row) {
          const at = entryOf(row, col);
          matrixMaps.add(at, e, k, m);
          entries[at] += c * m;
        }
      }
    }
    for (let k = 0; k < K; k++) {
      const parts = sourceLoad("source", loadOf(source, k), corners, e);
      for (let i = 0; i < 3; i++) addLoad(system, corners.nodes[i], k, parts[i]);
    }
  }
}

/** Calls `use` with the two nodes of each selected edge. */
function onEdges(mesh: Mesh, on: EdgeSelector, use: (a: number, b: number) => void): void {
  for (const edge of selectEdges(mesh, on)) use(mesh.edges[2 * edge], mesh.edges[2 * edge + 1]);
}

/** a ∂u/∂n = flux. */
function addNeumann(system: System, { mesh, neumann = [] }: PoissonSpec): void {
  neumann.forEach(({ on, flux }, i) => {
    onEdges(mesh, on, (a, b) => {
      for (let k = 0; k < system.K; k++) {
        const [first, second] = edgeIntegrals(`neumann[${i}].flux`, loadOf(flux, k), mesh, a, b);
        addLoad(system, a, k, first);
        addLoad(system, b, k, second);
      }
    });
  });
}

/** a ∂u/∂n = transfer (outside − u). */
function addRobin(
  { K, free, fixed, held, entryOf, robinEntries, robinLoad }: System,
  { mesh, robin = [] }: PoissonSpec,
): void {
  const { points } = mesh;
  robin.forEach(({ on, transfer, outside }, i) => {
    checkField(`robin[${i}].transfer`, transfer);
    onEdges(mesh, on, (a, b) => {
      const [, , aa, ab, bb] = edgeIntegrals(`robin[${i}].transfer`, transfer, mesh, a, b);
      if (!(aa > 0 && bb > 0)) fail(`robin[${i}].transfer above 0`, `${Math.min(aa, bb)} from node ${a} to ${b}`);
      held.add(a);
      for (const [p, q, value] of [
        [a, a, aa],
        [a, b, ab],
        [b, a, ab],
        [b, b, bb],
      ]) {
        if (free[p] < 0) continue;
        if (free[q] >= 0 && free[q] <= free[p]) robinEntries.push([entryOf(free[p], free[q]), i, value]);
        const known = fixed.get(q);
        for (let k = 0; k < K; k++) {
          const at = valueAt(`robin[${i}].outside`, loadOf(outside, k), points[2 * q], points[2 * q + 1]);
          robinLoad.push([free[p] * K + k, i, value * (at - (known?.[k] ?? 0))]);
        }
      }
    });
  });
}

/** A point in a part of the mesh where nothing fixes u; null where there is none. */
function unheldPoint(mesh: Mesh, parts: Int32Array, held: ReadonlySet<number>): string | null {
  const heldParts = new Set([...held].map((node) => parts[node]));
  const node = parts.findIndex((part) => !heldParts.has(part));
  return node < 0 ? null : showPoint(mesh.points[2 * node], mesh.points[2 * node + 1]);
}

/** Largest sum of source and flux, as a share of the sum of their absolute values. */
const IMBALANCE = 0.01;

/**
 * Where only the gauge fixes u, source and flux must sum to 0. Subtracts their sum, which quadrature and the polygon around a
 * curved domain leave, from the load as a uniform source. @throws when the sum is not small, or the mesh has several parts.
 */
function balanceLoad({ K, free, load, balance, size }: System, mesh: Mesh, parts: Int32Array): void {
  const count = 1 + parts.reduce((most, part) => Math.max(most, part), 0);
  if (count > 1)
    fail("a mesh in one piece, where only a gauge fixes the constant", `${count} pieces that do not touch`);
  const odd = balance.findIndex((sum, k) => Math.abs(sum) > IMBALANCE * size[k]);
  if (odd >= 0) {
    fail(
      "source and flux that balance, where no Dirichlet or Robin condition and no reaction takes up the rest",
      `${balance[odd]} in all for right-hand side ${odd + 1}`,
    );
  }
  shares(mesh).forEach((share, node) => {
    for (let k = 0; k < K && free[node] >= 0; k++) load[free[node] * K + k] -= share * balance[k];
  });
}

/** Numbers the free nodes and makes all maps. @throws on values that are not finite, or loads that cannot balance. */
export function assemble(spec: PoissonSpec, K: number): Assembly {
  const { mesh, reaction, robin = [] } = spec;
  if (reaction !== undefined) checkField("reaction", reaction, mesh.triangles.length / 3);
  const system = emptySystem(spec, K);
  addTriangles(system, spec);
  addNeumann(system, spec);
  addRobin(system, spec);

  const { free, n, fixed, floating, pattern, entries, load, held } = system;
  const parts = partsOf(mesh);
  const unheld = floating ? null : unheldPoint(mesh, parts, held);
  if (floating) balanceLoad(system, mesh, parts);
  if (unheld !== null && reaction === undefined)
    fail(
      "a Dirichlet or Robin condition, or a reaction, in each piece of the mesh",
      `none in the one around ${unheld}`,
    );
  const [ofMatrix, ofLoad] = [system.matrixMaps.done(), system.loadMaps.done()];
  return {
    ...{ K, free, n, fixed, floating, unheld, pattern, entries, load },
    robin:
      robin.length > 0
        ? {
            entries: sparseMatrix(robin.length, entries.length, system.robinEntries),
            load: sparseMatrix(robin.length, n * K, system.robinLoad),
          }
        : null,
    stiffness: ofMatrix.stiffness,
    mass: ofMatrix.mass,
    stiffnessLoad: ofLoad.stiffness.value.length > 0 ? ofLoad.stiffness : null,
    massLoad: ofLoad.mass.value.length > 0 ? ofLoad.mass : null,
  };
}
