/**
 * Connected parts of a mesh. In each of them the stiffness leaves a constant undetermined, which a Dirichlet node, a Robin edge or a
 * reaction fixes, or else the gauge.
 */
import { areas, type Mesh } from "./mesh.ts";

/** The number of the part of the mesh that each node (N) belongs to, from 0. */
export function partsOf({ points, triangles }: Mesh): Int32Array {
  const N = points.length / 2;
  const root = Int32Array.from({ length: N }, (_, i) => i);
  const find = (i: number): number => {
    while (root[i] !== i) i = root[i] = root[root[i]]; // path halving
    return i;
  };
  for (let h = 0; h < triangles.length; h++) {
    const [a, b] = [find(triangles[h]), find(triangles[h - (h % 3)])];
    root[Math.max(a, b)] = Math.min(a, b);
  }
  const number = new Map<number, number>();
  return root.map((_, i) => {
    const part = find(i);
    if (!number.has(part)) number.set(part, number.size);
    return number.get(part) as number;
  });
}

/** ∫ φ_i divided by the area of the mesh (N), with sum 1. */
export function shares(mesh: Mesh): Float64Array {
  const out = new Float64Array(mesh.points.length / 2);
  const each = areas(mesh);
  const total = each.reduce((a, b) => a + b, 0);
  mesh.triangles.forEach((node, i) => {
    out[node] += each[Math.floor(i / 3)] / (3 * total);
  });
  return out;
}
