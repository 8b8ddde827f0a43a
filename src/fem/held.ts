/**
 * What fixes u. Stiffness alone leaves a constant open in every connected part of a mesh: a Dirichlet node, a Robin edge or
 * a reaction fixes it, and without any of them the gauge does.
 */
import { areas, type Mesh } from "./mesh.ts";

/** For each node (N) the part of the mesh that it is in, numbered from 0: nodes of one triangle are in one part. */
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

/** ∫ φ_i over the area (N): of sum 1. */
export function shares(mesh: Mesh): Float64Array {
  const out = new Float64Array(mesh.points.length / 2);
  const each = areas(mesh);
  const total = each.reduce((a, b) => a + b, 0);
  mesh.triangles.forEach((node, i) => {
    out[node] += each[Math.floor(i / 3)] / (3 * total);
  });
  return out;
}
