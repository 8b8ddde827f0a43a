/** Readings of a solution: linear functionals of the nodes in terms of the free nodes, and the gauge that fixes the constant. */
import { describe } from "../checks/arguments.ts";
import { add, linearMap, sub } from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type SparseMatrix, sparseMatrix, type Triplet } from "../sparse/matrix.ts";
import type { Rows } from "./arrays.ts";
import type { Assembly } from "./assemble.ts";
import { shares } from "./held.ts";
import { fail } from "./loads.ts";
import { locate } from "./locate.ts";
import type { PoissonSpec } from "./spec.ts";

/** Sensors as functionals of the nodes (N) → (S); null without sensors. @throws when a point lies outside the mesh. */
export function sensorMatrix({ mesh, sensors }: PoissonSpec): SparseMatrix | null {
  if (sensors === undefined) return null;
  const N = mesh.points.length / 2;
  if (!isRows(sensors)) {
    const got = sensors?.inputs ? `functionals of ${sensors.inputs}` : describe(sensors);
    if (sensors?.inputs !== N) fail(`sensors to be points, or functionals of ${N} nodes`, got);
    return sensors;
  }
  const { triangles, weights } = locate(mesh, sensors);
  if (triangles.length === 0) fail("at least one sensor", "none");
  const entries = Array.from(weights, (w, i): Triplet => {
    const row = Math.floor(i / 3);
    return [row, mesh.triangles[3 * triangles[row] + (i % 3)], w];
  });
  return sparseMatrix(N, triangles.length, entries);
}
const isRows = (sensors: Rows | SparseMatrix): sensors is Rows => Array.isArray(sensors) || ArrayBuffer.isView(sensors);

/** The functionals that read every node. */
export const identity = (N: number): SparseMatrix =>
  sparseMatrix(
    N,
    N,
    Array.from({ length: N }, (_, i) => [i, i, 1] as const),
  );

/** The functional that the gauge sets to 0, (N) → (1). @throws unless its weights sum to 1. */
export function gaugeMatrix({ mesh, gauge = "domain" }: PoissonSpec, sensors: SparseMatrix | null): SparseMatrix {
  const N = mesh.points.length / 2;
  const weights = new Float64Array(N);
  if (gauge === "domain") {
    weights.set(shares(mesh));
  } else if (gauge === "sensors") {
    if (sensors === null) throw new Error('poisson: expected sensors for gauge "sensors", got none');
    sensors.index.forEach((node, k) => {
      weights[node] += sensors.value[k] / sensors.outputs;
    });
  } else {
    const count = typeof gauge === "object" && gauge !== null ? gauge.length : undefined;
    if (count !== N)
      fail(`gauge "domain", "sensors" or ${N} weights`, count === undefined ? describe(gauge) : `${count}`);
    weights.set(Array.from(gauge));
  }
  const sum = weights.reduce((a, b) => a + b, 0);
  if (!(Math.abs(sum - 1) < 1e-9)) fail("weights of the gauge that sum to 1", `${sum}`);
  const entries = Array.from(weights, (w, i): Triplet => [0, i, w]).filter(([, , w]) => w !== 0);
  return sparseMatrix(N, 1, entries);
}

/** Sum of a functional's weights: what it reads of u = 1. Those of a point sum to 1, but for rounding. */
function readingOfOne({ start, value }: SparseMatrix, s: number): number {
  const sum = value.slice(start[s], start[s + 1]).reduce((a, b) => a + b, 0);
  return Math.abs(sum - 1) < 1e-9 ? 1 : sum;
}

/** (K) → (K · S): what the S functionals read of K constants. A difference of potentials reads 0. */
function ofConstants(K: number, m: SparseMatrix): SparseMatrix {
  const ones = Array.from({ length: m.outputs }, (_, s) => readingOfOne(m, s));
  const entries = Array.from({ length: K * m.outputs }, (_, i): Triplet => {
    return [i, Math.floor(i / m.outputs), ones[i % m.outputs]];
  });
  return sparseMatrix(
    K,
    K * m.outputs,
    entries.filter(([, , value]) => value !== 0),
  );
}

/** A functional (N) → (S) for K right-hand sides of the free nodes, (n · K) → (K · S), and the contribution of the fixed nodes. */
function ofFree(m: SparseMatrix, { free, fixed, n, K }: Assembly): { matrix: SparseMatrix; shift: Float64Array } {
  const entries: Triplet[] = [];
  const shift = new Float64Array(K * m.outputs);
  for (let s = 0; s < m.outputs; s++) {
    for (let at = m.start[s]; at < m.start[s + 1]; at++) {
      const [node, value] = [m.index[at], m.value[at]];
      for (let k = 0; k < K; k++) {
        if (free[node] >= 0) entries.push([k * m.outputs + s, free[node] * K + k, value]);
        else shift[k * m.outputs + s] += value * (fixed.get(node) as readonly number[])[k];
      }
    }
  }
  return { matrix: sparseMatrix(n * K, K * m.outputs, entries), shift };
}

/** Reads functionals (N) → (S) off the free nodes' values (B, n · K): (B, K · S), of u less the constant that the gauge fixes. */
export function reader(m: SparseMatrix, gauge: SparseMatrix | null, assembly: Assembly): (u: Tensor) => Tensor {
  const { matrix, shift } = ofFree(m, assembly);
  const level = gauge && { of: ofFree(gauge, assembly).matrix, spread: ofConstants(assembly.K, m) };
  return (u) => {
    const out = linearMap(u, matrix);
    const whole = shift.some((x) => x !== 0) ? add(out, shift) : out;
    return level ? sub(whole, linearMap(linearMap(u, level.of), level.spread)) : whole;
  };
}
