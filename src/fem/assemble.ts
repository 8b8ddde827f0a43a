/**
 * Assembly: which nodes are free, and the fixed linear maps that take coefficients of the triangles to the entries of the
 * matrix of the free nodes and to their right-hand sides,
 *
 *   A = Σ_e a_e K_e + Σ_e c_e M_e + R,   b = b₀ − Σ_e (a_e K_e + c_e M_e) d,   d the Dirichlet values, R from Robin edges.
 */
import { Growing } from "../sparse/growing.ts";
import { compress, type SparseMatrix, withValues } from "../sparse/matrix.ts";
import { entryFinder, type SparsePattern, sparsePattern } from "../sparse/pattern.ts";
import { showPoint } from "./arrays.ts";
import { cornersOf, edgeIntegrals, type Field, mass, meanOf, sourceLoad, stiffness, valueAt } from "./forms.ts";
import { partsOf, shares } from "./held.ts";
import { checkField, fail, loadOf } from "./loads.ts";
import type { Mesh } from "./mesh.ts";
import { selectEdges } from "./select.ts";
import type { PoissonSpec } from "./spec.ts";

export interface Assembly {
  /** Right-hand sides. */
  readonly K: number;
  /** Number of a node among the free ones (N), −1 for fixed ones; their count. */
  readonly free: Int32Array;
  readonly n: number;
  /** Values of the fixed nodes, (K) each. */
  readonly fixed: ReadonlyMap<number, readonly number[]>;
  /** Nothing fixes the constant but the gauge: node 0 is held at 0. */
  readonly floating: boolean;
  /** A place in a part of the mesh where nothing in the definition fixes u, and a reaction must: null where there is none. */
  readonly unheld: string | null;
  readonly pattern: SparsePattern;
  /** (E) → entries, and (E) → (n · K), null where no Dirichlet value is other than 0. */
  readonly stiffness: SparseMatrix;
  readonly mass: SparseMatrix;
  readonly stiffnessLoad: SparseMatrix | null;
  readonly massLoad: SparseMatrix | null;
  /** What does not depend on coefficients given as tensors. */
  readonly entries: Float64Array;
  readonly load: Float64Array;
}

/** Dirichlet nodes and their values (K); the first condition that names a node holds there. */
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

/** Nodes of one triangle are coupled. */
function* coupled({ triangles }: Mesh, free: Int32Array): Iterable<[number, number]> {
  for (let h = 0; h < triangles.length; h++) {
    const next = h % 3 === 2 ? h - 2 : h + 1;
    const [a, b] = [free[triangles[h]], free[triangles[next]]];
    if (a >= 0 && b >= 0) yield [a, b];
  }
}

/** The matrix's pattern. */
function patternOf({ mesh }: PoissonSpec, free: Int32Array, n: number): SparsePattern {
  const places = new Float64Array(2 * n);
  free.forEach((k, i) => {
    if (k >= 0) places.set([mesh.points[2 * i], mesh.points[2 * i + 1]], 2 * k);
  });
  return sparsePattern(n, coupled(mesh, free), places);
}

/** Collects the maps of a and of c, which have their entries at the same places. */
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

/**
 * Takes what source and flux sum to, right-hand side by right-hand side, from the load as a uniform source: where only the
 * quadrature or the polygon about a curved domain keeps them from balancing, the rest is small. @throws where it is not.
 */
function balanceLoad(load: Float64Array, free: Int32Array, mesh: Mesh, sums: Float64Array, sizes: Float64Array): void {
  const K = sums.length;
  const odd = sums.findIndex((sum, k) => Math.abs(sum) > IMBALANCE * sizes[k]);
  if (odd >= 0) {
    fail(
      "source and flux that balance, where no Dirichlet or Robin condition and no reaction takes up the rest",
      `${sums[odd]} in all for right-hand side ${odd + 1}`,
    );
  }
  shares(mesh).forEach((share, node) => {
    for (let k = 0; k < K && free[node] >= 0; k++) load[free[node] * K + k] -= share * sums[k];
  });
}
/** Largest sum of source and flux, as a share of the sum of their absolute values. */
const IMBALANCE = 0.01;

/** Numbers the free nodes and makes all maps. @throws on values that are not finite, or loads that cannot balance. */
export function assemble(spec: PoissonSpec, K: number): Assembly {
  const { mesh, neumann = [], robin = [], reaction, source = 0 } = spec;
  const { points, triangles, edges } = mesh;
  const [N, E] = [points.length / 2, triangles.length / 3];
  if (reaction !== undefined) checkField("reaction", reaction, E);
  const fixed = fixedNodes(spec, K);
  const floating = fixed.size === 0 && robin.length === 0 && reaction === undefined;
  if (floating) fixed.set(0, new Array<number>(K).fill(0));
  const free = new Int32Array(N).fill(-1);
  let n = 0;
  for (let i = 0; i < N; i++) if (!fixed.has(i)) free[i] = n++;
  if (n === 0) fail("at least one node that no Dirichlet condition fixes", `${N} nodes, all fixed`);
  const pattern = patternOf(spec, free, n);
  const entryOf = entryFinder(pattern);

  const entries = new Float64Array(pattern.rows.length);
  const load = new Float64Array(n * K);
  const matrixMaps = mapsOf(E, entries.length);
  const loadMaps = mapsOf(E, n * K);
  const held = new Set(floating ? [] : fixed.keys()); // nodes of parts whose constant is fixed
  const [balance, size] = [new Float64Array(K), new Float64Array(K)]; // of what flows in: its sum, and that of absolute values
  const addLoad = (node: number, k: number, value: number): void => {
    balance[k] += value;
    size[k] += Math.abs(value);
    if (free[node] >= 0) load[free[node] * K + k] += value;
  };

  for (let e = 0; e < E; e++) {
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
      for (let i = 0; i < 3; i++) addLoad(corners.nodes[i], k, parts[i]);
    }
  }

  const onEdges = (on: Parameters<typeof selectEdges>[1], use: (a: number, b: number) => void): void => {
    for (const edge of selectEdges(mesh, on)) use(edges[2 * edge], edges[2 * edge + 1]);
  };
  neumann.forEach(({ on, flux }, i) => {
    onEdges(on, (a, b) => {
      for (let k = 0; k < K; k++) {
        const [first, second] = edgeIntegrals(`neumann[${i}].flux`, loadOf(flux, k), mesh, a, b);
        addLoad(a, k, first);
        addLoad(b, k, second);
      }
    });
  });
  robin.forEach(({ on, transfer, outside }, i) => {
    checkField(`robin[${i}].transfer`, transfer);
    onEdges(on, (a, b) => {
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
        if (free[q] >= 0 && free[q] <= free[p]) entries[entryOf(free[p], free[q])] += value;
        const known = fixed.get(q);
        for (let k = 0; k < K; k++) {
          const o: Field = loadOf(outside, k);
          const away = valueAt(`robin[${i}].outside`, o, points[2 * q], points[2 * q + 1]) - (known?.[k] ?? 0);
          load[free[p] * K + k] += value * away;
        }
      }
    });
  });
  const parts = partsOf(mesh);
  const heldParts = new Set([...held].map((node) => parts[node]));
  const loose = parts.findIndex((part) => !heldParts.has(part));
  const unheld = loose < 0 ? null : showPoint(points[2 * loose], points[2 * loose + 1]);
  if (floating) {
    const count = 1 + parts.reduce((most, part) => Math.max(most, part), 0);
    if (count > 1)
      fail("a mesh in one piece, where only a gauge fixes the constant", `${count} pieces that do not touch`);
    balanceLoad(load, free, mesh, balance, size);
  } else if (unheld !== null && reaction === undefined) {
    fail("a Dirichlet or Robin condition, or a reaction, in each piece of the mesh", `none in the one about ${unheld}`);
  }
  const [ofMatrix, ofLoad] = [matrixMaps.done(), loadMaps.done()];
  return {
    K,
    free,
    n,
    fixed,
    floating,
    unheld: floating ? null : unheld,
    pattern,
    stiffness: ofMatrix.stiffness,
    mass: ofMatrix.mass,
    stiffnessLoad: ofLoad.stiffness.value.length > 0 ? ofLoad.stiffness : null,
    massLoad: ofLoad.mass.value.length > 0 ? ofLoad.mass : null,
    entries,
    load,
  };
}
